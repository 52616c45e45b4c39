import type { Position } from "@drover/shared/errors";
import { formatObjectKey, objectKey, type KubeObject, type Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import { findFaults } from "./render/faults.ts";
import { maxObjectBytes } from "./render/limits.ts";
import { isTemplate } from "./templates.ts";

const nowhere: Position = { file: "", line: 1, column: 1 };

/**
 * Overrides and variables may change what an object is called: two must not become one, nor one something that no server
 * takes. Only what differs from before is looked at, and nothing whose variables are still to be filled in.
 */
export function checkObjects(before: readonly Manifest[], after: readonly Manifest[]): readonly Problem[] {
  const changed = after.filter(({ object }, index) => object !== before[index]?.object && !isTemplate(object));
  if (changed.length === 0) return [];
  const faults = new Map(changed.map((manifest) => [manifest.object, faultsOf(manifest)]));
  return [...[...faults.values()].flat(), ...findClashes(after, faults)];
}

function faultsOf({ object, at = nowhere }: Manifest): readonly Problem[] {
  const faults = findFaults({ value: object, positionOf: () => at });
  const size = JSON.stringify(object).length;
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
