import { countOf } from "../share.ts";
import type { RolloutStrategy, Wave } from "../strategy.ts";
import { missingApprovals, sayMissing } from "./approval.ts";
import { noProgress, type Member, type Rollout, type Step, type WaveProgress, type WaveView } from "./rollout.ts";

/** How the clusters of a wave are. */
export interface WaveLook {
  readonly wave: Wave;
  readonly progress: WaveProgress;
  readonly counts: Omit<WaveView, "name" | "passed">;
  /** Connected, and without the change. */
  readonly pending: readonly string[];
  /** Without a connection and without the change. */
  readonly absent: readonly string[];
  readonly failed: readonly string[];
  /** Whether the change is about any of them at all. */
  readonly concerned: boolean;
  /** Whether one of them has the change of this rollout and is current, or a person has let a failure pass. */
  readonly proved: boolean;
  /** When the next of those under way has had its time. */
  readonly deadlineAtMs: number | undefined;
}

interface Moment {
  readonly rollout: Rollout;
  readonly strategy: RolloutStrategy;
  readonly nowMs: number;
}

export function lookAtWave(wave: Wave, members: readonly Member[], { rollout, strategy, nowMs }: Moment): WaveLook {
  const released = new Set(rollout.released);
  const isNew = ({ assigned, cluster }: Member): boolean => assigned && released.has(cluster);
  const kindOf = (member: Member): "pending" | "underWay" | "current" | "failed" | "deferred" => {
    if (!member.connected) return "deferred";
    if (!member.assigned) return "pending";
    // It had this before: how it does says nothing of the change.
    if (!isNew(member)) return "current";
    if (member.state !== "under-way") return member.state;
    return nowMs - member.assignedAtMs >= strategy.deadlineMs ? "failed" : "underWay";
  };
  const kinds = members
    .toSorted((a, b) => (a.cluster < b.cluster ? -1 : 1))
    .map((member) => ({ member, kind: kindOf(member) }));
  const of = (kind: ReturnType<typeof kindOf>): readonly Member[] =>
    kinds.filter((one) => one.kind === kind).map(({ member }) => member);
  const names = (some: readonly Member[]): readonly string[] => some.map(({ cluster }) => cluster);
  const [underWay, current, deferred] = [of("underWay"), of("current"), of("deferred")];
  const [pending, failed] = [names(of("pending")), names(of("failed"))];
  const deadlines = underWay.map(({ assignedAtMs }) => assignedAtMs + strategy.deadlineMs);
  return {
    wave,
    progress: rollout.waves[wave.name] ?? noProgress,
    counts: {
      clusters: members.length,
      current: current.length,
      underWay: underWay.length,
      failed: failed.length,
      pending: pending.length,
      deferred: deferred.length,
    },
    pending,
    absent: names(deferred.filter(({ assigned }) => !assigned)),
    failed,
    concerned: members.some((member) => !member.assigned || isNew(member)),
    proved: current.some((member) => isNew(member)) || failed.some((name) => rollout.excused.includes(name)),
    deadlineAtMs: deadlines.length === 0 ? undefined : Math.min(...deadlines),
  };
}

/** What keeps the waves after one from beginning. */
export type Block = Pick<Step, "phase" | "message"> & {
  readonly wave: string;
  /** When it may be over by itself. */
  readonly untilMs?: number;
};

/** Why nothing at all is released. */
export type Hold = Pick<Step, "phase" | "message">;

export interface Entry {
  readonly app: string;
  readonly strategy: RolloutStrategy;
  readonly nowMs: number;
  readonly hold: Hold | undefined;
  /** By an earlier wave. */
  readonly block: Block | undefined;
}

export interface Entered {
  readonly release: readonly string[];
  readonly waiting: ReadonlyMap<string, string>;
  readonly progress: WaveProgress;
  readonly block: Block | undefined;
}

/** Releases what may be released of a wave, and tells whether the next one may begin. */
export function enterWave(look: WaveLook, entry: Entry): Entered {
  const { wave, pending } = look;
  const why = entry.hold?.message ?? reasonToWait(look, entry);
  const most = countOf(wave.maxConcurrent ?? entry.strategy.maxConcurrent, look.counts.clusters);
  const slots = Math.max(0, most - look.counts.underWay);
  const release = why === undefined ? pending.slice(0, slots) : [];
  const turn = `waits for its turn in wave ${wave.name}: ${most} at once`;
  const waiting = new Map([
    ...look.absent.map((cluster) => [cluster, "it is offline, and gets this when it is back"] as const),
    ...pending.slice(release.length).map((cluster) => [cluster, why ?? turn] as const),
  ]);
  return { release, waiting, ...passOrBlock(look, entry) };
}

function reasonToWait({ wave, progress }: WaveLook, { app, block }: Entry): string | undefined {
  if (progress.passed) return undefined;
  if (block !== undefined) return `waits for wave ${block.wave}`;
  if (missingApprovals(wave.approval, progress) === 0) return undefined;
  return `wave ${wave.name} waits for ${sayMissing(wave.approval, progress)}: drover rollout approve ${app}`;
}

function passOrBlock(look: WaveLook, entry: Entry): Pick<Entered, "progress" | "block"> {
  const { wave, progress } = look;
  if (progress.passed || entry.block !== undefined) return { progress, block: undefined };
  const unready = whyUnready(look, entry);
  if (unready !== undefined) {
    return { progress: { ...progress, currentSinceMs: 0 }, block: { wave: wave.name, ...unready } };
  }
  const currentSinceMs = progress.currentSinceMs === 0 ? entry.nowMs : progress.currentSinceMs;
  const untilMs = currentSinceMs + (look.concerned ? wave.soakMs : 0);
  if (entry.nowMs >= untilMs) return { progress: { ...progress, currentSinceMs, passed: true }, block: undefined };
  const message = `wave ${wave.name} is current and soaks until ${formatTime(untilMs)}`;
  return { progress: { ...progress, currentSinceMs }, block: { wave: wave.name, phase: "Soaking", message, untilMs } };
}

/** Why a wave that has begun is not where the next one may begin, the soaking aside. */
function whyUnready(look: WaveLook, entry: Entry): Hold | undefined {
  const { wave, pending, counts, concerned, proved } = look;
  const approval = concerned ? reasonToWait(look, entry) : undefined;
  if (approval !== undefined) return { phase: "AwaitingApproval", message: approval };
  if (pending.length > 0 && entry.hold !== undefined) return entry.hold;
  if (pending.length > 0 || counts.underWay > 0) {
    const have = `${counts.current} of ${counts.clusters} clusters of wave ${wave.name} have it`;
    return { phase: "Releasing", message: have };
  }
  if (!concerned || proved) return undefined;
  const state = `${counts.failed} failed, ${counts.deferred} are offline`;
  return { phase: "NoEvidence", message: `no cluster of wave ${wave.name} is current with it: ${state}` };
}

/** Clusters that came, or came back, after their wave had passed: they hold up nothing. */
export function stragglers({ wave, counts, pending }: WaveLook, hold: Hold | undefined): Hold | undefined {
  const late = counts.pending + counts.underWay;
  if (late === 0) return undefined;
  if (pending.length > 0 && hold !== undefined) return hold;
  return { phase: "Releasing", message: `${late} of ${counts.clusters} clusters of wave ${wave.name} catch up` };
}

/** `2026-11-27T09:00:00Z`. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/u, "Z");
}
