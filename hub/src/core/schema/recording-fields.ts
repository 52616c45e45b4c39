import type { Path } from "@drover/shared/decode";
import { durationPattern } from "@drover/shared/duration";
import type { JsonRecord } from "@drover/shared/json";

import { Fields, type TextRule } from "../fields.ts";

/** JSON Schema of one value, or the map (`node`) or list of maps (`items`) that is described where the path leads. */
export type Rule = { readonly schema: JsonRecord } | { readonly node: string } | { readonly items: string };

/** What a reader did with one field. */
export interface KeySighting {
  readonly rules: Rule[];
  /** Set when it took whatever is there: the value that it got, or that it got as an item of a list. */
  sample: { readonly value: unknown; readonly isItem: boolean } | undefined;
  /** How many values it could have got instead. */
  choices: number;
  /** Whether it found something wrong with it. */
  isRefused: boolean;
}

/** What a reader did with one map. */
export interface Sighting {
  readonly path: string;
  readonly keys: Map<string, KeySighting>;
  /** `missing KEY`, and what is wrong with the map as a whole in the reader's words. */
  readonly problems: Set<string>;
  /** It refuses fields that it does not ask for. */
  isClosed: boolean;
  /** It takes fields of any name: what it does with them is under `anyName`. */
  hasAnyName: boolean;
}

/** What a document is like that is not there: which fields it has, and what is in them. */
export interface Scenario {
  /** Fields of a map, by its path; all that are asked for when the path is not in it. */
  readonly present: ReadonlyMap<string, ReadonlySet<string>>;
  /** Which of its possible values a field has, by `choiceKey`; 0 when it is not in it. */
  readonly choices: ReadonlyMap<string, number>;
}

export const choiceKey = (path: string, key: string): string => `${path}\n${key}`;

/** Stands for every name in a map of names that people choose. */
export const anyName = "any-name";

/** Values of every type. The map is one that a reader may take for an object of Kubernetes. */
const samples: readonly unknown[] = [
  { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "name" } },
  [],
  "text",
  "${cluster.name}",
  1,
  true,
  null,
];

const nowhere = { file: "", line: 1, column: 1 };
const findings = { document: { value: undefined, at: nowhere, positionOf: () => nowhere }, problems: [] };

/** Fields of a document that is not there. It says what a scenario says, and writes down what the reader asks for. */
export class RecordingFields extends Fields {
  readonly #path: string;
  readonly #scenario: Scenario;
  readonly #sightings: Map<string, Sighting>;
  readonly #samples: readonly unknown[];
  readonly #sighting: Sighting;
  readonly #given = new Map<string, unknown>();

  constructor(path: string, scenario: Scenario, sightings: Map<string, Sighting>, values = samples) {
    super(findings, [], {});
    this.#path = path;
    this.#scenario = scenario;
    this.#sightings = sightings;
    this.#samples = values;
    const known = sightings.get(path);
    this.#sighting = known ?? { path, keys: new Map(), problems: new Set(), isClosed: false, hasAnyName: false };
    sightings.set(path, this.#sighting);
  }

  override replaced(change: (record: JsonRecord) => JsonRecord): Fields {
    const values = this.#samples.map((value) => change({ value })["value"]);
    return new RecordingFields(this.#path, this.#scenario, this.#sightings, values);
  }

  override keys(): readonly string[] {
    this.#sighting.hasAnyName = true;
    return this.has(anyName) ? [anyName] : [];
  }

  override has(key: string): boolean {
    this.#key(key);
    return this.#scenario.present.get(this.#path)?.has(key) ?? true;
  }

  override value(key: string): unknown {
    if (!this.has(key)) return undefined;
    return this.#given.has(key) ? this.#given.get(key) : this.#sample(key, false);
  }

  override text(key: string, rule?: TextRule): string | undefined {
    const pattern = rule === undefined ? {} : { pattern: plainPattern(rule.pattern) };
    return this.#take(key, { schema: { type: "string", ...pattern } }, "text");
  }

  override flag(key: string, otherwise: boolean): boolean {
    return this.#take(key, { schema: { type: "boolean", default: otherwise } }, otherwise) ?? otherwise;
  }

  override whole(key: string, { min, max }: { readonly min: number; readonly max: number }): number | undefined {
    return this.#take(key, { schema: { type: "integer", minimum: min, maximum: max } }, min);
  }

  override duration(key: string, { minMs }: { readonly minMs: number; readonly maxMs: number }): number | undefined {
    return this.#take(key, { schema: { type: "string", pattern: plainPattern(durationPattern) } }, minMs);
  }

  override oneOf<T extends string>(key: string, options: readonly T[], otherwise: T): T {
    const index = this.#choose(key, options.length);
    const option = index === 0 ? otherwise : (options.filter((other) => other !== otherwise)[index - 1] ?? otherwise);
    return this.#take(key, { schema: { enum: [...options], default: otherwise } }, option) ?? otherwise;
  }

  override map(key: string): Fields | undefined {
    const child = this.#child(key);
    return this.#take(key, { node: child.#path }, child);
  }

  override list(key: string): readonly unknown[] {
    if (!this.has(key)) return [];
    return this.#given.has(key) ? [this.#given.get(key)] : [this.#sample(key, true)];
  }

  override texts(key: string, rule?: TextRule): readonly string[] {
    const pattern = rule === undefined ? {} : { pattern: plainPattern(rule.pattern) };
    const text = this.#take(key, { schema: { type: "array", items: { type: "string", ...pattern } } }, "text");
    return text === undefined ? [] : [text];
  }

  override maps(key: string): readonly Fields[] {
    const child = this.#child(`${key}[]`);
    return this.#take(key, { items: child.#path }, child) === undefined ? [] : [child];
  }

  override missing(key: string): undefined {
    this.#sighting.problems.add(`missing ${key}`);
  }

  override note([key]: Path, message: string): void {
    if (typeof key === "string") this.#key(key).isRefused = true;
    else this.#sighting.problems.add(message);
  }

  override finish(): void {
    this.#sighting.isClosed = true;
  }

  #key(key: string): KeySighting {
    const known = this.#sighting.keys.get(key);
    const sighting = known ?? { rules: [], sample: undefined, choices: 1, isRefused: false };
    this.#sighting.keys.set(key, sighting);
    return sighting;
  }

  /** Writes the rule down, and gives the value when there is one. */
  #take<T>(key: string, rule: Rule, value: T): T | undefined {
    this.#key(key).rules.push(rule);
    if (!this.has(key)) return undefined;
    this.#given.set(key, value);
    return value;
  }

  #sample(key: string, isItem: boolean): unknown {
    const value = this.#samples[this.#choose(key, this.#samples.length)];
    this.#key(key).sample = { value, isItem };
    return value;
  }

  #choose(key: string, choices: number): number {
    const sighting = this.#key(key);
    sighting.choices = Math.max(sighting.choices, choices);
    return this.#scenario.choices.get(choiceKey(this.#path, key)) ?? 0;
  }

  #child(key: string): RecordingFields {
    const path = this.#path === "" ? key : `${this.#path}.${key}`;
    return new RecordingFields(
      path,
      this.#scenario,
      this.has(key.replace("[]", "")) ? this.#sightings : new Map(),
      this.#samples,
    );
  }
}

/** Editors that are not written in JavaScript know no names of groups. */
function plainPattern({ source }: RegExp): string {
  return source.replaceAll(/\(\?<\w+>/gu, "(");
}
