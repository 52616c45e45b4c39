import { badRequest } from "../http/status.ts";
import { at, textsAt } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";

export type Selector = (object: KubeObject) => boolean;

type Labels = Readonly<Record<string, string>>;
type Requirement = (labels: Labels) => boolean;

export const everything: Selector = () => true;

const labelKey = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/u;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/u;

/** Parses a `labelSelector` parameter: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`. Throws 400. */
export function parseLabelSelector(text: string): Selector {
  if (text.trim() === "") return everything;
  const requirements = splitOutsideParentheses(text).map((part) => parseRequirement(part.trim(), text));
  return (object) => {
    const labels = object.metadata.labels ?? {};
    return requirements.every((requirement) => requirement(labels));
  };
}

/** A `LabelSelector` of an object's spec: matchLabels and matchExpressions. An absent one selects nothing. */
export function labelSelectorOf(selector: unknown): (labels: Labels) => boolean {
  if (selector === undefined || selector === null) return () => false;
  const wanted = Object.entries(textsAt(selector, "matchLabels"));
  const expressions = at(selector, "matchExpressions");
  const list: unknown[] = Array.isArray(expressions) ? (expressions as unknown[]) : [];
  return (labels) =>
    wanted.every(([key, value]) => labels[key] === value) && list.every((each) => matchesExpression(each, labels));
}

/** Parses a `fieldSelector` parameter: `metadata.name=x,status.phase!=Running`. Throws 400. */
export function parseFieldSelector(text: string, supported: ReadonlySet<string>): Selector {
  if (text.trim() === "") return everything;
  const terms = text.split(",").map((term) => {
    const match = /^([^=!]+)(==|=|!=)(.*)$/u.exec(term);
    const [, path = "", operator = "", value = ""] = match ?? [];
    if (match === null) throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
    if (!supported.has(path)) throw badRequest(`field label not supported: ${path}`);
    return { path: path.split("."), wanted: operator !== "!=", value };
  });
  return (object) => terms.every(({ path, wanted, value }) => (fieldText(object, path) === value) === wanted);
}

function fieldText(object: KubeObject, path: readonly string[]): string {
  const value = at(object, ...path);
  return value === undefined || value === null
    ? ""
    : typeof value === "string" || typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : "";
}

function matchesExpression(expression: unknown, labels: Labels): boolean {
  const key = at(expression, "key");
  if (typeof key !== "string") return false;
  const given = at(expression, "values");
  const values: unknown[] = Array.isArray(given) ? (given as unknown[]) : [];
  const value = labels[key];
  switch (at(expression, "operator")) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return false;
  }
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/u);
}

function parseRequirement(part: string, whole: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\((.*)\)$/u.exec(part);
  if (set !== null) {
    const [, key = "", operator = "", list = ""] = set;
    const values = new Set(list.split(",").map((value) => value.trim()));
    checkKey(key, whole);
    return operator === "in"
      ? (labels) => labels[key] !== undefined && values.has(labels[key])
      : (labels) => labels[key] === undefined || !values.has(labels[key]);
  }
  const comparison = /^([^=!<>\s]+)\s*(==|=|!=|<|>)\s*(\S*)$/u.exec(part);
  if (comparison !== null) {
    const [, key = "", operator = "", value = ""] = comparison;
    checkKey(key, whole);
    return comparisonRequirement({ key, operator, value, whole });
  }
  const absent = part.startsWith("!");
  const key = absent ? part.slice(1).trim() : part;
  checkKey(key, whole);
  return absent ? (labels) => labels[key] === undefined : (labels) => labels[key] !== undefined;
}

function comparisonRequirement(term: { key: string; operator: string; value: string; whole: string }): Requirement {
  const { key, operator, value } = term;
  if (operator === "<" || operator === ">") {
    const bound = Number(value);
    return (labels) => {
      const actual = labels[key] === undefined ? Number.NaN : Number(labels[key]);
      return operator === "<" ? actual < bound : actual > bound;
    };
  }
  if (!labelValue.test(value)) throw unparsable(term.whole, `invalid label value "${value}"`);
  return operator === "!=" ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
}

function checkKey(key: string, whole: string): void {
  if (!labelKey.test(key)) throw unparsable(whole, `invalid label key "${key}"`);
}

function unparsable(whole: string, why: string): Error {
  return badRequest(`unable to parse requirement: ${why} in "${whole}"`);
}
