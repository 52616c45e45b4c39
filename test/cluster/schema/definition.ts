/**
 * The compact form in which the builtin kinds' types are stored (`builtin.json`, `newer.json`, `older.json`).
 *
 * A type is a scalar's name, `#` and a definition's name, or an object that says `map` or `list`.
 */
export type TypeExpression =
  | ScalarName
  | `#${string}`
  | { readonly map: TypeExpression; readonly atomic?: true }
  | {
      readonly list: TypeExpression;
      /** `x-kubernetes-list-type`; absent where the document leaves it to the patch strategy. */
      readonly type?: "atomic" | "set" | "map";
      readonly keys?: readonly string[];
      readonly strategy?: string;
      readonly mergeKey?: string;
    }
  | { readonly ref: string; readonly strategy: string };

export type ScalarName =
  | "string"
  | "int32"
  | "int64"
  | "double"
  | "boolean"
  | "byte"
  | "date-time"
  | "int-or-string"
  | "quantity"
  | "any";

export type Definition = {
  readonly fields?: Readonly<Record<string, TypeExpression>>;
  readonly required?: readonly string[];
  /** What the definition is when it is not an object with fields, such as `Time`. */
  readonly is?: TypeExpression;
  readonly atomic?: true;
  readonly kinds?: readonly (readonly [group: string, version: string, kind: string])[];
  /** Values that the server assumes for absent fields that are list keys. */
  readonly defaults?: Readonly<Record<string, unknown>>;
};

export type Definitions = Readonly<Record<string, Definition>>;
