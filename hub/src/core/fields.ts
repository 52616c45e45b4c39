import type { Path, YamlDocument } from "@drover/shared/decode";
import { formatDuration, parseDuration } from "@drover/shared/duration";
import type { Position } from "@drover/shared/errors";
import { isRecord, type JsonRecord } from "@drover/shared/json";
import { nearest } from "@drover/shared/nearest";
import type { Problem } from "@drover/shared/problems";

/** Collects everything that is wrong in a document. */
export interface Findings {
  readonly document: YamlDocument;
  readonly problems: Problem[];
}

export interface TextRule {
  readonly pattern: RegExp;
  /** Completes "has to be …". */
  readonly rule: string;
}

/** A name that fits Kubernetes' labels and the names of files and metrics. */
export const nameRule: TextRule = {
  pattern: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/u,
  rule: "up to 63 lower-case letters, digits and dashes, with a letter or digit at both ends",
};

/** More mistakes than this in one document help nobody. */
const maxProblems = 100;

const labelKey = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/u;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/u;

/**
 * Reads one map of a document field by field. What is wrong is noted with its place and reading goes on, so that a
 * person sees all mistakes at once. `finish` notes every key that nobody asked for.
 */
export class Fields {
  readonly #findings: Findings;
  readonly #path: Path;
  readonly #record: JsonRecord;
  readonly #asked = new Set<string>();

  constructor(findings: Findings, path: Path, record: JsonRecord) {
    this.#findings = findings;
    this.#path = path;
    this.#record = record;
  }

  get at(): Position {
    return this.#findings.document.positionOf(this.#path);
  }

  /** The same map with other values, at the same places. */
  replaced(change: (record: JsonRecord) => JsonRecord): Fields {
    return new Fields(this.#findings, this.#path, change(this.#record));
  }

  /** Names of all fields. */
  keys(): readonly string[] {
    return Object.keys(this.#record);
  }

  /** Where what is at the path below this map is written. */
  placeOf(...path: Path): Position {
    return this.#findings.document.positionOf([...this.#path, ...path]);
  }

  has(key: string): boolean {
    this.#asked.add(key);
    return Object.hasOwn(this.#record, key);
  }

  /** The raw value; undefined when it is absent. */
  value(key: string): unknown {
    return this.has(key) ? this.#record[key] : undefined;
  }

  text(key: string, rule?: TextRule): string | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (typeof value !== "string") {
      const hint = typeof value === "number" || typeof value === "boolean" ? "quote it" : undefined;
      return this.wrong(key, `has to be text, not ${describe(value)}`, hint);
    }
    if (rule !== undefined && !rule.pattern.test(value)) return this.wrong(key, `has to be ${rule.rule}`);
    return value;
  }

  requiredText(key: string, rule?: TextRule): string {
    if (!this.has(key)) this.missing(key);
    return this.text(key, rule) ?? "";
  }

  flag(key: string, otherwise: boolean): boolean {
    const value = this.value(key);
    if (value === undefined) return otherwise;
    if (typeof value === "boolean") return value;
    this.wrong(key, `has to be true or false, not ${describe(value)}`);
    return otherwise;
  }

  /** A whole number within bounds. */
  whole(key: string, { min, max }: { readonly min: number; readonly max: number }): number | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    return this.wrong(key, `has to be a whole number from ${min} to ${max}`);
  }

  /** In ms, from `30s`, `5m`, `2h`. */
  duration(key: string, { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number }): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const ms = parseDuration(text);
    if (ms === undefined) return this.wrong(key, "has to be a duration", "write 30s, 5m or 2h");
    if (ms >= minMs && ms <= maxMs) return ms;
    return this.wrong(key, `has to be from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`);
  }

  oneOf<T extends string>(key: string, options: readonly T[], otherwise: T): T {
    const value = this.value(key);
    if (value === undefined) return otherwise;
    const found = options.find((option) => option === value);
    if (found !== undefined) return found;
    const guess = typeof value === "string" ? didYouMean(value, options) : undefined;
    this.wrong(key, `has to be one of ${options.join(", ")}`, guess);
    return otherwise;
  }

  /** Texts by label name, checked against Kubernetes' rules for labels. */
  labels(key: string): Readonly<Record<string, string>> {
    const fields = this.map(key);
    if (fields === undefined) return {};
    const labels: [string, string][] = [];
    for (const name of fields.keys()) {
      const value = fields.text(name, { pattern: labelValue, rule: "a label value: up to 63 letters, digits, -_." });
      if (!labelKey.test(name)) fields.wrong(name, "is no name for a label");
      if (value !== undefined) labels.push([name, value]);
    }
    return Object.fromEntries(labels);
  }

  map(key: string): Fields | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (isRecord(value)) return new Fields(this.#findings, [...this.#path, key], value);
    return this.wrong(key, `has to be a map, not ${describe(value)}`);
  }

  requiredMap(key: string): Fields | undefined {
    return this.has(key) ? this.map(key) : this.missing(key);
  }

  list(key: string): readonly unknown[] {
    const value = this.value(key);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.wrong(key, `has to be a list, not ${describe(value)}`);
    return [];
  }

  texts(key: string, rule?: TextRule): readonly string[] {
    return this.list(key).filter((item, index): item is string => {
      if (typeof item === "string" && (rule === undefined || rule.pattern.test(item))) return true;
      const expected = typeof item === "string" && rule !== undefined ? rule.rule : "text";
      this.note([key, index], `has to be ${expected}`, typeof item === "string" ? undefined : "quote it");
      return false;
    });
  }

  maps(key: string): readonly Fields[] {
    const maps: Fields[] = [];
    for (const [index, item] of this.list(key).entries()) {
      if (isRecord(item)) maps.push(new Fields(this.#findings, [...this.#path, key, index], item));
      else this.note([key, index], `has to be a map, not ${describe(item)}`);
    }
    return maps;
  }

  missing(key: string, hint?: string): undefined {
    this.#add([], `${formatPath([...this.#path, key])} is missing`, "field-missing", hint);
  }

  wrong(key: string, message: string, hint?: string): undefined {
    this.note([key], message, hint);
  }

  /** Notes a problem with what is at the path below this map. */
  note(path: Path, message: string, hint?: string): void {
    this.#add(path, `${formatPath([...this.#path, ...path])} ${message}`, "field-invalid", hint);
  }

  finish(): void {
    for (const key of this.keys()) {
      if (this.#asked.has(key)) continue;
      if (this.#findings.problems.length >= maxProblems) return;
      const where = this.#path.length === 0 ? "" : `${formatPath(this.#path)}: `;
      this.#add([key], `${where}unknown key ${JSON.stringify(key)}`, "unknown-key", didYouMean(key, this.#asked));
    }
  }

  #add(path: Path, message: string, code: string, hint?: string): void {
    const { document, problems } = this.#findings;
    if (problems.length >= maxProblems) return;
    const at = document.positionOf([...this.#path, ...path]);
    problems.push({ code, severity: "error", message, at, ...(hint === undefined ? {} : { hint }) });
  }
}

/** `did you mean "region"?`; undefined when nothing comes near. */
export function didYouMean(typed: string, candidates: Iterable<string>): string | undefined {
  const guess = nearest(typed, candidates);
  return guess === undefined ? undefined : `did you mean ${JSON.stringify(guess)}?`;
}

function formatPath(path: Path): string {
  return path.map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${key}`)).join("");
}

function describe(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  return typeof value === "string" ? "text" : JSON.stringify(value);
}
