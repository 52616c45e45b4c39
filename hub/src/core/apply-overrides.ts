import { DroverError, type Position } from "@drover/shared/errors";
import {
  formatObjectKey,
  objectKey,
  splitApiVersion,
  type KubeObject,
  type Manifest,
} from "@drover/shared/kube/manifest";
import { jsonPatch, mergePatch, strategicMerge } from "@drover/shared/kube/patch";
import type { Problem } from "@drover/shared/problems";

import { changeImage } from "./images.ts";
import type { Override } from "./override.ts";
import { manifestOf } from "./packed-manifest.ts";
import type { Patch, PatchTarget } from "./patch.ts";
import { isScaledBy, setReplicas } from "./replicas.ts";
import { matches } from "./selector.ts";

/** One change that an override makes, with the objects that it is for. */
export interface Step {
  /** What of the override it is, as it is written there: `patches[0]`, `labels`. */
  readonly part: readonly [key: string, index?: number];
  readonly at: Position;
  isFor(object: KubeObject): boolean;
  /** The same object when nothing changes. Throws a DroverError when it cannot be changed so. */
  change(object: KubeObject): KubeObject;
  /** What is said when it finds nothing to change; undefined when that is nothing to talk about. */
  readonly missed: { readonly code: string; readonly message: string; readonly hint?: string } | undefined;
}

export interface Overridden {
  /** Texts may hold variables that are not filled in. */
  readonly manifests: readonly Manifest[];
  readonly problems: readonly Problem[];
}

/**
 * Applies overrides in order; what none touches stays the same object. A change that finds nothing is a warning, one that
 * fails an error. false, 0, [] and null take effect exactly; null deletes.
 */
export function override(manifests: readonly Manifest[], overrides: readonly Override[]): Overridden {
  const steps = overrides.flatMap(stepsOf).map((step) => ({ step, found: false, problems: [] as Problem[] }));
  if (steps.length === 0) return { manifests, problems: [] };
  // Object by object: each is read once for all steps.
  const changed = manifests.map((manifest) => {
    const { object: given, at } = manifest;
    let object = given;
    for (const taken of steps) {
      if (!taken.step.isFor(object)) continue;
      taken.found = true;
      try {
        object = taken.step.change(object);
      } catch (cause) {
        taken.problems.push(failure(taken.step, object, DroverError.from(cause)));
      }
    }
    return object === given ? manifest : manifestOf(object, at);
  });
  return { manifests: changed, problems: steps.flatMap((taken) => [...taken.problems, ...missed(taken)]) };
}

function missed({ step, found }: { readonly step: Step; readonly found: boolean }): readonly Problem[] {
  return found || step.missed === undefined ? [] : [{ severity: "warning", at: step.at, ...step.missed }];
}

/** What an override does, in the order in which it takes effect. */
export function stepsOf({ patches, images, replicas, labels, annotations, at }: Override): readonly Step[] {
  const lack = (code: string, message: string, hint?: string): Step["missed"] =>
    hint === undefined ? { code, message } : { code, message, hint };
  return [
    ...patches.map((patch, index) => ({
      part: ["patches", index] as const,
      at: patch.at,
      isFor: (object: KubeObject) => isTarget(patch.target, object),
      change: (object: KubeObject) => applyPatch(patch, object),
      missed: lack("patch-no-match", "this patch matches no object", describe(patch.target)),
    })),
    ...images.map((image, index) => ({
      part: ["images", index] as const,
      at: image.at,
      isFor: (object: KubeObject) => changeImage(object, image) !== object,
      change: (object: KubeObject) => changeImage(object, image),
      missed: lack("image-no-match", `no container has the image ${image.name}`),
    })),
    ...replicas.map((count, index) => ({
      part: ["replicas", index] as const,
      at: count.at,
      isFor: (object: KubeObject) => isScaledBy(object, count),
      change: (object: KubeObject) => setReplicas(object, count),
      missed: lack("replicas-no-match", `no Deployment, StatefulSet or ReplicaSet is named ${count.name}`),
    })),
    ...Object.entries({ labels, annotations })
      .filter(([, texts]) => Object.keys(texts).length > 0)
      .map(([key, texts]) => ({
        part: [key] as const,
        at,
        isFor: () => true,
        change: (object: KubeObject) => mergePatch(object, { metadata: { [key]: texts } }),
        missed: undefined,
      })),
  ];
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

function failure({ at }: Step, object: KubeObject, error: DroverError): Problem {
  const message = `${formatObjectKey(objectKey(object))}: ${error.message}`;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return { code: "patch-failed", severity: "error", message, at, ...hint };
}

function describe({ labelSelector, ...target }: PatchTarget): string {
  const wanted = Object.entries(target).map(([key, value]) => `${key} ${value}`);
  if (labelSelector !== undefined) wanted.push("the given labels");
  return `it looks for ${wanted.length === 0 ? "anything" : wanted.join(", ")}`;
}
