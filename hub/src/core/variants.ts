import { digestOfContents } from "@drover/shared/bundle";
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
import { checkChanged, checkObjects, keysOf } from "./check-objects.ts";
import type { PlaceableCluster } from "./cluster-selector.ts";
import type { Contents } from "./contents.ts";
import type { Override } from "./override.ts";
import { headOf, manifestOf, PackedManifest } from "./packed-manifest.ts";
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

/** What all clusters of a group share: everything but what depends on variables. */
interface Template {
  /** In apply order. Those that are not packed hold variables, and are others on each cluster. */
  readonly parts: readonly Manifest[];
  readonly namespace: string | undefined;
  readonly problems: readonly Problem[];
}

/** Works out what a group of clusters gets. What it consists of is kept in `contents`. */
export function variantsOf({ manifests, overrides, clusters }: VariantInput, contents: Contents): readonly Variant[] {
  const changed = override(manifests, overrides);
  const parts = sortByObject(changed.manifests, headOf).map(pack);
  const namespace = overrides.map((one) => one.namespace).findLast((one) => one !== undefined);
  const problems = [...changed.problems, ...checkObjects(manifests, changed.manifests)];
  const template = { parts, namespace, problems };
  const shared = parts.filter(isPacked);
  for (const part of shared) contents.keepObject(part.digest, part);
  if (shared.length === parts.length && !holdsVariables(namespace ?? ""))
    return [bundleOf({ ...template, parts: shared }, namesOf(clusters), contents)];
  const vars = varsOf(overrides);
  const others = keysOf(shared);
  const variants = clusters.map(({ name, labels, vars: own }) => {
    const filled = fillTemplate(template, { name, labels, vars: { ...own, ...vars } }, others);
    for (const part of filled.own) contents.keepObject(part.digest, part);
    return bundleOf(filled, [name], contents);
  });
  return shareVariants(variants);
}

function namesOf(clusters: readonly PlaceableCluster[]): readonly string[] {
  return clusters.map(({ name }) => name);
}

/** As it is while it holds variables: its text is another one on each cluster. */
function pack(manifest: Manifest): Manifest {
  if (isTemplate(manifest)) return manifestOf(manifest.object, manifest.at);
  return isPacked(manifest) ? manifest : new PackedManifest(canonicalize(manifest.object), manifest.at);
}

function isPacked(manifest: Manifest): manifest is PackedManifest {
  return manifest instanceof PackedManifest;
}

interface Finished extends Template {
  readonly parts: readonly PackedManifest[];
}

function bundleOf({ parts, namespace, problems }: Finished, clusters: readonly string[], contents: Contents): Variant {
  const bundle = contents.keepBundle(parts.map(({ digest }) => digest));
  return { clusters, bundle, objects: parts.length, namespace, problems };
}

/**
 * The template as one cluster gets it; what the cluster lacks is a problem of it alone (E13). Looks only at what holds
 * variables; `others` are the names of all that does not.
 */
function fillTemplate(
  { parts, namespace: wanted, problems }: Template,
  source: VariableSource,
  others: ReadonlySet<string>,
): Finished & { readonly own: readonly PackedManifest[] } {
  /** With the first place that asks for it. */
  const missing = new Map<string, Position | undefined>();
  const fill = <T>({ value, missing: lacking }: Filled<T>, at?: Position): T => {
    for (const variable of lacking) if (!missing.has(variable)) missing.set(variable, at);
    return value;
  };
  const own: PackedManifest[] = [];
  let isMoved = false;
  const filled = parts.map((part) => {
    if (isPacked(part)) return part;
    const { object, at } = part;
    const packed = new PackedManifest(canonicalize(fill(fillObject(object, source), at)), at);
    isMoved ||= keyOf(packed.head) !== keyOf(object);
    own.push(packed);
    return packed;
  });
  const namespace = wanted === undefined ? undefined : fill(fillText(wanted, source));
  const found = [...problems, ...checkChanged(own, others), ...checkNamespace(namespace), ...lack(missing)];
  return { parts: isMoved ? sortByObject(filled, headOf) : filled, namespace, problems: found, own };
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
  const bundle = digestOfContents([]);
  return { clusters: clusters.map(({ name }) => name), bundle, objects: 0, namespace: undefined, problems };
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
