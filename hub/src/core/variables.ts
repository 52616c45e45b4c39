import { isRecord } from "@drover/shared/json";

import { didYouMean } from "./fields.ts";

/** What a variable may stand for. A text that is one variable and nothing else becomes the value itself, of its type. */
export type VariableValue = string | number | boolean;

/** Where the values of variables come from. */
export interface VariableSource {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly vars: Readonly<Record<string, VariableValue>>;
}

/*
 * `${cluster.name}`, `${cluster.labels.KEY}` and `${cluster.vars.KEY}`, the last two with `:-` and a default if one is
 * wanted; `$${cluster.name}` stands for itself. Variables are marked where text is read and filled in at the very end, so
 * that only text that was meant to hold them does, and clusters share all that does not depend on them.
 */
const opening = "\u{FDD0}";
const closing = "\u{FDD1}";
const written = /\$?\$\{cluster\.(?<body>[^{}]*)\}/gu;
const marked = /\u{FDD0}(?<body>[^\u{FDD1}]*)\u{FDD1}/gu;
const parts = /^(?:name|(?<scope>labels|vars)\.(?<key>(?:(?!:-).)+)(?::-(?<fallback>.*))?)$/su;

export interface Marked<T> {
  readonly value: T;
  /** What is wrong with variables: the text, and in words why. */
  readonly faults: readonly VariableFault[];
}

export interface VariableFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint: string;
}

/** Marks the variables in all texts of a value, names of fields included. What holds none stays the same value. */
export function markVariables<T>(value: T): Marked<T> {
  const faults: VariableFault[] = [];
  const mark = (text: string, path: VariableFault["path"]): string => {
    if (text.includes(opening) || text.includes(closing)) faults.push({ path, ...reserved });
    if (!text.includes("${cluster.")) return text;
    return text.replace(written, (whole: string, body: string) => {
      if (whole.startsWith("$$")) return whole.slice(1);
      if (!parts.test(body)) faults.push(unknown(body, path));
      return `${opening}${body}${closing}`;
    });
  };
  return { value: mapTexts(value, mark) as T, faults };
}

/** Whether `markVariables` has anything to do or to say about a value with this JSON. */
export function mayMark(json: string): boolean {
  return json.includes("${cluster.") || json.includes(opening) || json.includes(closing);
}

/** Of text that holds a mark before any was made: it would be taken for a variable that nobody wrote. */
export const reserved = {
  message: "it holds U+FDD0 or U+FDD1, which are no characters and stand for variables here",
  hint: "remove them: they cannot be seen",
} as const;

/** Whether any text in JSON holds a variable that is not filled in. */
export function holdsVariables(json: string): boolean {
  return json.includes(opening);
}

export interface Filled<T> {
  readonly value: T;
  /** Variables that the cluster has no value for, as `vars.domain`. */
  readonly missing: readonly string[];
}

/** Puts a cluster's values where variables are marked. */
export function fillVariables<T>(value: T, source: VariableSource): Filled<T> {
  const missing = new Set<string>();
  const look = (body: string): VariableValue => {
    const { scope, key = "", fallback } = parts.exec(body)?.groups ?? {};
    if (scope === undefined) return source.name;
    const values: Readonly<Record<string, VariableValue>> = scope === "labels" ? source.labels : source.vars;
    const found = Object.hasOwn(values, key) ? values[key] : fallback;
    if (found === undefined) missing.add(`${scope}.${key}`);
    return found ?? "";
  };
  const fill = (text: string): VariableValue => {
    if (!text.includes(opening)) return text;
    const alone = text.startsWith(opening) && text.indexOf(closing) === text.length - 1;
    if (alone) return look(text.slice(1, -1));
    return text.replace(marked, (_whole, body: string) => String(look(body)));
  };
  return { value: mapTexts(value, fill) as T, missing: [...missing] };
}

/** `fillVariables` for what has to stay text. */
export function fillText(text: string, source: VariableSource): Filled<string> {
  const { value, missing } = fillVariables<VariableValue>(text, source);
  return { value: String(value), missing };
}

/** A variable as a text uses it. */
export interface VariableUse {
  readonly scope: "name" | "labels" | "vars";
  /** Of a label or a variable; "" for the name. */
  readonly key: string;
  readonly hasDefault: boolean;
}

/** The variables in a text that are not filled in, each once. */
export function variablesIn(text: string): readonly VariableUse[] {
  const bodies = new Set([...text.matchAll(marked)].map(({ groups }) => groups?.["body"] ?? ""));
  return [...bodies].map((body) => {
    const { scope, key = "", fallback } = parts.exec(body)?.groups ?? {};
    return { scope: scope === "labels" || scope === "vars" ? scope : "name", key, hasDefault: fallback !== undefined };
  });
}

function mapTexts(
  value: unknown,
  change: (text: string, path: VariableFault["path"]) => VariableValue,
  path: VariableFault["path"] = [],
): unknown {
  if (typeof value === "string") return change(value, path);
  if (Array.isArray(value)) {
    const items = value.map((item: unknown, index) => mapTexts(item, change, [...path, index]));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (!isRecord(value)) return value;
  let isSame = true;
  const entries = Object.entries(value).map(([key, field]) => {
    const name = `${change(key, [...path, key])}`;
    const changed = mapTexts(field, change, [...path, key]);
    isSame &&= name === key && changed === field;
    return [name, changed] as const;
  });
  return isSame ? value : Object.fromEntries(entries);
}

const examples = ["name", "labels.", "vars."];

function unknown(body: string, path: VariableFault["path"]): VariableFault {
  const [scope = ""] = body.split(".");
  const message = `there is no variable \${cluster.${body}}`;
  const near = didYouMean(scope, ["name", "labels", "vars"]);
  const all = `write ${examples.map((example) => `\${cluster.${example}${example.endsWith(".") ? "KEY" : ""}}`).join(", ")}`;
  return { path, message, hint: near ?? `${all}, or $\${ for the text itself` };
}
