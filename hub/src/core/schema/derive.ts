import type { JsonRecord } from "@drover/shared/json";

import type { Reading } from "./explore.ts";
import { anyName, type KeySighting, type Rule, type Sighting } from "./recording-fields.ts";

/** What all readings together say of one map. */
interface MapFacts {
  readonly keys: Map<string, KeySighting[]>;
  isClosed: boolean;
  hasAnyName: boolean;
  /** Problems of the map without a field. */
  empty: ReadonlySet<string> | undefined;
  /** Problems that the map with this field alone has whatever is in it, by field. */
  readonly alone: Map<string, ReadonlySet<string>>;
  /** The same of readings that refused what was in the field: they may have ended there. Counts where no other was made. */
  readonly aloneRefused: Map<string, ReadonlySet<string>>;
}

export type Describe = (path: string) => string | undefined;

/** JSON Schema of what a reader takes, from all its readings. It refuses nothing that the reader takes. */
export function derive(readings: readonly Reading[], describe: Describe): JsonRecord {
  const maps = new Map<string, MapFacts>();
  for (const { scenario, sightings } of readings) {
    for (const sighting of sightings.values()) {
      collect(factsOf(maps, sighting.path), sighting, scenario.present.get(sighting.path));
    }
  }
  return mapSchema("", maps, describe);
}

function factsOf(maps: Map<string, MapFacts>, path: string): MapFacts {
  const known = maps.get(path);
  if (known !== undefined) return known;
  const facts: MapFacts = {
    keys: new Map(),
    isClosed: false,
    hasAnyName: false,
    empty: undefined,
    alone: new Map(),
    aloneRefused: new Map(),
  };
  maps.set(path, facts);
  return facts;
}

function collect(facts: MapFacts, sighting: Sighting, present: ReadonlySet<string> | undefined): void {
  for (const [key, seen] of sighting.keys) {
    const before = facts.keys.get(key);
    if (before === undefined) facts.keys.set(key, [seen]);
    else before.push(seen);
  }
  facts.isClosed ||= sighting.isClosed;
  facts.hasAnyName ||= sighting.hasAnyName;
  if (present?.size === 0) facts.empty = intersect(facts.empty, sighting.problems);
  const [only] = present ?? [];
  if (present?.size === 1 && only !== undefined) {
    const alone = sighting.keys.get(only)?.isRefused === true ? facts.aloneRefused : facts.alone;
    alone.set(only, intersect(alone.get(only), sighting.problems));
  }
}

function intersect(before: ReadonlySet<string> | undefined, now: ReadonlySet<string>): ReadonlySet<string> {
  return before === undefined ? now : new Set([...before].filter((problem) => now.has(problem)));
}

function mapSchema(path: string, maps: ReadonlyMap<string, MapFacts>, describe: Describe): JsonRecord {
  const facts = maps.get(path);
  if (facts === undefined) return { type: "object" };
  const schemas = new Map<string, JsonRecord>();
  for (const [key, seen] of facts.keys) {
    const keyPath = path === "" ? key : `${path}.${key}`;
    const description = describe(keyPath);
    const schema = keySchema(seen, (inner) => mapSchema(inner, maps, describe));
    schemas.set(key, description === undefined ? schema : { description, ...schema });
  }
  const alone = new Map([...facts.aloneRefused, ...facts.alone]);
  const { required, alternatives } = needs(facts.empty ?? new Set(), alone);
  for (const key of required) schemas.set(key, withoutDefault(schemas.get(key) ?? {}));
  const dependent = dependencies(facts.empty ?? new Set(), alone);
  return {
    ...shapeOf(facts, schemas),
    ...(required.length === 0 ? {} : { required }),
    ...(alternatives.length === 0 ? {} : { allOf: alternatives }),
    ...(Object.keys(dependent).length === 0 ? {} : { dependentRequired: dependent }),
  };
}

/** Which names a map may have, and what may be below them. */
function shapeOf({ isClosed, hasAnyName }: MapFacts, schemas: ReadonlyMap<string, JsonRecord>): JsonRecord {
  const named = [...schemas].filter(([key]) => key !== anyName);
  const others = hasAnyName ? schemas.get(anyName) : isClosed ? false : undefined;
  return {
    type: "object",
    ...(named.length === 0 ? {} : { properties: Object.fromEntries(named) }),
    ...(others === undefined ? {} : { additionalProperties: others }),
  };
}

function withoutDefault({ default: _default, ...schema }: JsonRecord): JsonRecord {
  return schema;
}

/** What an empty map lacks: a field that nothing can stand in for is required, of others one of several is. */
function needs(
  empty: ReadonlySet<string>,
  alone: ReadonlyMap<string, ReadonlySet<string>>,
): { readonly required: readonly string[]; readonly alternatives: readonly JsonRecord[] } {
  const required = new Set<string>();
  const alternatives = new Map<string, readonly string[]>();
  for (const problem of empty) {
    const remedies = [...alone].filter(([, problems]) => !problems.has(problem)).map(([key]) => key);
    const [only] = remedies;
    if (remedies.length === 1 && only !== undefined) required.add(only);
    if (remedies.length > 1) alternatives.set(remedies.join(" "), remedies);
  }
  const open = [...alternatives.values()].filter((remedies) => !remedies.some((key) => required.has(key)));
  return {
    required: [...required],
    alternatives: open.map((remedies) => ({ anyOf: remedies.map((key) => ({ required: [key] })) })),
  };
}

/** Fields that are missing only because of another one. */
function dependencies(
  empty: ReadonlySet<string>,
  alone: ReadonlyMap<string, ReadonlySet<string>>,
): Readonly<Record<string, readonly string[]>> {
  const found: [string, readonly string[]][] = [];
  for (const [key, problems] of alone) {
    const missing = [...problems].filter((problem) => problem.startsWith("missing ") && !empty.has(problem));
    if (missing.length > 0) found.push([key, missing.map((problem) => problem.slice("missing ".length))]);
  }
  return Object.fromEntries(found);
}

function keySchema(seen: readonly KeySighting[], mapAt: (path: string) => JsonRecord): JsonRecord {
  const schemas = new Map<string, JsonRecord>();
  const rules = new Map(seen.flatMap((one) => one.rules.map((rule) => [JSON.stringify(rule), rule] as const)));
  for (const [name, rule] of rules) schemas.set(name, ruleSchema(rule, mapAt));
  const sampled = seen.filter(({ sample }) => sample !== undefined);
  // A reading that asked no more of a value may have ended before it could: another one with that value tells.
  const judged = sampled.filter((one) => one.rules.length > 0 || one.isRefused).map(({ sample }) => sample?.value);
  const taken = sampled.filter(({ sample }) => !judged.includes(sample?.value));
  const valuesOf = (isItem: boolean) =>
    taken.filter(({ sample }) => sample?.isItem === isItem).map(({ sample }) => sample?.value);
  const [whole, items] = [valuesOf(false), valuesOf(true)];
  if (whole.length > 0) for (const schema of sampleSchemas(whole)) schemas.set(JSON.stringify(schema), schema);
  if (items.length > 0) schemas.set("items", { type: "array", items: anyOf(sampleSchemas(items)) });
  return anyOf([...schemas.values()]);
}

function ruleSchema(rule: Rule, mapAt: (path: string) => JsonRecord): JsonRecord {
  if ("schema" in rule) return rule.schema;
  return "node" in rule ? mapAt(rule.node) : { type: "array", items: mapAt(rule.items) };
}

/** Types of values that were taken; texts that were taken only as variables have to hold one. */
function sampleSchemas(values: readonly unknown[]): readonly JsonRecord[] {
  const types = new Set(values.map(typeOf));
  const texts = values.filter((value) => typeof value === "string");
  const isVariable = texts.length > 0 && !texts.includes("text");
  if (isVariable) types.delete("string");
  const plain = types.size === 0 || types.size === 6 ? [] : [{ type: types.size === 1 ? [...types][0] : [...types] }];
  return [...plain, ...(isVariable ? [{ type: "string", pattern: String.raw`\$\{cluster\.` }] : [])];
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function anyOf(schemas: readonly JsonRecord[]): JsonRecord {
  return schemas.length === 1 ? (schemas[0] ?? {}) : schemas.length === 0 ? {} : { anyOf: schemas };
}
