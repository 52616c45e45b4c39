import { matchCluster, type PlaceableCluster } from "../cluster-selector.ts";
import { listNames } from "../list-names.ts";
import { countOf } from "../share.ts";
import { allWaves, type RolloutStrategy } from "../strategy.ts";
import { openingOf } from "./opening.ts";
import { type Member, type Rollout, type Step, type WaveProgress } from "./rollout.ts";
import {
  enterWave,
  formatTime,
  lookAtWave,
  stragglers,
  type Block,
  type Entered,
  type Hold,
  type WaveLook,
} from "./wave.ts";

/** What there is to reach, at one moment. */
export interface Situation {
  readonly strategy: RolloutStrategy;
  readonly members: readonly Member[];
  /** By name. */
  readonly clusters: ReadonlyMap<string, PlaceableCluster>;
  readonly nowMs: number;
}

/** Begins the release of some content. A pause goes on; a freeze was about content that is no longer released (E35). */
export function beginRollout(
  of: Pick<Rollout, "app" | "strategy" | "content" | "revision" | "authors">,
  nowMs: number,
  before: Rollout | undefined,
): Rollout {
  const stopped = before?.stopped === "paused" ? "paused" : "";
  return { ...of, startedAtMs: nowMs, pinned: {}, released: [], waves: {}, stopped, previous: {}, excused: [] };
}

/**
 * One step of a rollout: which clusters may have the change now. Looking again without news releases nothing more. No
 * wave begins before each connected cluster of the one before it has the change and is current, for as long as that wave
 * is to soak, and never without one cluster that is.
 */
export function advance(rollout: Rollout, situation: Situation): Step {
  const { strategy, nowMs } = situation;
  const pinned = pin(rollout, situation);
  const looks = allWaves(strategy).map((wave) => {
    const members = situation.members.filter(({ cluster }) => pinned[cluster] === wave.name);
    return lookAtWave(wave, members, { rollout, strategy, nowMs });
  });
  const { stopped, hold, changesAtMs } = holdOf(rollout, situation, looks);
  const waves: Record<string, WaveProgress> = {};
  const entries: Entered[] = [];
  let block: Block | undefined;
  let late: Hold | undefined;
  for (const look of looks) {
    const entered = enterWave(look, { app: rollout.app, strategy, nowMs, hold, block });
    waves[look.wave.name] = entered.progress;
    entries.push(entered);
    block ??= entered.block;
    if (entered.progress.passed) late ??= stragglers(look, hold);
  }
  const { phase, message } = (stopped === "" ? undefined : hold) ?? block ?? late ?? complete(looks);
  const release = entries.flatMap((entered) => entered.release);
  const released = [...rollout.released.filter((name) => pinned[name] !== undefined), ...release];
  return {
    rollout: { ...rollout, pinned, released: [...new Set(released)].toSorted(), waves, stopped },
    release,
    waiting: new Map(entries.flatMap((entered) => [...entered.waiting])),
    phase,
    message,
    wave: block?.wave ?? "",
    failed: looks.flatMap((look) => look.failed),
    wakeAtMs: earliest([changesAtMs, block?.untilMs, ...looks.map(({ deadlineAtMs }) => deadlineAtMs)], nowMs),
    waves: looks.map(({ wave, counts }, index) => {
      const released = entries[index]?.release.length ?? 0;
      const { pending, underWay } = counts;
      const passed = waves[wave.name]?.passed === true;
      return { ...counts, pending: pending - released, underWay: underWay + released, name: wave.name, passed };
    }),
  };
}

function earliest(times: readonly (number | undefined)[], nowMs: number): number | undefined {
  const future = times.filter((at): at is number => at !== undefined && at > nowMs);
  return future.length === 0 ? undefined : Math.min(...future);
}

/** Gone clusters lose their place, new ones get theirs, all others keep it. */
function pin({ pinned }: Rollout, { strategy, members, clusters }: Situation): Rollout["pinned"] {
  const waves = allWaves(strategy);
  const names = new Set(waves.map(({ name }) => name));
  const waveOf = (name: string): string => {
    const before = pinned[name];
    if (before !== undefined && names.has(before)) return before;
    const cluster = clusters.get(name);
    const found = waves.find((wave) => cluster !== undefined && matchCluster(wave.clusters, cluster).matched);
    return found?.name ?? waves.at(-1)?.name ?? "";
  };
  return Object.fromEntries(members.map(({ cluster }) => [cluster, waveOf(cluster)]));
}

interface Held {
  readonly stopped: Rollout["stopped"];
  readonly hold: Hold | undefined;
  readonly changesAtMs: number | undefined;
}

function holdOf(rollout: Rollout, { strategy, members, nowMs }: Situation, looks: readonly WaveLook[]): Held {
  const resume = `drover rollout resume ${rollout.app}`;
  if (rollout.stopped === "paused") {
    return { stopped: "paused", hold: { phase: "Paused", message: `it is paused: ${resume}` }, changesAtMs: undefined };
  }
  const failed = looks.flatMap((look) => look.failed).filter((name) => !rollout.excused.includes(name));
  const budget = countOf(strategy.maxFailures, members.length);
  if (rollout.stopped === "failures" || failed.length > budget) {
    const which = failed.length === 0 ? "what failed is not with it any more" : `${listNames(failed)} failed`;
    const message = `${which}, and ${budget} may; nothing more is released: ${resume}`;
    return { stopped: "failures", hold: { phase: "Frozen", message }, changesAtMs: undefined };
  }
  const { open, changesAtMs } = openingOf(strategy.windows, nowMs);
  if (open) return { stopped: "", hold: undefined, changesAtMs: undefined };
  const next = changesAtMs === undefined ? "none opens within a week" : `the next opens at ${formatTime(changesAtMs)}`;
  return { stopped: "", hold: { phase: "WindowClosed", message: `no window is open; ${next}` }, changesAtMs };
}

function complete(looks: readonly WaveLook[]): Pick<Step, "phase" | "message"> {
  const deferred = looks.reduce((sum, { counts }) => sum + counts.deferred, 0);
  const late = deferred === 1 ? "1 offline cluster catches up" : `${deferred} offline clusters catch up`;
  return { phase: "Complete", message: deferred === 0 ? "" : `${late} when back` };
}

/** A person lets what is stopped go on, and with it what has failed so far. */
export function resumeRollout(rollout: Rollout, failed: readonly string[]): Rollout {
  return { ...rollout, stopped: "", excused: [...new Set([...rollout.excused, ...failed])].toSorted() };
}
