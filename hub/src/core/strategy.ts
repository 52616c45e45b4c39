import type { Position } from "@drover/shared/errors";
import { isRecord } from "@drover/shared/json";

import {
  everyCluster,
  matchCluster,
  readClusterSelector,
  type ClusterSelector,
  type PlaceableCluster,
} from "./cluster-selector.ts";
import { nameRule, type Fields } from "./fields.ts";
import type { Header } from "./header.ts";
import { readShare, type Share } from "./share.ts";
import { readWindow, type Window } from "./window.ts";

/** How a change is to reach the clusters of a placement: in waves, each no faster than is said. */
export interface RolloutStrategy {
  readonly kind: "RolloutStrategy";
  readonly name: string;
  readonly repository: string;
  readonly waves: readonly Wave[];
  /** How many clusters of a wave may be under way at once. */
  readonly maxConcurrent: Share;
  /** How many may fail before nothing more is released. */
  readonly maxFailures: Share;
  readonly onFailure: (typeof failureActions)[number];
  /** How long a cluster has to become current before it counts as failed, in ms. */
  readonly deadlineMs: number;
  /** When something may be released; none = always. */
  readonly windows: readonly Window[];
  /** What becomes of a rollout when the next revision comes. */
  readonly supersede: (typeof supersedePolicies)[number];
  readonly at: Position;
}

export interface Wave {
  readonly name: string;
  readonly clusters: ClusterSelector;
  /** undefined = that of the strategy. */
  readonly maxConcurrent: Share | undefined;
  /** How long all clusters of the wave have to be current before the next one begins, in ms. */
  readonly soakMs: number;
  /** Who has to let the wave begin. */
  readonly approval: Approval;
}

/** How many persons have to say yes. */
export interface Approval {
  /** 0 = none. */
  readonly count: number;
  /** Whether none of them may be the author of what is released. */
  readonly separate: boolean;
}

export const failureActions = ["freeze", "rollback"] as const;
export const supersedePolicies = ["newest", "finish"] as const;

/** The wave of the clusters that no wave names (E26). */
export const lastWave = "rest";

type Spec = Omit<RolloutStrategy, "kind" | "name" | "repository" | "at">;

const defaults: Spec = {
  waves: [],
  maxConcurrent: { value: 100, unit: "percent" },
  maxFailures: { value: 0, unit: "clusters" },
  onFailure: "freeze",
  deadlineMs: 15 * 60_000,
  windows: [],
  supersede: "newest",
};
const maxMs = 30 * 86_400_000;

export function readStrategy({ name, repository }: Header, document: Fields): RolloutStrategy {
  const spec = document.requiredMap("spec");
  const read = spec === undefined ? defaults : readSpec(spec);
  return { kind: "RolloutStrategy", name, repository, ...read, at: document.at };
}

function readSpec(fields: Fields): Spec {
  const spec: Spec = {
    waves: fields.maps("waves").map(readWave),
    maxConcurrent: readShare(fields, "maxConcurrent", defaults.maxConcurrent),
    maxFailures: readShare(fields, "maxFailures", defaults.maxFailures),
    onFailure: fields.oneOf("onFailure", failureActions, defaults.onFailure),
    deadlineMs: fields.duration("deadline", { minMs: 1_000, maxMs }) ?? defaults.deadlineMs,
    windows: fields.maps("windows").map(readWindow),
    supersede: fields.oneOf("supersede", supersedePolicies, defaults.supersede),
  };
  const names = spec.waves.map(({ name }) => name);
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index) fields.note(["waves", index, "name"], `${name} is taken by an earlier wave`);
    if (name === lastWave) fields.note(["waves", index, "name"], `${name} is the wave of what no wave names`);
  }
  fields.finish();
  return spec;
}

function readWave(fields: Fields): Wave {
  const wave: Wave = {
    name: fields.requiredText("name", nameRule),
    clusters: readClusterSelector(fields),
    maxConcurrent: fields.has("maxConcurrent") ? readShare(fields, "maxConcurrent", defaults.maxConcurrent) : undefined,
    soakMs: fields.duration("soak", { minMs: 0, maxMs }) ?? 0,
    approval: readApproval(fields),
  };
  fields.finish();
  return wave;
}

const noApproval: Approval = { count: 0, separate: false };

/** `true`, or `{ count: 2, separate: true }`. */
function readApproval(wave: Fields): Approval {
  if (!isRecord(wave.value("approval"))) return { ...noApproval, count: wave.flag("approval", false) ? 1 : 0 };
  const fields = wave.map("approval");
  if (fields === undefined) return noApproval;
  const count = fields.whole("count", { min: 1, max: 10 }) ?? 1;
  const separate = fields.flag("separate", false);
  fields.finish();
  return { count, separate };
}

const rest: Wave = {
  name: lastWave,
  clusters: everyCluster,
  maxConcurrent: undefined,
  soakMs: 0,
  approval: noApproval,
};

/** All waves in order. The last one is of the clusters that no wave names, so that none is left out (E26). */
export function allWaves({ waves }: Pick<RolloutStrategy, "waves">): readonly Wave[] {
  return [...waves, rest];
}

/** The clusters of a wave, by name. */
export interface WaveClusters {
  readonly wave: Wave;
  readonly clusters: readonly string[];
}

/** Which clusters come in which wave: each in the first that names it. */
export function wavesOf(
  strategy: Pick<RolloutStrategy, "waves">,
  clusters: readonly PlaceableCluster[],
): readonly WaveClusters[] {
  let left = clusters;
  const filled = allWaves(strategy).map((wave) => {
    const taken = left.filter((cluster) => matchCluster(wave.clusters, cluster).matched);
    left = left.filter((cluster) => !taken.includes(cluster));
    return { wave, clusters: taken.map(({ name }) => name).toSorted() };
  });
  return filled.filter(({ wave, clusters: names }) => wave !== rest || names.length > 0);
}
