import { DroverError } from "@drover/shared/errors";
import {
  formatObjectKey,
  objectKey,
  splitApiVersion,
  type KubeObject,
  type Manifest,
} from "@drover/shared/kube/manifest";
import { jsonPatch, mergePatch, strategicMerge } from "@drover/shared/kube/patch";
import type { Problem } from "@drover/shared/problems";

import type { Patch, PatchTarget } from "./patch.ts";
import type { Override, PlaceableCluster, Placement } from "./placement.ts";
import { matches } from "./selector.ts";

/**
 * The overrides that hold for the cluster, in the order in which they are applied: placements by repository and name,
 * and within one in the order in which they are written.
 */
export function overridesFor(placements: readonly Placement[], cluster: PlaceableCluster): readonly Override[] {
  return placements
    .filter(({ selector }) => matches(selector, cluster.labels).matched)
    .toSorted(byName)
    .flatMap(({ overrides }) => overrides.filter(({ selector }) => matches(selector, cluster.labels).matched));
}

export interface Overridden {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly Problem[];
}

/**
 * Applies patches in order; what no patch touches stays the same object. A patch that finds nothing to change is a
 * warning, one that fails an error. false, 0, [] and null take effect exactly; null deletes.
 */
export function override(manifests: readonly Manifest[], overrides: readonly Override[]): Overridden {
  const problems: Problem[] = [];
  const patched = [...manifests];
  for (const patch of overrides.flatMap(({ patches }) => patches)) {
    let found = 0;
    for (const [index, manifest] of patched.entries()) {
      if (!isTarget(patch.target, manifest.object)) continue;
      found += 1;
      try {
        patched[index] = { ...manifest, object: applyPatch(patch, manifest.object) };
      } catch (cause) {
        problems.push(failure(patch, manifest, DroverError.from(cause)));
      }
    }
    if (found === 0) {
      const message = `this patch matches none of the ${manifests.length} objects`;
      problems.push({
        code: "patch-no-match",
        severity: "warning",
        message,
        at: patch.at,
        hint: describe(patch.target),
      });
    }
  }
  return { manifests: patched, problems: [...problems, ...findClashes(manifests, patched)] };
}

function applyPatch(patch: Patch, object: KubeObject): KubeObject {
  switch (patch.kind) {
    case "json":
      return jsonPatch(object, patch.operations);
    case "merge":
      return mergePatch(object, patch.patch);
    case "strategic":
      return strategicMerge(object, patch.patch);
  }
}

function isTarget(target: PatchTarget, object: KubeObject): boolean {
  const { group, version } = splitApiVersion(object.apiVersion);
  const { name, namespace = "", labels = {} } = object.metadata;
  return (
    isLike(target.group, group) &&
    isLike(target.version, version) &&
    isLike(target.kind, object.kind) &&
    isLike(target.name, name) &&
    isLike(target.namespace, namespace) &&
    (target.labelSelector === undefined || matches(target.labelSelector, labels).matched)
  );
}

/** `*` stands for any text. Compared part by part, in linear time whatever the pattern. */
function isLike(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined) return true;
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let from = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, from);
    if (found === -1 || found + part.length > text.length - last.length) return false;
    from = found + part.length;
  }
  return true;
}

function failure(patch: Patch, { object }: Manifest, error: DroverError): Problem {
  const message = `${formatObjectKey(objectKey(object))}: ${error.message}`;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return { code: "patch-failed", severity: "error", message, at: patch.at, ...hint };
}

/** JSON patches may change names: two objects must not become one, nor one object none. */
function findClashes(before: readonly Manifest[], after: readonly Manifest[]): readonly Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const [index, { object, at }] of after.entries()) {
    const key = formatObjectKey(objectKey(object));
    if (seen.has(key) && object !== before[index]?.object) {
      const message = `patches turn two objects into ${key}`;
      problems.push({ code: "duplicate-object", severity: "error", message, ...(at === undefined ? {} : { at }) });
    }
    seen.add(key);
  }
  return problems;
}

function describe({ labelSelector, ...target }: PatchTarget): string {
  const wanted = Object.entries(target).map(([key, value]) => `${key} ${value}`);
  if (labelSelector !== undefined) wanted.push("the given labels");
  return `it looks for ${wanted.length === 0 ? "anything" : wanted.join(", ")}`;
}

function byName(a: Placement, b: Placement): number {
  if (a.repository !== b.repository) return a.repository < b.repository ? -1 : 1;
  return a.name === b.name ? 0 : a.name < b.name ? -1 : 1;
}
