import type { KubeObject } from "./manifest.ts";

/** The form in which an object is compared, digested and applied. Twice is the same as once. */
export function canonicalize(object: KubeObject): KubeObject {
  return object;
}
