import type { OverrideReason, PlacementReason, WhyResult } from "@drover/shared/api/explanations";
import { canonicalJson } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import type { KubeObject } from "@drover/shared/kube/manifest";

import { stepsOf } from "../apply-overrides.ts";
import { matchCluster } from "../cluster-selector.ts";
import { placeClusters } from "../desired.ts";
import { inOrder, type Override } from "../override.ts";
import { place, type Placement } from "../placement.ts";
import type { Variant } from "../render/index.ts";
import type { Looks } from "../render/looks.ts";
import { splitGroups } from "../split-groups.ts";
import { leafKey, leavesOf } from "./origins.ts";
import type { PlaceOf } from "./places.ts";
import { renderOn, type Render } from "./rendered.ts";
import { formatPart, takeStep } from "./replay.ts";
import { requirementsOn } from "./requirements.ts";
import { placesFor, type TargetInput } from "./target.ts";

export interface WhyInput extends TargetInput {
  readonly render: Render;
  /** What a chart looks at of its cluster, where agents tell that. */
  readonly looks?: (variant: Variant) => Promise<Looks>;
}

const maxNamed = 10;

/** Which placements select a cluster and which not, by what of it, and what their overrides do there. */
export async function why(input: WhyInput): Promise<WhyResult> {
  const { application, cluster } = input;
  const placeOf = await placesFor(input);
  const placements = input.placements.map((placement) => decide(placement, input, placeOf));
  const selected = input.placements.filter((_, index) => placements[index]?.selected === true);
  const waiting = selected.length === 0 ? undefined : await waitingOn(input);
  const effects = selected.length === 0 || waiting !== undefined ? noEffects : await effectsOn(input);
  return {
    app: application.name,
    cluster: cluster.name,
    selected: selected.length > 0,
    placements,
    overrides: inOrder(selected).flatMap((placement) => overridesOf(placement, { input, effects })),
    problems: effects.problems,
    ...(waiting === undefined ? {} : { waiting }),
  };
}

function decide(placement: Placement, input: TargetInput, placeOf: PlaceOf): PlacementReason {
  const { cluster, clusters, running } = input;
  const decisions = place(placement, clusters, running);
  const own = decisions.find((decision) => decision.cluster === cluster.name);
  const matches = matchCluster(placement.clusters, cluster).matched;
  const chosen = decisions.filter(({ matched }) => matched).map((decision) => decision.cluster);
  const { name, repository, at } = placement;
  return {
    name,
    repository,
    at: { ...at },
    selected: own?.matched ?? false,
    reason: own?.reason ?? "",
    requirements: [...requirementsOn(placement, input, placeOf)],
    instead: placement.choice === undefined || !matches || own?.matched === true ? [] : chosen.slice(0, maxNamed),
  };
}

/** The same that keeps it from being rendered when it is to be assigned. */
async function waitingOn(input: WhyInput): Promise<string | undefined> {
  const { placements, clusters, cluster, running, looks } = input;
  if (looks === undefined) return undefined;
  const placed = placeClusters(placements, clusters, running);
  const groups = placed.groups
    .filter((group) => group.clusters.some(({ name }) => name === cluster.name))
    .map((group) => ({ ...group, clusters: [cluster] }));
  // What cannot be looked at cannot be rendered either, which says why.
  const split = await splitGroups({ ...placed, groups }, looks).catch(() => undefined);
  return split?.groups[0]?.waiting;
}

interface Effects {
  /** What the parts of each override change. */
  readonly sets: ReadonlyMap<Override, OverrideReason["sets"]>;
  readonly problems: WhyResult["problems"];
}

const noEffects: Effects = { sets: new Map(), problems: [] };

async function effectsOn(input: WhyInput): Promise<Effects> {
  const rendered = await renderOn(input).catch((cause: unknown) => DroverError.from(cause));
  if (rendered instanceof DroverError) return { sets: new Map(), problems: [problemOf(rendered)] };
  if (rendered.unselected !== undefined) return noEffects;
  const sets = new Map<Override, OverrideReason["sets"]>();
  let current = rendered.manifests.map(({ object }) => object);
  for (const override of rendered.group.overrides) {
    const own = stepsOf(override).map((step) => {
      const before = current;
      current = before.map((object) => takeStep(step, object));
      const counts = current.map((object, index) => countFields(before[index] ?? object, object));
      const fields = counts.reduce((sum, count) => sum + count, 0);
      return { part: formatPart(step.part), objects: counts.filter((count) => count > 0).length, fields };
    });
    sets.set(override, own);
  }
  return { sets, problems: rendered.problems.map((problem) => ({ ...problem })) };
}

/** What cannot be rendered, as where a program is missing, is still placed. */
function problemOf(error: DroverError): WhyResult["problems"][number] {
  const { code, message, at, hint } = error;
  if (code === "canceled") throw error;
  const more = { ...(at === undefined ? {} : { at }), ...(hint === undefined ? {} : { hint }) };
  return { code, severity: "error", message, ...more };
}

/** How many fields were set or taken away. */
function countFields(before: KubeObject, after: KubeObject): number {
  if (before === after) return 0;
  const texts = (object: KubeObject): Map<string, string> =>
    new Map(leavesOf(object).map(({ path, value }) => [leafKey(path), canonicalJson(value ?? null)]));
  const [old, now] = [texts(before), texts(after)];
  const set = [...now].filter(([key, text]) => old.get(key) !== text).length;
  return set + [...old.keys()].filter((key) => !now.has(key)).length;
}

function overridesOf(
  { name, repository, overrides }: Placement,
  { input, effects }: { readonly input: TargetInput; readonly effects: Effects },
): readonly OverrideReason[] {
  return overrides.map((override) => {
    const { matched, reason } = matchCluster(override.clusters, input.cluster);
    const { helmValues, namespace, vars, at } = override;
    const more = [
      ...(helmValues === undefined ? [] : [{ part: "helm.values", objects: 0, fields: leavesOf(helmValues).length }]),
      ...(namespace === undefined ? [] : [{ part: "namespace", objects: 0, fields: 1 }]),
      ...(Object.keys(vars).length === 0 ? [] : [{ part: "vars", objects: 0, fields: Object.keys(vars).length }]),
    ];
    const sets = matched ? [...(effects.sets.get(override) ?? []), ...more] : [];
    return { placement: name, repository, at: { ...at }, holds: matched, reason, sets };
  });
}
