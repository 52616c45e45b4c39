import type { Position } from "@drover/shared/errors";
import { formatObjectKey, objectKey, type Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import { headOf, jsonOf } from "./packed-manifest.ts";
import { findFaults } from "./render/faults.ts";
import { maxContentBytes, maxObjectBytes } from "./render/limits.ts";
import { isTemplate } from "./templates.ts";

const nowhere: Position = { file: "", line: 1, column: 1 };

/**
 * Overrides and variables may change what an object is called: two must not become one, nor one something that no server
 * takes. Only what differs from before is looked at, and nothing whose variables are still to be filled in.
 */
export function checkObjects(before: readonly Manifest[], after: readonly Manifest[]): readonly Problem[] {
  const changed = after.filter((manifest, index) => manifest !== before[index] && !isTemplate(manifest));
  if (changed.length === 0) return [];
  const own = new Set(changed);
  return checkChanged(changed, keysOf(after.filter((manifest) => !own.has(manifest))));
}

/** The same where it is known what has changed; `others` are the names of what has not. */
export function checkChanged(changed: readonly Manifest[], others: ReadonlySet<string>): readonly Problem[] {
  const sizes = changed.map((manifest) => jsonOf(manifest).length);
  const faults = changed.map((manifest, index) => faultsOf(manifest, sizes[index] ?? 0));
  const sound = changed.filter((_manifest, index) => faults[index]?.length === 0);
  return [...faults.flat(), ...findClashes(sound, others), ...checkBytes(sizes)];
}

/** What manifests are called, as `checkChanged` wants it. */
export function keysOf(manifests: readonly Manifest[]): ReadonlySet<string> {
  return new Set(manifests.map(keyOf));
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

function findClashes(changed: readonly Manifest[], others: ReadonlySet<string>): readonly Problem[] {
  return [...Map.groupBy(changed, keyOf)].flatMap(([key, [guilty, ...more]]) => {
    if (more.length === 0 && !others.has(key)) return [];
    const at = guilty?.at === undefined ? {} : { at: guilty.at };
    return [{ code: "duplicate-object", severity: "error", message: `patches turn two objects into ${key}`, ...at }];
  });
}

function keyOf(manifest: Manifest): string {
  return formatObjectKey(objectKey(headOf(manifest)));
}
