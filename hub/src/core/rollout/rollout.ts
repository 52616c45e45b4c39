import type { Digest } from "@drover/shared/digest";

import type { TargetRecord } from "../target.ts";
import type { Approved } from "./approval.ts";

/**
 * How far a change has come: one for each application and strategy, kept in the store, so that a hub which restarts goes
 * on where it was (E33). Which clusters have the change is said by their targets, and by nothing here.
 */
export interface Rollout {
  readonly app: string;
  readonly strategy: string;
  /** What is released. Other content begins a rollout anew; a cluster that changes does not. */
  readonly content: Digest;
  /** For people. */
  readonly revision: string;
  /** Addresses of who wrote the commit, in lower case; none where that is not known. */
  readonly authors: readonly string[];
  readonly startedAtMs: number;
  /** The wave of each cluster, as it was when the cluster came into the rollout: a label that changes moves none (E19). */
  readonly pinned: Readonly<Record<string, string>>;
  /** Clusters that got the change in it: a clock that jumps changes nothing about that. */
  readonly released: readonly string[];
  /** By name; what is absent is as if nothing had happened in it. */
  readonly waves: Readonly<Record<string, WaveProgress>>;
  /** Why nothing more is released before a person says so; "" = it goes on. */
  readonly stopped: "" | "failures" | "paused";
  /** By cluster, what each that got the change had before: kept where failures are answered by going back (E36). */
  readonly previous: Readonly<Record<string, TargetRecord>>;
  /**
   * By cluster, what those are to get that do not have it yet: kept where a rollout ends before the next revision begins.
   * undefined = it does not.
   */
  readonly rest?: Readonly<Record<string, TargetRecord>>;
  /** Clusters whose failure a person has seen and let pass. */
  readonly excused: readonly string[];
}

export interface WaveProgress {
  /** Who has let it begin, the first first. */
  readonly approvals: readonly Approved[];
  /** Since when all its clusters have been current, on the hub's clock; 0 = they are not. */
  readonly currentSinceMs: number;
  /** Whether the next wave has begun: its clusters hold up nothing any more. */
  readonly passed: boolean;
}

export const noProgress: WaveProgress = { approvals: [], currentSinceMs: 0, passed: false };

/** A cluster that the rollout is to reach. */
export interface Member {
  readonly cluster: string;
  /** Whether it is told by now to run what is desired. */
  readonly assigned: boolean;
  /** When it was told what it is to run now, on the hub's clock; 0 = never. */
  readonly assignedAtMs: number;
  /** How it does with what it is told: only what it says of exactly that counts (E32). */
  readonly state: "current" | "under-way" | "failed";
  /** Without a connection nothing is known of it (E31). */
  readonly connected: boolean;
}

export type RolloutPhase =
  | "Releasing"
  | "Soaking"
  | "AwaitingApproval"
  | "WindowClosed"
  | "NoEvidence"
  | "NoStrategy"
  | "Frozen"
  | "Paused"
  | "Complete";

/** What one look at a rollout came to. */
export interface Step {
  readonly rollout: Rollout;
  /** Clusters that are to get what is desired now. */
  readonly release: readonly string[];
  /** Why each of the others that lack it does not get it yet. Texts that stay the same while nothing happens to it. */
  readonly waiting: ReadonlyMap<string, string>;
  readonly phase: RolloutPhase;
  /** One sentence. */
  readonly message: string;
  /** The wave that the next one waits for; "" = none. */
  readonly wave: string;
  readonly failed: readonly string[];
  /** When to look again though nothing else happens; undefined = not by itself. */
  readonly wakeAtMs: number | undefined;
  readonly waves: readonly WaveView[];
  /** What Git has by now where that waits until this rollout has ended, and what clusters get of this one meanwhile. */
  readonly next?: { readonly revision: string; readonly put: readonly TargetRecord[] };
}

/** A wave in numbers. */
export interface WaveView {
  readonly name: string;
  readonly clusters: number;
  readonly current: number;
  readonly underWay: number;
  readonly failed: number;
  readonly pending: number;
  /** Of those that lack the change, or have not said how they do: they are offline, and catch up when they return. */
  readonly deferred: number;
  readonly passed: boolean;
}
