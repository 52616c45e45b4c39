import { recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import type { ObjectHealth } from "@drover/shared/state";

/** How one live object is doing. */
export interface Verdict {
  readonly health: ObjectHealth;
  /** CamelCase and stable; "" when there is nothing to say. */
  readonly reason: string;
  readonly message: string;
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

export interface LiveCondition {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export function conditionOf(object: JsonRecord, type: string): LiveCondition | undefined {
  const found = recordsAt(object, "status", "conditions").find((condition) => condition["type"] === type);
  if (found === undefined) return undefined;
  return {
    status: textAt(found, "status") ?? "Unknown",
    reason: textAt(found, "reason") ?? "",
    message: textAt(found, "message") ?? "",
  };
}

/** `2 of 3 replicas are ready` and the like: one form for every kind that counts. */
export function counted(part: number, whole: number, what: string): string {
  return `${part} of ${whole} ${what}`;
}
