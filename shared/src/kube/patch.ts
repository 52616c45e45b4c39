import type { KubeObject } from "./manifest.ts";

export interface JsonPatchOperation {
  readonly op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** RFC 6902. Throws `patch_failed` naming the operation and its path. */
export function jsonPatch(object: KubeObject, operations: readonly JsonPatchOperation[]): KubeObject {
  void operations;
  return object;
}

/** RFC 7386. */
export function mergePatch(object: KubeObject, patch: unknown): KubeObject {
  void patch;
  return object;
}

/** As `kubectl patch --type=strategic` does for built-in kinds; for all others a merge patch that replaces lists. */
export function strategicMerge(object: KubeObject, patch: unknown): KubeObject {
  void patch;
  return object;
}
