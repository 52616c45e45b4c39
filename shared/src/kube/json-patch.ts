import { canonicalJson } from "../digest.ts";
import { DroverError } from "../errors.ts";
import { isRecord, type JsonRecord } from "../json.ts";

export interface JsonPatchOperation {
  readonly op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  /** RFC 6901. */
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** What the copies of one patch may come to, as in Kubernetes' API server: a few of them double a value to any size. */
const maxCopied = 3 * 1024 * 1024;
/** Of a path, and of what is moved or copied with the path to its new place; a file has half of it. */
const maxDepth = 128;

/**
 * RFC 6902 on any JSON value, which stays as it is. Throws `patch_failed` naming the operation and its path, also for
 * more than 3 MiB of copies and more than 128 levels.
 */
export function applyJsonPatch(document: unknown, operations: readonly JsonPatchOperation[]): unknown {
  let current = document;
  let copied = 0;
  for (const [index, operation] of operations.entries()) {
    try {
      if (operation.op === "copy") copied += sizeAt(current, operation);
      if (copied > maxCopied) throw new PathFault(`copies come to more than ${maxCopied} characters`);
      current = applyOperation(current, operation);
    } catch (cause) {
      if (!(cause instanceof PathFault)) throw cause;
      const message = `operation ${index + 1} (${operation.op} ${shorten(operation.path)}): ${cause.message}`;
      throw new DroverError("patch_failed", message, { cause });
    }
  }
  return current;
}

/** Says what is wrong with a path; never leaves this file. */
class PathFault extends Error {}

function applyOperation(document: unknown, { op, path, from, value }: JsonPatchOperation): unknown {
  const target = parsePointer(path);
  switch (op) {
    case "add":
      return edit(document, target, (parent) => addTo(parent, value));
    case "remove":
      return edit(document, target, removeFrom);
    case "replace":
      read(document, target);
      return target.length === 0 ? value : edit(document, target, (parent) => replaceIn(parent, value));
    case "test":
      if (canonicalJson(read(document, target)) === canonicalJson(value)) return document;
      throw new PathFault("the value is another");
    case "copy": {
      const source = read(document, parsePointer(from ?? ""));
      checkDepth(source, maxDepth - target.length);
      return edit(document, target, (parent) => addTo(parent, source));
    }
    case "move": {
      const source = parsePointer(from ?? "");
      if (path === from) return document;
      if (path.startsWith(`${from ?? ""}/`)) throw new PathFault("a value cannot be moved into itself");
      const moved = read(document, source);
      checkDepth(moved, maxDepth - target.length);
      return edit(edit(document, source, removeFrom), target, (parent) => addTo(parent, moved));
    }
  }
}

function parsePointer(pointer: string): readonly string[] {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) throw new PathFault("a path begins with /");
  const parts = pointer.slice(1).split("/");
  if (parts.length > maxDepth) throw new PathFault(`a path has up to ${maxDepth} parts`);
  return parts.map((part) => {
    if (part === "__proto__") throw new PathFault("the key __proto__ is not allowed");
    if (/~(?![01])/u.test(part)) throw new PathFault("~ has to be written ~0, and / within a key ~1");
    return part.replaceAll("~1", "/").replaceAll("~0", "~");
  });
}

function sizeAt(document: unknown, { from = "" }: JsonPatchOperation): number {
  return JSON.stringify(read(document, parsePointer(from))).length;
}

function checkDepth(value: unknown, levels: number): void {
  if (typeof value !== "object" || value === null) return;
  if (levels <= 0) throw new PathFault(`nested deeper than ${maxDepth} levels`);
  for (const inner of Object.values(value)) checkDepth(inner, levels - 1);
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}

function read(document: unknown, path: readonly string[]): unknown {
  let current = document;
  for (const key of path) {
    if (Array.isArray(current)) current = current[indexIn(current, key)];
    else if (isRecord(current) && Object.hasOwn(current, key)) current = current[key];
    else throw new PathFault(`there is no ${JSON.stringify(shorten(key))}`);
  }
  return current;
}

/** A container and the key at which it is to be changed. */
type Place =
  | { readonly kind: "list"; readonly list: readonly unknown[]; readonly key: string }
  | { readonly kind: "map"; readonly map: JsonRecord; readonly key: string };

/** Copies the containers on the way and no others. */
function edit(document: unknown, path: readonly string[], change: (place: Place | undefined) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(undefined);
  if (rest.length === 0) {
    if (Array.isArray(document)) return change({ kind: "list", list: document, key });
    if (isRecord(document)) return change({ kind: "map", map: document, key });
    throw new PathFault(`there is no ${JSON.stringify(key)}`);
  }
  const inner = edit(read(document, [key]), rest, change);
  if (Array.isArray(document)) return document.with(indexIn(document, key), inner);
  return isRecord(document) ? { ...document, [key]: inner } : document;
}

function addTo(place: Place | undefined, value: unknown): unknown {
  if (place === undefined) return value;
  if (place.kind === "map") return { ...place.map, [place.key]: value };
  const { list, key } = place;
  return list.toSpliced(key === "-" ? list.length : indexIn(list, key, list.length), 0, value);
}

function removeFrom(place: Place | undefined): unknown {
  if (place === undefined) throw new PathFault("the whole object cannot be removed");
  const { key } = place;
  if (place.kind === "list") return place.list.toSpliced(indexIn(place.list, key), 1);
  read(place.map, [key]);
  return Object.fromEntries(Object.entries(place.map).filter(([name]) => name !== key));
}

function replaceIn(place: Place | undefined, value: unknown): unknown {
  if (place === undefined) return value;
  if (place.kind === "map") return { ...place.map, [place.key]: value };
  return place.list.with(indexIn(place.list, place.key), value);
}

function indexIn(list: readonly unknown[], key: string, last = list.length - 1): number {
  const index = /^(?:0|[1-9][0-9]{0,8})$/u.test(key) ? Number(key) : Number.NaN;
  if (index <= last) return index;
  throw new PathFault(`there is no item ${shorten(key)} in a list of ${list.length}`);
}
