import type { TargetState } from "@drover/shared/state";

/** An object of a cluster as `Kind namespace/name`. */
export type ObjectName = string;

/** What an object says that it is: in the simulated repository every change of an object changes this text. */
export type Content = string;

/** One application of an accepted envelope. */
export interface AcceptedTarget {
  readonly bundle: string;
  readonly objects: ReadonlyMap<ObjectName, Content>;
  /** A person has confirmed what is held of it. */
  readonly confirmed: boolean;
}

interface InCluster {
  readonly cluster: string;
}

/** What an observer outside of the system sees. Invariants are checked over these, in order, and over nothing else. */
export type Fact =
  /** An agent has made durable what it follows from now on. */
  | (InCluster & {
      readonly kind: "accepted";
      readonly epoch: string;
      readonly generation: number;
      readonly targets: ReadonlyMap<string, AcceptedTarget>;
      /** Applications that a tombstone names. */
      readonly removed: ReadonlySet<string>;
    })
  /** A process of the agent begins, and this is on its disk; generation 0 = nothing. */
  | (InCluster & { readonly kind: "agent-started"; readonly epoch: string; readonly generation: number })
  | (InCluster & { readonly kind: "agent-killed" })
  /** The agent's disk was lost with all that was on it. */
  | (InCluster & { readonly kind: "disk-lost" })
  /** Requests to the API server fail from now on, or do not any more. */
  | (InCluster & { readonly kind: "api"; readonly isWell: boolean })
  /** The agent changed an object; `owner` is the application that it was marked with before, "" = none. */
  | (InCluster & {
      readonly kind: "agent-wrote" | "agent-deleted";
      readonly object: ObjectName;
      /** Uid of what was there; "" = nothing. */
      readonly uid: string;
      readonly owner: string;
    })
  /** An object is like this now, whoever made it so; content undefined = it is gone. */
  | (InCluster & {
      readonly kind: "live";
      readonly object: ObjectName;
      readonly uid: string;
      readonly content: Content | undefined;
    })
  /** The agent says that it has applied a whole bundle of an application. */
  | (InCluster & { readonly kind: "reported-applied"; readonly app: string; readonly bundle: string })
  /** The hub shows this report as the newest: of which life of the agent, and which of that life's reports. */
  | (InCluster & { readonly kind: "observed"; readonly app: string; readonly life: number; readonly sequence: number })
  /** The hub gave content or assignments to whoever speaks for the cluster. */
  | (InCluster & { readonly kind: "hub-gave"; readonly what: string })
  /** A person asks for a decision, and then is told that it holds: `about` now is `value`. */
  | { readonly kind: "attempted" | "acknowledged"; readonly about: string; readonly value: string }
  /** A process of the hub begins, and of the things that were ever decided its store says this. */
  | { readonly kind: "hub-started"; readonly decisions: ReadonlyMap<string, string> }
  /** An older copy of the store is in its place. */
  | { readonly kind: "restored" }
  /** A person says that the restored store is what holds. */
  | { readonly kind: "recovery-confirmed" }
  | (InCluster & { readonly kind: "revoked" | "accepted-again" })
  /** What people are shown of a cluster; `silentMs` is for how long nothing of it has reached the hub. */
  | (InCluster & { readonly kind: "shown"; readonly states: readonly TargetState[]; readonly silentMs: number })
  /** No more faults; everything has had the time that it needs. */
  | (InCluster & {
      readonly kind: "settled";
      readonly accepted: number;
      readonly generation: number;
      readonly expected: ReadonlyMap<ObjectName, Content>;
      readonly live: ReadonlyMap<ObjectName, Content>;
    })
  /** From now on everything that is said was said before. */
  | { readonly kind: "repeating" }
  /** A process ended by itself. */
  | { readonly kind: "died"; readonly who: string; readonly why: string };

/** A fact and when it came about. */
export type TimedFact = Fact & { readonly at: number };

/** One promise, held against all facts in order. */
export interface Invariant {
  /** `R1`, as security-reliability §3 numbers it. */
  readonly name: string;
  /** Takes the next fact; why the promise is broken by it, or undefined. */
  readonly check: (fact: TimedFact) => string | undefined;
}
