import type { Fields } from "./fields.ts";

/** Kubernetes' label selector: every requirement has to hold. Without any it matches everything. */
export interface Selector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly Requirement[];
}

export const operators = ["In", "NotIn", "Exists", "DoesNotExist"] as const;

export interface Requirement {
  readonly key: string;
  readonly operator: (typeof operators)[number];
  /** Empty for Exists and DoesNotExist. */
  readonly values: readonly string[];
}

/** `reason` names the first requirement that failed, or says what matched. */
export interface Match {
  readonly matched: boolean;
  readonly reason: string;
}

export const matchAll: Selector = { matchLabels: {}, matchExpressions: [] };

/** Labels that a cluster lacks match NotIn, as in Kubernetes. */
export function matches(selector: Selector, labels: Readonly<Record<string, string>>): Match {
  const requirements = requirementsOf(selector);
  for (const requirement of requirements) {
    if (holds(requirement, labels)) continue;
    const actual = Object.hasOwn(labels, requirement.key) ? `${requirement.key}=${labels[requirement.key] ?? ""}` : "";
    const has = actual === "" ? `has no label ${requirement.key}` : `has ${actual}`;
    return { matched: false, reason: `needs ${formatRequirement(requirement)}, ${has}` };
  }
  const reason = requirements.length === 0 ? "matches every cluster" : `matches ${formatSelector(selector)}`;
  return { matched: true, reason };
}

export function holds({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}

/** Labels and expressions alike, in a fixed order. */
export function requirementsOf({ matchLabels, matchExpressions }: Selector): readonly Requirement[] {
  const equal = Object.entries(matchLabels).map(([key, value]) => ({ key, operator: "In" as const, values: [value] }));
  return [...equal, ...matchExpressions];
}

/** kubectl's form: `tier=gold,region in (eu,us),!canary`. */
export function formatSelector(selector: Selector): string {
  return requirementsOf(selector).map(formatRequirement).join(",");
}

export function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case "In":
      return values.length === 1 ? `${key}=${values.join("")}` : `${key} in (${values.join(",")})`;
    case "NotIn":
      return values.length === 1 ? `${key}!=${values.join("")}` : `${key} notin (${values.join(",")})`;
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
  }
}

const term =
  /^(?:(?<not>!)?(?<exists>[^\s!=(),]+)|(?<key>[^\s!=(),]+)\s*(?:(?<equal>==?|!=)\s*(?<value>[^\s!=(),]*)|\s(?<set>in|notin)\s*\((?<values>[^()]*)\)))$/u;

/** What looks for its parts goes over a text again and again. */
const maxLength = 4096;

/** Reads kubectl's form, of up to 4,096 characters; undefined for any other text. */
export function parseSelector(text: string): Selector | undefined {
  if (text.length > maxLength) return undefined;
  const matchExpressions: Requirement[] = [];
  // Commas inside parentheses separate values, not requirements.
  for (const part of text.split(/,(?![^()]*\))/u)) {
    const groups = term.exec(part.trim())?.groups;
    if (groups === undefined) return text.trim() === "" ? matchAll : undefined;
    const { not, exists, key = "", equal, value = "", set, values = "" } = groups;
    if (exists !== undefined) {
      matchExpressions.push({ key: exists, operator: not === undefined ? "Exists" : "DoesNotExist", values: [] });
    } else if (set === undefined) {
      matchExpressions.push({ key, operator: equal === "!=" ? "NotIn" : "In", values: [value] });
    } else {
      const list = values.split(",").map((item) => item.trim());
      matchExpressions.push({ key, operator: set === "in" ? "In" : "NotIn", values: list });
    }
  }
  return { matchLabels: {}, matchExpressions };
}

/** Reads `matchLabels` and `matchExpressions`. */
export function readSelector(fields: Fields): Selector {
  const matchLabels = fields.labels("matchLabels");
  const matchExpressions = fields.maps("matchExpressions").map(readRequirement);
  fields.finish();
  return { matchLabels, matchExpressions };
}

function readRequirement(fields: Fields): Requirement {
  const key = fields.requiredText("key");
  if (!fields.has("operator")) fields.missing("operator");
  const operator = fields.oneOf("operator", operators, "Exists");
  const values = fields.texts("values");
  const known = fields.value("operator") === operator;
  const takesValues = operator === "In" || operator === "NotIn";
  if (known && takesValues && values.length === 0) fields.wrong("values", `needs at least one value for ${operator}`);
  if (known && !takesValues && values.length > 0) fields.wrong("values", `has to be left out for ${operator}`);
  fields.finish();
  return { key, operator, values };
}
