import type { KubeObject } from "./manifest.ts";

/** Lower ranks are applied first. */
export function applyRank(object: Pick<KubeObject, "apiVersion" | "kind">): number {
  void object;
  return 0;
}

/** In apply order; objects of the same rank by identity, so that moving files about changes nothing. */
export function sortForApply<T extends KubeObject>(objects: readonly T[]): T[] {
  return [...objects];
}
