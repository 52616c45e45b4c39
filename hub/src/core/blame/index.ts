import type { BlameResult, Origin } from "@drover/shared/api/explanations";
import { DroverError } from "@drover/shared/errors";
import type { JsonRecord } from "@drover/shared/json";
import { canonicalize } from "@drover/shared/kube/canonical";
import { formatFieldPath } from "@drover/shared/kube/field-path";
import { fieldsOf } from "@drover/shared/kube/list-items";
import {
  formatObjectKey,
  objectKey,
  type KubeObject,
  type Manifest,
  type ObjectKey,
} from "@drover/shared/kube/manifest";
import { mergeTypeOf } from "@drover/shared/kube/merge-keys";
import { redactValue } from "@drover/shared/kube/redact";
import { isClusterScoped } from "@drover/shared/kube/scope";
import type { Problem } from "@drover/shared/problems";

import { override as applyOverrides } from "../apply-overrides.ts";
import type { Group } from "../desired.ts";
import { chooseRenderer } from "../render/index.ts";
import type { SnapshotFiles } from "../render/snapshot-files.ts";
import { fillObject } from "../templates.ts";
import { fillText, type VariableSource } from "../variables.ts";
import { varsOf } from "../variants.ts";
import { traceChart } from "./charted.ts";
import { traceKustomized, type KustomizeFiles } from "./kustomized.ts";
import { findObject, isNamed, type NamedObject, type WantedObject } from "./object-name.ts";
import { leafKey, setBy, type Traced } from "./origins.ts";
import type { PlaceOf } from "./places.ts";
import { renderOn, type Render } from "./rendered.ts";
import { replay } from "./replay.ts";
import { placedOverrides, placesFor, type PlacedOverride, type TargetInput } from "./target.ts";
import { tracePlain } from "./written.ts";

export interface BlameInput extends TargetInput {
  readonly snapshot: SnapshotFiles;
  readonly render: Render;
  readonly kustomizeFiles: KustomizeFiles;
  /** What other applications have on the cluster. */
  readonly others: Iterable<{ readonly app: string; readonly keys: readonly ObjectKey[] }>;
}

/**
 * What set each field of an object on a cluster: works out the object as the hub does, one step after the other. A step
 * that sets what was so already set nothing. Throws `not_found` and `usage`.
 */
export async function blame(input: BlameInput, wanted: WantedObject): Promise<BlameResult> {
  const { application, cluster } = input;
  const rendered = await renderOn(input);
  if (rendered.unselected !== undefined) throw notSelected(input, rendered.unselected);
  const { group, manifests, problems } = rendered;
  const error = problems.find(({ severity }) => severity === "error");
  if (manifests.length === 0 && error !== undefined) throw notRendered(application.name, error);
  const overrides = placedOverrides(group.overrides, input.placements);
  const source = { ...cluster, vars: { ...cluster.vars, ...varsOf(group.overrides) } };
  const changed = applyOverrides(manifests, group.overrides).manifests;
  const space = namespaceOf(input, overrides, source);
  const final = changed.map(({ object }) => nameObject(finish(object, source), space.value));
  const index = findIndex(final, wanted, input);
  const manifest = manifests[index];
  if (manifest === undefined) throw new DroverError("internal", "an override made an object");
  const placeOf = await placesFor(input);
  const written = await trace(manifest, { ...input, group, overrides, placeOf });
  const traced = replay(written, { target: input, overrides, source, placeOf });
  const origin = final[index]?.namespace === "" || traced.value.metadata.namespace !== undefined ? undefined : space;
  return {
    app: application.name,
    cluster: cluster.name,
    ...describe(origin === undefined ? traced : withNamespace(traced, origin.value, origin.originOf(placeOf))),
    problems: problems.map((problem) => ({ ...problem })),
  };
}

function notSelected({ application: { name }, cluster }: BlameInput, why: string): DroverError {
  const hint = `drover why-not ${name}@${cluster.name}`;
  return new DroverError("not_found", `${name} does not run on ${cluster.name}: ${why}`, { hint });
}

function notRendered(app: string, { message, at, hint }: Problem): DroverError {
  const more = { ...(at === undefined ? {} : { at }), ...(hint === undefined ? {} : { hint }) };
  return new DroverError("render_failed", `${app} renders nothing: ${message}`, more);
}

/** The object as the cluster gets it. */
function finish(object: KubeObject, source: VariableSource): KubeObject {
  return canonicalize(fillObject(object, source).value);
}

/** Where objects go that name no namespace, and who says so. */
function namespaceOf(
  { application }: BlameInput,
  overrides: readonly PlacedOverride[],
  source: VariableSource,
): { readonly value: string; readonly originOf: (placeOf: PlaceOf) => Origin } {
  const setter = overrides.findLast(({ override }) => override.namespace !== undefined);
  const part = "namespace";
  if (setter?.override.namespace === undefined) {
    const { repository, namespace } = application;
    const at = (placeOf: PlaceOf) => placeOf(application, ["spec", part]);
    return { value: namespace, originOf: (placeOf) => ({ kind: "application", repository, at: at(placeOf), part }) };
  }
  const { placement, path, override } = setter;
  const { name, repository } = placement;
  return {
    value: fillText(override.namespace ?? "", source).value,
    originOf: (placeOf) => {
      return { kind: "override", repository, at: placeOf(placement, [...path, part]), placement: name, part };
    },
  };
}

/** Whether a kind that is not built in lives in a namespace only its cluster knows. */
function nameObject(object: KubeObject, namespace: string): NamedObject {
  if (object.metadata.namespace !== undefined) return { object, namespace: object.metadata.namespace };
  const isKnown = mergeTypeOf(object) !== undefined && !isClusterScoped(object);
  return { object, namespace: isKnown ? namespace : "" };
}

function findIndex(objects: readonly NamedObject[], wanted: WantedObject, { application, others }: BlameInput): number {
  try {
    return findObject(objects, wanted);
  } catch (cause) {
    const error = DroverError.from(cause);
    const owner = [...others].find(
      ({ app, keys }) => app !== application.name && keys.some((key) => isNamed(key, wanted)),
    );
    if (error.code !== "not_found" || owner === undefined) throw error;
    throw new DroverError("not_found", `${error.message} in ${application.name}: ${owner.app} has it`, { cause });
  }
}

interface TraceInput extends BlameInput {
  readonly group: Group;
  readonly overrides: readonly PlacedOverride[];
  readonly placeOf: PlaceOf;
}

function trace(manifest: Manifest, input: TraceInput): Promise<Traced<KubeObject>> {
  const { application, snapshot, group, kustomizeFiles } = input;
  switch (chooseRenderer(application, snapshot)) {
    case "plain":
      return tracePlain(manifest, input);
    case "kustomize":
      return traceKustomized(manifest, { application, snapshot, files: kustomizeFiles });
    case "helm":
      return traceChart(manifest, { ...input, values: group.values, capabilities: group.capabilities ?? {} });
  }
}

function withNamespace(traced: Traced<KubeObject>, namespace: string, origin: Origin): Traced<KubeObject> {
  const { metadata, ...rest } = traced.value;
  const value = { ...rest, metadata: { ...metadata, namespace } } as KubeObject;
  return { value, origins: new Map(traced.origins).set(leafKey(["metadata", "namespace"]), setBy(origin)) };
}

/** Nobody outside of the cluster can tell one masked value from another. */
const hidden = (): string => "hidden";

function describe({ value, origins }: Traced<KubeObject>): Pick<BlameResult, "object" | "value" | "fields"> {
  const shown = inOrder(value);
  const fields = fieldsOf(shown).map(({ path, field }) => {
    const { origin, variables } = origins.get(leafKey(path)) ?? setBy({ kind: "drover", repository: "" });
    const pointer = path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
    return { path: formatFieldPath(field), pointer, origin, variables: [...variables] };
  });
  const masked = redactValue({ kind: value.kind, path: [], value: shown }, hidden) as Record<string, unknown>;
  return { object: formatObjectKey(objectKey(value)), value: masked, fields };
}

/** As people write objects. */
function inOrder({ apiVersion, kind, metadata, ...rest }: KubeObject): JsonRecord {
  const { name, namespace, ...others } = metadata;
  return {
    apiVersion,
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...others },
    ...rest,
  };
}
