import type { Position } from "@drover/shared/errors";
import { formatObjectKey, objectKey, type KubeObject, type Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import { findFaults } from "./render/faults.ts";
import { maxContentBytes, maxObjectBytes } from "./render/limits.ts";
import { isTemplate } from "./templates.ts";

const nowhere: Position = { file: "", line: 1, column: 1 };

/**
 * Overrides and variables may change what an object is called: two must not become one, nor one something that no server
 * takes. Only what differs from before is looked at, and nothing whose variables are still to be filled in.
 */
export function checkObjects(before: readonly Manifest[], after: readonly Manifest[]): readonly Problem[] {
  const changed = after.filter(({ object }, index) => object !== before[index]?.object && !isTemplate(object));
  if (changed.length === 0) return [];
  const sizes = changed.map(({ object }) => JSON.stringify(object).length);
  const faults = new Map(changed.map((manifest, index) => [manifest.object, faultsOf(manifest, sizes[index] ?? 0)]));
  return [...[...faults.values()].flat(), ...findClashes(after, faults), ...checkBytes(sizes)];
}

/** A few bytes for each object are many for 25,000 of them. */
function checkBytes(sizes: readonly number[]): readonly Problem[] {
  if (sizes.reduce((sum, size) => sum + size, 0) <= maxContentBytes) return [];
  const message = `the objects that overrides and variables change have more than ${maxContentBytes >> 20} MiB`;
  return [{ code: "output-too-large", severity: "error", message }];
}

function faultsOf({ object, at = nowhere }: Manifest, size: number): readonly Problem[] {
  const faults = findFaults({ value: object, positionOf: () => at });
  if (faults.length > 0 || size <= maxObjectBytes) return faults;
  const message = `this object has ${size} bytes, more than the limit of ${maxObjectBytes}`;
  return [{ code: "output-too-large", severity: "error", message, at }];
}

function findClashes(
  manifests: readonly Manifest[],
  changed: ReadonlyMap<KubeObject, readonly Problem[]>,
): readonly Problem[] {
  const named = Map.groupBy(
    manifests.filter(({ object }) => (changed.get(object)?.length ?? 0) === 0),
    ({ object }) => formatObjectKey(objectKey(object)),
  );
  return [...named].flatMap(([key, same]) => {
    const guilty = same.find(({ object }) => changed.has(object));
    if (same.length === 1 || guilty === undefined) return [];
    const at = guilty.at === undefined ? {} : { at: guilty.at };
    return [{ code: "duplicate-object", severity: "error", message: `patches turn two objects into ${key}`, ...at }];
  });
}
