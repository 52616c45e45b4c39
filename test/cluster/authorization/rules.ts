import { listAt, recordsAt } from "../json.ts";
import type { Attributes } from "./attributes.ts";

/** A rule of a Role or ClusterRole. */
export type PolicyRule = {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
};

export function rulesOf(role: unknown): PolicyRule[] {
  return recordsAt(role, "rules").map((rule) => ({
    verbs: texts(rule, "verbs"),
    apiGroups: texts(rule, "apiGroups"),
    resources: texts(rule, "resources"),
    resourceNames: texts(rule, "resourceNames"),
    nonResourceURLs: texts(rule, "nonResourceURLs"),
  }));
}

function texts(rule: unknown, key: string): string[] {
  return listAt(rule, key).filter((each) => typeof each === "string");
}

export function allows(rule: PolicyRule, asked: Attributes): boolean {
  if (!has(rule.verbs, asked.verb)) return false;
  if ("path" in asked) return rule.nonResourceURLs.some((url) => urlCovers(url, asked.path));
  const { group, resource, subresource, name } = asked;
  const wanted = subresource === "" ? [resource] : [`${resource}/${subresource}`, `*/${subresource}`];
  return (
    has(rule.apiGroups, group) &&
    (rule.resources.includes("*") || wanted.some((each) => rule.resources.includes(each))) &&
    (rule.resourceNames.length === 0 || rule.resourceNames.includes(name))
  );
}

/** The permissions of `wanted` that `held` do not contain, compact and in order; one text for each. */
export function notCovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): string[] {
  const missing = new Map<string, { rule: PolicyRule; verbs: Set<string> }>();
  for (const rule of wanted.flatMap(breakDown)) {
    if (held.some((each) => covers(each, rule))) continue;
    const key = JSON.stringify({ ...rule, verbs: [] });
    const known = missing.get(key) ?? { rule, verbs: new Set() };
    for (const verb of rule.verbs) known.verbs.add(verb);
    missing.set(key, known);
  }
  return [...missing.values()].map(({ rule, verbs }) => shown({ ...rule, verbs: [...verbs] })).sort();
}

/** Rules of one verb on one resource (of one name) or one URL each, that together say the same. */
function breakDown(rule: PolicyRule): PolicyRule[] {
  const none = { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] };
  const names = rule.resourceNames.length === 0 ? [[]] : rule.resourceNames.map((name) => [name]);
  return rule.verbs.flatMap((verb) => [
    ...rule.apiGroups.flatMap((group) =>
      rule.resources.flatMap((resource) =>
        names.map((resourceNames) => ({
          ...none,
          verbs: [verb],
          apiGroups: [group],
          resources: [resource],
          resourceNames,
        })),
      ),
    ),
    ...rule.nonResourceURLs.map((url) => ({ ...none, verbs: [verb], nonResourceURLs: [url] })),
  ]);
}

/** Whether a rule contains one that was broken down. */
function covers(rule: PolicyRule, single: PolicyRule): boolean {
  if (!single.verbs.every((verb) => has(rule.verbs, verb))) return false;
  const [url] = single.nonResourceURLs;
  if (url !== undefined) return rule.nonResourceURLs.some((each) => urlCovers(each, url));
  const [resource = ""] = single.resources;
  const [, subresource] = resource.split("/");
  return (
    single.apiGroups.every((group) => has(rule.apiGroups, group)) &&
    (has(rule.resources, resource) || (subresource !== undefined && rule.resources.includes(`*/${subresource}`))) &&
    (rule.resourceNames.length === 0 ||
      (single.resourceNames.length > 0 && single.resourceNames.every((name) => rule.resourceNames.includes(name))))
  );
}

function has(list: readonly string[], wanted: string): boolean {
  return list.includes("*") || list.includes(wanted);
}

function urlCovers(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith("*") && path.startsWith(pattern.slice(0, -1)));
}

function shown(rule: PolicyRule): string {
  const list = (values: readonly string[]): string => `[${values.map((value) => `"${value}"`).join(" ")}]`;
  const parts = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["ResourceNames", rule.resourceNames],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["Verbs", rule.verbs],
  ] as const;
  const filled = parts.filter(([, values]) => values.length > 0);
  return `{${filled.map(([name, values]) => `${name}:${list(values)}`).join(", ")}}`;
}
