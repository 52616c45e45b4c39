import { DroverError } from "@drover/shared/errors";

import { factPrefix } from "../core/fact-labels.ts";

export type Labels = Readonly<Record<string, string>>;

export type LabelSelector = (labels: Labels) => boolean;

/**
 * Parses what `kubectl -l` takes: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, joined by commas.
 * As in Kubernetes, `!=` and `notin` also match what lacks the key. Throws `usage`.
 */
export function parseLabelSelector(text: string): LabelSelector {
  const requirements = splitRequirements(text).map((part) => parseRequirement(part));
  return (labels) => requirements.every((matches) => matches(labels));
}

const namePattern = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/u;
const prefixPattern = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/u;

/** Label keys as Kubernetes takes them: an optional DNS name and a slash, then at most 63 letters, digits, `-_.`. */
export function isLabelKey(key: string): boolean {
  const slash = key.indexOf("/");
  if (slash < 0) return namePattern.test(key);
  return prefixPattern.test(key.slice(0, slash)) && namePattern.test(key.slice(slash + 1));
}

export function isLabelValue(value: string): boolean {
  return value === "" || namePattern.test(value);
}

/** Throws `usage` naming the first label that Kubernetes would not take. */
export function checkLabels(labels: Readonly<Record<string, string | null>>): void {
  for (const [key, value] of Object.entries(labels)) {
    if (!isLabelKey(key)) throw invalid(`"${key}" is not a label key`);
    if (key.startsWith(factPrefix)) throw invalid(`${key} is a fact, which only the cluster's agent can say`);
    if (value !== null && !isLabelValue(value)) throw invalid(`"${value}" is not a value for the label ${key}`);
  }
}

/** Commas separate requirements, but not inside the parentheses of a set. */
function splitRequirements(text: string): readonly string[] {
  const parts = text.split(/,(?![^(]*\))/u).map((part) => part.trim());
  if (parts.some((part) => part === "")) throw invalid(`"${text}" is not a label selector`);
  return parts;
}

function parseRequirement(part: string): LabelSelector {
  const set = /^(?<key>\S+)\s+(?<operator>in|notin)\s*\((?<values>[^()]*)\)$/u.exec(part)?.groups;
  if (set !== undefined) {
    const key = checkKey(set["key"] ?? "");
    const values = new Set((set["values"] ?? "").split(",").map((value) => checkValue(key, value.trim())));
    return set["operator"] === "in"
      ? (labels) => Object.hasOwn(labels, key) && values.has(labels[key] ?? "")
      : (labels) => !Object.hasOwn(labels, key) || !values.has(labels[key] ?? "");
  }
  const equality = /^(?<key>[^\s=!]+)\s*(?<operator>==?|!=)\s*(?<value>\S*)$/u.exec(part)?.groups;
  if (equality !== undefined) {
    const key = checkKey(equality["key"] ?? "");
    const value = checkValue(key, equality["value"] ?? "");
    return equality["operator"] === "!="
      ? (labels) => !Object.hasOwn(labels, key) || labels[key] !== value
      : (labels) => Object.hasOwn(labels, key) && labels[key] === value;
  }
  if (part.startsWith("!")) {
    const key = checkKey(part.slice(1).trim());
    return (labels) => !Object.hasOwn(labels, key);
  }
  const key = checkKey(part);
  return (labels) => Object.hasOwn(labels, key);
}

function checkKey(key: string): string {
  if (!isLabelKey(key)) throw invalid(`"${key}" is not a label key`);
  return key;
}

function checkValue(key: string, value: string): string {
  if (!isLabelValue(value)) throw invalid(`"${value}" is not a value for the label ${key}`);
  return value;
}

function invalid(message: string): DroverError {
  return new DroverError("usage", message, { hint: "write it as kubectl takes it: env=prod,tier in (gold,silver)" });
}
