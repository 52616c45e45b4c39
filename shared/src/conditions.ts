/** One aspect of a thing's state and why it is so (Kubernetes API conventions, "typical status properties"). */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  /** CamelCase and stable: scripts decide by it. */
  readonly reason: string;
  readonly message: string;
  /** Milliseconds since the epoch at which `status` last changed. */
  readonly since: number;
}

/** Replaces the condition of the same type by one at the end; `since` moves only when the status does. */
export function setCondition(
  conditions: readonly Condition[],
  next: Omit<Condition, "since">,
  now: number,
): readonly Condition[] {
  const old = conditions.find((condition) => condition.type === next.type);
  const since = old !== undefined && old.status === next.status ? old.since : now;
  return [...conditions.filter((condition) => condition.type !== next.type), { ...next, since }];
}
