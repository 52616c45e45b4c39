import { readFileSync } from "node:fs";

import type { Definition, Definitions, ScalarName, TypeExpression } from "./definition.ts";
import type { ListSchema, MapSchema, PatchRules, ScalarType, TypeSchema } from "./type-schema.ts";

/** Types that are resolved on first use and then shared by all clusters of the process. */
export type TypeSource = {
  readonly definitions: Definitions;
  /** Names of definitions by `group/version/kind`. */
  readonly names: ReadonlyMap<string, string>;
  schemaOf(name: string): TypeSchema;
};

/** Fields that Go types hold by value, by definition: no OpenAPI document tells them from pointers. */
export type ByValueFields = Readonly<Record<string, readonly string[]>>;

export function readDefinitions(file: "builtin.json" | "newer.json" | "older.json"): Definitions {
  return readJson(file) as Definitions;
}

export function readByValueFields(): ByValueFields {
  return readJson("by-value.json") as ByValueFields;
}

/** Lays `over` on `base`: its definitions are new or add and replace fields of those in `base`. */
export function mergeDefinitions(base: Definitions, over: Definitions): Definitions {
  const merged: Record<string, Definition> = { ...base };
  for (const [name, definition] of Object.entries(over)) {
    const known = merged[name];
    merged[name] = known ? { ...known, ...definition, fields: { ...known.fields, ...definition.fields } } : definition;
  }
  return merged;
}

export function typeSource(definitions: Definitions, byValue: ByValueFields): TypeSource {
  const resolved = new Map<string, TypeSchema>();
  const names = new Map<string, string>();
  for (const [name, definition] of Object.entries(definitions)) {
    for (const [group, version, kind] of definition.kinds ?? []) names.set(`${group}/${version}/${kind}`, name);
  }

  function schemaOf(name: string): TypeSchema {
    const known = resolved.get(name);
    if (known !== undefined) return known;
    const definition = definitions[name] ?? {};
    if (definition.fields === undefined) {
      const alias = schemaFrom(definition.is ?? "any");
      resolved.set(name, alias);
      return alias;
    }
    const fields = new Map<string, TypeSchema>();
    // Required fields have no omitempty in Go, so they are there as zero values too.
    const present = new Set([...(definition.required ?? []), ...(byValue[name] ?? [])]);
    const schema: MapSchema = {
      kind: "map",
      fields,
      additional: undefined,
      present,
      atomic: definition.atomic === true,
    };
    // Registered before its fields are resolved: JSONSchemaProps refers to itself.
    resolved.set(name, schema);
    for (const [field, expression] of Object.entries(definition.fields)) fields.set(field, schemaFrom(expression));
    return schema;
  }

  function schemaFrom(expression: TypeExpression): TypeSchema {
    if (typeof expression === "string") {
      return isReference(expression) ? schemaOf(expression.slice(1)) : scalars[expression];
    }
    if ("map" in expression) {
      const additional = schemaFrom(expression.map);
      return { kind: "map", fields: none, additional, present: nothing, atomic: expression.atomic === true };
    }
    if ("list" in expression) return listFrom(expression);
    const schema = schemaOf(expression.ref);
    return schema.kind === "map" ? { ...schema, patch: patchRules(expression.strategy, undefined) } : schema;
  }

  function listFrom(expression: ListExpression): ListSchema {
    const target = typeof expression.list === "string" ? definitions[expression.list.slice(1)] : undefined;
    const { relationship, keys } = relationshipOf(expression);
    const defaults = target?.defaults ?? {};
    return {
      kind: "list",
      items: schemaFrom(expression.list),
      relationship,
      keys,
      keyDefaults: Object.fromEntries(Object.entries(defaults).filter(([key]) => keys.includes(key))),
      patch: patchRules(expression.strategy, expression.mergeKey),
    };
  }

  return { definitions, names, schemaOf };
}

const none: ReadonlyMap<string, TypeSchema> = new Map();
const nothing: ReadonlySet<string> = new Set();

const scalars: Readonly<Record<ScalarName, TypeSchema>> = {
  string: scalar("string"),
  int32: scalar("integer"),
  int64: scalar("integer"),
  double: scalar("number"),
  boolean: scalar("boolean"),
  byte: scalar("bytes"),
  "date-time": scalar("time"),
  "int-or-string": scalar("intOrString"),
  quantity: scalar("quantity"),
  any: { kind: "untyped" },
};

function scalar(type: ScalarType): TypeSchema {
  return { kind: "scalar", type };
}

function isReference(expression: string): expression is `#${string}` {
  return expression.startsWith("#");
}

type ListExpression = Extract<TypeExpression, { list: TypeExpression }>;

/** Lists without a list type take the one that their patch strategy implies, as in the real server. */
function relationshipOf(list: ListExpression): Pick<ListSchema, "relationship" | "keys"> {
  if (list.type === "map") return { relationship: "map", keys: list.keys ?? [] };
  if (list.type !== undefined) return { relationship: list.type, keys: [] };
  if (list.strategy === undefined || !list.strategy.split(",").includes("merge")) {
    return { relationship: "atomic", keys: [] };
  }
  if (list.mergeKey !== undefined) return { relationship: "map", keys: [list.mergeKey] };
  return { relationship: "set", keys: [] };
}

function patchRules(strategy: string | undefined, mergeKey: string | undefined): PatchRules | undefined {
  if (strategy === undefined) return undefined;
  const strategies = strategy.split(",").filter(isStrategy);
  return { strategies, mergeKey };
}

function isStrategy(strategy: string): strategy is PatchRules["strategies"][number] {
  return strategy === "merge" || strategy === "replace" || strategy === "retainKeys";
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8"));
}
