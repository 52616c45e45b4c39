import { DroverError } from "../errors.ts";
import { isRecord, textAt, type JsonRecord } from "../json.ts";
import { applyJsonPatch, type JsonPatchOperation } from "./json-patch.ts";
import type { KubeObject } from "./manifest.ts";
import { mergeTypeOf } from "./merge-keys.ts";
import { mergeMaps } from "./strategic-merge.ts";

/** RFC 6902. Throws `patch_failed` naming the operation and its path. */
export function jsonPatch(object: KubeObject, operations: readonly JsonPatchOperation[]): KubeObject {
  return asObject(applyJsonPatch(object, operations));
}

/** RFC 7386: maps are merged, everything else is replaced, null deletes. Throws `patch_failed`. */
export function mergePatch(object: KubeObject, patch: unknown): KubeObject {
  return asObject(applyMergePatch(object, patch));
}

/** As `kubectl patch --type=strategic` for built-in kinds; for all others lists are replaced. Throws `patch_failed`. */
export function strategicMerge(object: KubeObject, patch: unknown): KubeObject {
  if (!isRecord(patch)) throw new DroverError("patch_failed", "the patch has to be a map");
  return asObject(mergeMaps(object, patch, mergeTypeOf(object), []));
}

function applyMergePatch(value: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged = new Map<string, unknown>(isRecord(value) ? Object.entries(value) : []);
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) merged.delete(key);
    else merged.set(key, applyMergePatch(merged.get(key), change));
  }
  return Object.fromEntries(merged);
}

/** A patch may change a name, but what comes out has to be an object still. */
function asObject(value: unknown): KubeObject {
  if (isRecord(value) && isKubeObject(value)) return value;
  throw new DroverError("patch_failed", "the patch leaves no apiVersion, kind or metadata.name");
}

function isKubeObject(value: JsonRecord): value is KubeObject {
  const named = textAt(value, "metadata", "name") ?? "";
  return textAt(value, "apiVersion") !== undefined && textAt(value, "kind") !== undefined && named !== "";
}
