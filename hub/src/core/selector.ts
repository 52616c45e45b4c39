/** Kubernetes' label selector. Without any requirement it matches everything. */
export interface Selector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly Requirement[];
}

export const operators = ["In", "NotIn", "Exists", "DoesNotExist"] as const;

export interface Requirement {
  readonly key: string;
  readonly operator: (typeof operators)[number];
  readonly values: readonly string[];
}

/** `reason` names the first requirement that failed, or what matched. */
export interface Match {
  readonly matched: boolean;
  readonly reason: string;
}

export function matches(selector: Selector, labels: Readonly<Record<string, string>>): Match {
  void [selector, labels];
  return { matched: false, reason: "" };
}
