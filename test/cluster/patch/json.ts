import { isDeepStrictEqual } from "node:util";

import { isRecord } from "../json.ts";
import { PatchError } from "./error.ts";

/** More operations in one patch than this the real server refuses. */
const maximumOperations = 10_000;

/** RFC 6902. The document is not changed. No list of operations is a 400; like the real server, all else is a 422. */
export function jsonPatch(document: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations))
    throw new PatchError(400, "json: cannot unmarshal into Go value of type jsonpatch.Patch");
  if (operations.length > maximumOperations) {
    throw new PatchError(400, `The allowed maximum operations in a JSON patch is ${maximumOperations}`);
  }
  let result = document;
  for (const operation of operations) result = applyOperation(result, operation);
  return result;
}

function applyOperation(document: unknown, operation: unknown): unknown {
  if (!isRecord(operation)) throw new PatchError(422, "an operation of a JSON patch must be an object");
  const path = pointer(operation, "path");
  switch (operation["op"]) {
    case "add":
      return put(document, path, { value: valueOf(operation), mode: "add" });
    case "replace":
      return put(document, path, { value: valueOf(operation), mode: "replace" });
    case "remove":
      return remove(document, path);
    case "copy":
      return put(document, path, { value: get(document, pointer(operation, "from")), mode: "add" });
    case "move":
      return move(document, pointer(operation, "from"), path);
    case "test":
      if (isDeepStrictEqual(find(document, path) ?? null, valueOf(operation) ?? null)) return document;
      throw new PatchError(422, `testing path ${format(path)} failed`);
    default:
      throw new PatchError(422, "an operation of a JSON patch must be add, remove, replace, move, copy or test");
  }
}

type Path = readonly string[];

function pointer(operation: Readonly<Record<string, unknown>>, name: "path" | "from"): Path {
  const text = operation[name];
  if (text === "") return [];
  if (typeof text !== "string" || !text.startsWith("/")) {
    throw new PatchError(422, `an operation of a JSON patch needs a ${name} that starts with "/"`);
  }
  return text
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function valueOf(operation: Readonly<Record<string, unknown>>): unknown {
  if (!Object.hasOwn(operation, "value")) throw new PatchError(422, "an operation of a JSON patch needs a value");
  return operation["value"];
}

/** The value at the path; undefined when it or something on the way is missing. */
function find(document: unknown, path: Path): unknown {
  let value = document;
  for (const key of path) {
    if (Array.isArray(value)) value = /^\d+$/.test(key) ? value[Number(key)] : undefined;
    else if (isRecord(value) && Object.hasOwn(value, key)) value = value[key];
    else return undefined;
  }
  return value;
}

function get(document: unknown, path: Path): unknown {
  const value = find(document, path);
  if (value === undefined) throw missing(path);
  return value;
}

function move(document: unknown, from: Path, to: Path): unknown {
  const value = get(document, from);
  if (to.length > from.length && from.every((key, index) => key === to[index])) {
    throw new PatchError(422, `cannot move ${format(from)} into itself`);
  }
  return put(remove(document, from), to, { value, mode: "add" });
}

type Put = { readonly value: unknown; readonly mode: "add" | "replace" };

function put(document: unknown, path: Path, { value, mode }: Put): unknown {
  return edit(document, path, {
    root: () => value,
    list(items, index) {
      if (mode === "replace") {
        if (index >= items.length) throw missing(path);
        return items.with(index, value);
      }
      return items.toSpliced(index, 0, value);
    },
    fields(fields, key) {
      if (mode === "replace" && !Object.hasOwn(fields, key)) throw missing(path);
      return { ...fields, [key]: value };
    },
  });
}

function remove(document: unknown, path: Path): unknown {
  return edit(document, path, {
    root: () => null,
    list(items, index) {
      if (index >= items.length) throw missing(path);
      return items.toSpliced(index, 1);
    },
    fields(fields, key) {
      if (!Object.hasOwn(fields, key)) throw missing(path);
      const { [key]: _, ...rest } = fields;
      return rest;
    },
  });
}

type Edit = {
  readonly root: () => unknown;
  readonly list: (items: readonly unknown[], index: number) => unknown;
  readonly fields: (fields: Readonly<Record<string, unknown>>, key: string) => unknown;
};

/** The document with the container at the end of the path edited; only what is on the way is copied. */
function edit(document: unknown, path: Path, change: Edit): unknown {
  if (path.length === 0) return change.root();

  function at(value: unknown, depth: number): unknown {
    const key = path[depth] ?? "";
    const last = depth === path.length - 1;
    if (Array.isArray(value)) {
      const index = indexIn(value, key, path);
      return last ? change.list(value, index) : value.with(index, at(value[index], depth + 1));
    }
    if (!isRecord(value)) throw missing(path);
    if (last) return change.fields(value, key);
    if (!Object.hasOwn(value, key)) throw missing(path);
    return { ...value, [key]: at(value[key], depth + 1) };
  }

  return at(document, 0);
}

function indexIn(list: readonly unknown[], key: string, path: Path): number {
  if (key === "-") return list.length;
  const index = /^(0|[1-9]\d*)$/.test(key) ? Number(key) : Number.NaN;
  if (Number.isNaN(index) || index > list.length) throw missing(path);
  return index;
}

function missing(path: Path): PatchError {
  return new PatchError(422, `the path ${format(path)} is not in the document`);
}

function format(path: Path): string {
  return path.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
