import type { Position } from "@drover/shared/errors";
import { isRecord, textAt, type JsonRecord } from "@drover/shared/json";
import type { JsonPatchOperation } from "@drover/shared/kube/json-patch";
import { splitApiVersion } from "@drover/shared/kube/manifest";

import type { Fields } from "./fields.ts";
import { parseSelector, type Selector } from "./selector.ts";

/** Which objects a patch changes. What is left out matches everything; `*` stands for any text. */
export interface PatchTarget {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labelSelector?: Selector;
}

export type Patch =
  | {
      readonly kind: "strategic" | "merge";
      readonly target: PatchTarget;
      /** Without what identifies the object: such a patch never renames. */
      readonly patch: JsonRecord;
      readonly at: Position;
    }
  | {
      readonly kind: "json";
      readonly target: PatchTarget;
      readonly operations: readonly JsonPatchOperation[];
      readonly at: Position;
    };

const patchKinds = ["strategic", "merge", "json"] as const;

/** Reads `{ target?, strategic | merge | json }`; undefined, with problems noted, for anything else. */
export function readPatch(fields: Fields): Patch | undefined {
  const written = patchKinds.filter((kind) => fields.has(kind));
  const explicit = fields.map("target");
  const target = explicit === undefined ? undefined : readTarget(explicit);
  fields.finish();
  const [kind] = written;
  if (kind === undefined || written.length > 1) {
    fields.note([], `needs exactly one of ${patchKinds.join(", ")}`);
    return undefined;
  }
  if (kind === "json") {
    if (target === undefined) return fields.missing("target");
    return { kind, target, operations: fields.maps("json").flatMap(readOperation), at: fields.at };
  }
  const patch = fields.value(kind);
  if (!isRecord(patch)) return fields.wrong(kind, "has to be a map");
  const named = target ?? targetOf(patch);
  if (named === undefined) return fields.wrong(kind, "says nowhere what to patch", "add a target, or kind and name");
  return { kind, target: named, patch: withoutIdentity(patch), at: fields.at };
}

function readTarget(fields: Fields): PatchTarget {
  const target: Record<string, string> = {};
  for (const key of ["group", "version", "kind", "name", "namespace"]) {
    const value = fields.text(key);
    if (value !== undefined) target[key] = value;
  }
  const text = fields.text("labelSelector");
  fields.finish();
  if (text === undefined) return target;
  const labelSelector = parseSelector(text);
  if (labelSelector !== undefined) return { ...target, labelSelector };
  fields.wrong("labelSelector", "is no label selector", "write it like app=web,tier in (gold,silver)");
  return target;
}

/** The object that a patch in the form of a partial object names. */
function targetOf(patch: JsonRecord): PatchTarget | undefined {
  const kind = textAt(patch, "kind");
  const name = textAt(patch, "metadata", "name");
  if (kind === undefined || name === undefined) return undefined;
  const apiVersion = textAt(patch, "apiVersion");
  const namespace = textAt(patch, "metadata", "namespace");
  return {
    ...(apiVersion === undefined ? {} : splitApiVersion(apiVersion)),
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
  };
}

function withoutIdentity(patch: JsonRecord): JsonRecord {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = patch;
  if (!isRecord(metadata)) return metadata === undefined ? rest : { ...rest, metadata };
  const { name: _name, namespace: _namespace, ...others } = metadata;
  return Object.keys(others).length === 0 ? rest : { ...rest, metadata: others };
}

const operationNames = ["add", "remove", "replace", "move", "copy", "test"] as const;

function readOperation(fields: Fields): JsonPatchOperation[] {
  if (!fields.has("op")) fields.missing("op");
  const op = fields.oneOf("op", operationNames, "test");
  const pointer = { pattern: /^(?:\/[\s\S]*)?$/u, rule: "a JSON pointer such as /spec/replicas" };
  const path = fields.requiredText("path", pointer);
  const needsFrom = op === "move" || op === "copy";
  const from = needsFrom ? fields.requiredText("from", pointer) : undefined;
  const needsValue = op === "add" || op === "replace" || op === "test";
  if (needsValue && !fields.has("value")) fields.missing("value");
  const value = fields.value("value");
  fields.finish();
  return [{ op, path, ...(from === undefined ? {} : { from }), ...(needsValue ? { value } : {}) }];
}
