import { numberAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import type { ObjectHealth } from "@drover/shared/state";

/** How one live object is doing. */
export interface Verdict {
  readonly health: ObjectHealth;
  /** CamelCase and stable; "" when there is nothing to say. */
  readonly reason: string;
  readonly message: string;
  /** What it comes to by itself, without a change of the object, once its time is over (see `verdictAfter`). */
  readonly grace?: Grace;
}

export interface Grace {
  /** Counted from when the object was first seen. */
  readonly ms: number;
  readonly after: Verdict;
}

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
