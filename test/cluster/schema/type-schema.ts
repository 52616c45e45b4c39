/** Keywords of OpenAPI v3 that constrain a value beyond its shape; only schemas of custom resources carry them. */
export type ValueRules = {
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly nullable?: boolean;
  /** The value that takes the place of an absent one; undefined means that there is none. */
  readonly default?: unknown;
  readonly allOf?: readonly TypeSchema[];
  readonly anyOf?: readonly TypeSchema[];
  readonly oneOf?: readonly TypeSchema[];
  readonly not?: TypeSchema;
};

/** What strategic merge patch reads from a field (`x-kubernetes-patch-strategy` and `-merge-key`). */
export type PatchRules = {
  readonly strategies: readonly ("merge" | "replace" | "retainKeys")[];
  readonly mergeKey: string | undefined;
};

export type ScalarType = "string" | "integer" | "number" | "boolean" | "intOrString" | "quantity" | "time" | "bytes";

export type ScalarSchema = {
  readonly kind: "scalar";
  readonly type: ScalarType;
  readonly rules?: ValueRules | undefined;
};

export type MapSchema = {
  readonly kind: "map";
  /** Declared fields of an object; empty for a plain map such as labels. */
  readonly fields: ReadonlyMap<string, TypeSchema>;
  /** The type of every value whose key is not in `fields`; undefined means that such keys are unknown fields. */
  readonly additional: TypeSchema | undefined;
  /**
   * Fields that a real server's Go types always hold, if only as zero values. They are never added or removed, so
   * nobody comes to own `f:spec` itself by creating an object with a spec.
   */
  readonly present: ReadonlySet<string>;
  /** `x-kubernetes-map-type: atomic`: owned and merged as a whole. */
  readonly atomic: boolean;
  /** `x-kubernetes-embedded-resource`: the value is an object with apiVersion, kind and metadata of its own. */
  readonly embedded?: boolean | undefined;
  readonly patch?: PatchRules | undefined;
  readonly rules?: ValueRules | undefined;
};

export type ListSchema = {
  readonly kind: "list";
  readonly items: TypeSchema;
  readonly relationship: "atomic" | "set" | "map";
  /** Key fields of the items when `relationship` is `map`; else empty. */
  readonly keys: readonly string[];
  /** Values that stand for absent key fields, such as `protocol: TCP` of a container port. */
  readonly keyDefaults: Readonly<Record<string, unknown>>;
  readonly patch?: PatchRules | undefined;
  readonly rules?: ValueRules | undefined;
};

/** Any value; its structure is deduced from it: maps merge, lists are atomic. */
export type UntypedSchema = {
  readonly kind: "untyped";
  readonly rules?: ValueRules | undefined;
};

/** The shape of a value, as server-side apply, strategic merge patch and validation need it. May be cyclic. */
export type TypeSchema = ScalarSchema | MapSchema | ListSchema | UntypedSchema;

/** The type of the value at `key`; undefined when the map does not declare it. */
export function fieldSchema(schema: MapSchema, key: string): TypeSchema | undefined {
  return schema.fields.get(key) ?? schema.additional;
}
