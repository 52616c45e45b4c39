import { numberAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import type { ObjectKey } from "@drover/shared/kube/manifest";
import type { ObjectHealth } from "@drover/shared/state";

/** How one live object is doing. */
export interface Verdict {
  readonly health: ObjectHealth;
  /** CamelCase and stable; "" when there is nothing to say. */
  readonly reason: string;
  readonly message: string;
  /** What it comes to by itself, without a change of the object, once its time is over (see `verdictAfter`). */
  readonly grace?: Grace;
  /** What it depends on that is not in the object (see `verdictGiven`). */
  readonly question?: Question;
}

export interface Grace {
  /** Counted from when the object was first seen. */
  readonly ms: number;
  readonly after: Verdict;
}

/** A yes or no about the cluster. The core cannot ask; whoever can, settles the verdict with the answer. */
export interface Question {
  readonly about: Fact;
  /** The verdict when the answer is yes; when it is no, or nobody knows, the verdict stays. */
  readonly yes: Verdict;
}

export type Fact =
  /** Volumes of the storage class wait for the first pod that uses them. */
  | { readonly what: "binds-late"; readonly storageClass: string }
  /** Nothing reports on objects of the kind: its definition leaves no place for it. */
  | { readonly what: "never-reported"; readonly group: string; readonly kind: string };

export type Kind = Pick<ObjectKey, "group" | "kind">;
export type Assess = (object: JsonRecord) => Verdict;

/** Most of a message that a controller wrote into a status. */
const maxMessage = 300;

export const current: Verdict = { health: "Current", reason: "", message: "" };

export function verdict(health: ObjectHealth, reason: string, message: string): Verdict {
  return { health, reason, message: message.length > maxMessage ? `${message.slice(0, maxMessage - 1)}…` : message };
}

export function progressing(reason: string, message: string): Verdict {
  return verdict("Progressing", reason, message);
}

/** A verdict that holds for a while only. Time is a value here: whoever has a clock asks `verdictAfter`. */
export function forAWhile(now: Verdict, ms: number, after: Verdict): Verdict {
  return { ...now, grace: { ms, after } };
}

/** The verdict on an object that was first seen this long ago and has stayed as it was assessed. */
export function verdictAfter(assessed: Verdict, ageMs: number): Verdict {
  return assessed.grace !== undefined && ageMs >= assessed.grace.ms ? assessed.grace.after : assessed;
}

/** The verdict, now that the answer to its question is known. */
export function verdictGiven({ question, ...assessed }: Verdict, answer: boolean): Verdict {
  return answer && question !== undefined ? question.yes : assessed;
}

/** How long a controller has to say something about an object before its silence counts as consent. */
const silenceMs = 30_000;

/** Nobody may have looked at the object yet. Not ready at once, as for kstatus; but some are never looked at. */
export const unobserved: Verdict = forAWhile(
  progressing("NotObserved", "no controller has reported on it yet"),
  silenceMs,
  { ...current, message: "no controller reports on it" },
);

export interface LiveCondition {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  /** Generation of the object that the condition is about, where the controller says so. */
  readonly observedGeneration: number | undefined;
}

export function conditionOf(object: JsonRecord, type: string): LiveCondition | undefined {
  return findCondition(recordsAt(object, "status", "conditions"), type);
}

export function findCondition(conditions: readonly JsonRecord[], type: string): LiveCondition | undefined {
  const found = conditions.find((condition) => condition["type"] === type);
  if (found === undefined) return undefined;
  return {
    status: textAt(found, "status") ?? "Unknown",
    reason: textAt(found, "reason") ?? "",
    message: textAt(found, "message") ?? "",
    observedGeneration: numberAt(found, "observedGeneration"),
  };
}

/** Whether a condition is about an older spec than the object has now. */
export function isStale(object: JsonRecord, { observedGeneration }: LiveCondition): boolean {
  const generation = numberAt(object, "metadata", "generation");
  return generation !== undefined && observedGeneration !== undefined && observedGeneration < generation;
}

/** The controller has not come to the newest spec. */
export const outdated: Verdict = progressing("NotObserved", "its controller has not seen the newest spec yet");

/** `2 of 3 replicas are ready` and the like: one form for every kind that counts. */
export function counted(part: number, whole: number, what: string): string {
  return `${part} of ${whole} ${what}`;
}
