import { encodeContents, encodeObject } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";
import type { Position } from "@drover/shared/errors";
import { canonicalize } from "@drover/shared/kube/canonical";
import {
  formatObjectKey,
  namespacePattern,
  objectKey,
  type KubeObject,
  type Manifest,
} from "@drover/shared/kube/manifest";
import { sortByObject } from "@drover/shared/kube/order";
import type { Problem } from "@drover/shared/problems";

import { override } from "./apply-overrides.ts";
import { checkObjects } from "./check-objects.ts";
import type { PlaceableCluster } from "./cluster-selector.ts";
import type { Contents } from "./contents.ts";
import type { Override } from "./override.ts";
import { fillObject, isTemplate } from "./templates.ts";
import { fillText, holdsVariables, type Filled, type VariableSource } from "./variables.ts";

/** What some clusters get, with all that was found wrong about it. */
export interface Variant {
  readonly clusters: readonly string[];
  readonly bundle: Digest;
  readonly objects: number;
  /** For objects that name none; undefined = the application's. */
  readonly namespace: string | undefined;
  /** With an error among them the clusters of this variant keep what they have. */
  readonly problems: readonly Problem[];
  /** Why nobody can tell yet what these clusters get: they keep what they have. */
  readonly waiting?: string;
}

/** Clusters for which the same overrides hold. */
export interface VariantInput {
  readonly manifests: readonly Manifest[];
  readonly overrides: readonly Override[];
  readonly clusters: readonly PlaceableCluster[];
}

/** An object in apply order. Without a digest it holds variables, and is another one on each cluster. */
interface Part {
  readonly manifest: Manifest;
  readonly digest: Digest | undefined;
}

/** What all clusters of a group share: everything but what depends on variables. */
interface Template {
  readonly parts: readonly Part[];
  readonly namespace: string | undefined;
  readonly problems: readonly Problem[];
}

/** Works out what a group of clusters gets. What it consists of is kept in `contents`. */
export function variantsOf({ manifests, overrides, clusters }: VariantInput, contents: Contents): readonly Variant[] {
  const changed = override(manifests, overrides);
  const parts = sortByObject(changed.manifests, ({ object }) => object).map(partOf);
  const namespace = overrides.map((one) => one.namespace).findLast((one) => one !== undefined);
  const problems = [...changed.problems, ...checkObjects(manifests, changed.manifests)];
  const template = { parts, namespace, problems };
  const isShared = parts.every(({ digest }) => digest !== undefined) && !holdsVariables(namespace ?? "");
  if (isShared)
    return [
      bundleOf(
        template,
        clusters.map(({ name }) => name),
        contents,
      ),
    ];
  const vars = varsOf(overrides);
  const variants = clusters.map(({ name, labels, vars: own }) =>
    bundleOf(fillTemplate(template, { name, labels, vars: { ...own, ...vars } }), [name], contents),
  );
  return shareVariants(variants);
}

function partOf(manifest: Manifest): Part {
  if (isTemplate(manifest.object)) return { manifest, digest: undefined };
  const object = canonicalize(manifest.object);
  return {
    manifest: object === manifest.object ? manifest : { ...manifest, object },
    digest: encodeObject(object).digest,
  };
}

function bundleOf({ parts, namespace, problems }: Template, clusters: readonly string[], contents: Contents): Variant {
  const digests: Digest[] = [];
  for (const { manifest, digest } of parts) {
    if (digest === undefined) continue;
    contents.keepObject(digest, manifest.object);
    digests.push(digest);
  }
  return { clusters, bundle: contents.keepBundle(digests), objects: digests.length, namespace, problems };
}

/** The template as one cluster gets it; what the cluster lacks is a problem of it alone (E13). */
function fillTemplate({ parts, namespace: wanted, problems }: Template, source: VariableSource): Template {
  /** With the first place that asks for it. */
  const missing = new Map<string, Position | undefined>();
  const fill = <T>({ value, missing: lacking }: Filled<T>, at?: Position): T => {
    for (const variable of lacking) if (!missing.has(variable)) missing.set(variable, at);
    return value;
  };
  const filled = parts.map((part) => {
    if (part.digest !== undefined) return part;
    const object = canonicalize(fill(fillObject(part.manifest.object, source), part.manifest.at));
    return { manifest: { ...part.manifest, object }, digest: encodeObject(object).digest };
  });
  const namespace = wanted === undefined ? undefined : fill(fillText(wanted, source));
  const [before, after] = [parts.map(({ manifest }) => manifest), filled.map(({ manifest }) => manifest)];
  const found = [...problems, ...checkObjects(before, after), ...checkNamespace(namespace), ...lack(missing)];
  const isMoved = after.some(({ object }, index) => {
    const { object: old = object } = before[index] ?? {};
    return object !== old && keyOf(object) !== keyOf(old);
  });
  const sorted = isMoved ? sortByObject(filled, ({ manifest }) => manifest.object) : filled;
  return { parts: sorted, namespace, problems: found };
}

function keyOf(object: KubeObject): string {
  return formatObjectKey(objectKey(object));
}

/** What overrides say of variables: the last one wins. */
export function varsOf(overrides: readonly Override[]): VariableSource["vars"] {
  return Object.assign({}, ...overrides.map(({ vars }) => vars)) as VariableSource["vars"];
}

/** For clusters of which nobody knows what they are to get: they keep what they have. */
export function failedVariant(clusters: readonly PlaceableCluster[], problems: readonly Problem[]): Variant {
  const { digest } = encodeContents([]);
  return { clusters: clusters.map(({ name }) => name), bundle: digest, objects: 0, namespace: undefined, problems };
}

/** A problem for each variable that a cluster has no value for, at the first place that asks for it. */
export function lack(variables: ReadonlyMap<string, Position | undefined>): readonly Problem[] {
  return [...variables].map(([variable, at]) => ({
    code: "variable-missing",
    severity: "error" as const,
    message: `the cluster has no value for \${cluster.${variable}}`,
    hint: `give it one, or write a default: \${cluster.${variable}:-…}`,
    ...(at === undefined ? {} : { at }),
  }));
}

function checkNamespace(namespace: string | undefined): readonly Problem[] {
  if (namespace === undefined || namespacePattern.test(namespace)) return [];
  const message = `${JSON.stringify(namespace.slice(0, 80))} is no name of a namespace`;
  return [{ code: "invalid-name", severity: "error", message }];
}

/** Clusters for which the same came out share it. */
function shareVariants(variants: readonly Variant[]): readonly Variant[] {
  const shared = new Map<string, { readonly variant: Variant; readonly clusters: string[] }>();
  for (const variant of variants) {
    const { bundle, namespace = "", problems } = variant;
    const key = [bundle, namespace, problems.length === 0 ? "" : JSON.stringify(problems)].join("\n");
    const known = shared.get(key) ?? { variant, clusters: [] };
    known.clusters.push(...variant.clusters);
    shared.set(key, known);
  }
  return [...shared.values()].map(({ variant, clusters }) => ({ ...variant, clusters }));
}
