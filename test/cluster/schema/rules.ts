import { isDeepStrictEqual } from "node:util";

import type { TypeSchema, ValueRules } from "./type-schema.ts";

type Context = {
  readonly path: string;
  /** Whether a value satisfies another schema, for allOf, anyOf, oneOf and not. */
  readonly matches: (value: unknown, schema: TypeSchema) => boolean;
};

type RuleError = { readonly field: string; readonly message: string };

/** Which of the rules of a custom resource's schema this value breaks. */
export function ruleErrors(value: unknown, rules: ValueRules, context: Context): RuleError[] {
  const errors: RuleError[] = [];
  const { path } = context;
  function invalid(text: string): void {
    errors.push({ field: path, message: `Invalid value: ${path} in body ${text}` });
  }
  if (rules.enum !== undefined && !rules.enum.some((allowed) => isDeepStrictEqual(allowed, value))) {
    const supported = rules.enum.map((allowed) => JSON.stringify(allowed)).join(", ");
    errors.push({ field: path, message: `Unsupported value: supported values: ${supported}` });
  }
  if (typeof value === "string") textErrors(value, rules).forEach(invalid);
  if (typeof value === "number") numberErrors(value, rules).forEach(invalid);
  if (Array.isArray(value)) listErrors(value, rules).forEach(invalid);
  else if (typeof value === "object" && value !== null) {
    fieldsErrors(value, rules).forEach(invalid);
    for (const name of rules.required ?? []) {
      if (!Object.hasOwn(value, name)) {
        errors.push({ field: path === "" ? name : `${path}.${name}`, message: "Required value" });
      }
    }
  }
  combinationErrors(value, rules, context.matches).forEach(invalid);
  return errors;
}

function textErrors(value: string, rules: ValueRules): string[] {
  const errors: string[] = [];
  const length = Array.from(value).length;
  if (rules.minLength !== undefined && length < rules.minLength) {
    errors.push(`should be at least ${rules.minLength} chars long`);
  }
  if (rules.maxLength !== undefined && length > rules.maxLength) {
    errors.push(`should be at most ${rules.maxLength} chars long`);
  }
  if (rules.pattern !== undefined && !patternOf(rules.pattern).test(value)) {
    errors.push(`should match '${rules.pattern}'`);
  }
  const format = rules.format === undefined ? undefined : formats[rules.format];
  if (format !== undefined && !format.test(value)) errors.push(`must be of type ${rules.format}`);
  return errors;
}

const patterns = new Map<string, RegExp>();
/** Bound on remembered patterns, which come from whoever creates definitions. */
const maximumPatterns = 1_000;

function patternOf(source: string): RegExp {
  const known = patterns.get(source);
  if (known !== undefined) return known;
  if (patterns.size >= maximumPatterns) patterns.clear();
  const pattern = compilePattern(source);
  patterns.set(source, pattern);
  return pattern;
}

/** Go's syntax is not quite ours: some escapes need the lenient mode, and what neither mode knows lets all pass. */
function compilePattern(source: string): RegExp {
  const ignoreCase = source.startsWith("(?i)");
  const text = ignoreCase ? source.slice("(?i)".length) : source;
  for (const mode of ["u", ""]) {
    try {
      return new RegExp(text, ignoreCase ? `i${mode}` : mode);
    } catch {
      continue;
    }
  }
  return /^/u;
}

const formats: Readonly<Record<string, RegExp>> = {
  "date-time": /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  byte: /^[A-Za-z0-9+/]*={0,2}$/,
  ipv4: /^\d{1,3}(\.\d{1,3}){3}$/,
  uuid: /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i,
};

function numberErrors(value: number, rules: ValueRules): string[] {
  const { minimum, maximum, multipleOf } = rules;
  const errors: string[] = [];
  if (minimum !== undefined && (rules.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    errors.push(`should be greater than ${rules.exclusiveMinimum === true ? "" : "or equal to "}${minimum}`);
  }
  if (maximum !== undefined && (rules.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    errors.push(`should be less than ${rules.exclusiveMaximum === true ? "" : "or equal to "}${maximum}`);
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    errors.push(`should be a multiple of ${multipleOf}`);
  }
  return errors;
}

function listErrors(value: readonly unknown[], rules: ValueRules): string[] {
  const errors: string[] = [];
  if (rules.minItems !== undefined && value.length < rules.minItems) {
    errors.push(`should have at least ${rules.minItems} items`);
  }
  if (rules.maxItems !== undefined && value.length > rules.maxItems) {
    errors.push(`should have at most ${rules.maxItems} items`);
  }
  if (rules.uniqueItems === true && new Set(value.map((item) => JSON.stringify(item))).size < value.length) {
    errors.push("shouldn't contain duplicates");
  }
  return errors;
}

function fieldsErrors(value: object, rules: ValueRules): string[] {
  const count = Object.keys(value).length;
  const errors: string[] = [];
  if (rules.minProperties !== undefined && count < rules.minProperties) {
    errors.push(`should have at least ${rules.minProperties} properties`);
  }
  if (rules.maxProperties !== undefined && count > rules.maxProperties) {
    errors.push(`should have at most ${rules.maxProperties} properties`);
  }
  return errors;
}

function combinationErrors(value: unknown, rules: ValueRules, matches: Context["matches"]): string[] {
  const errors: string[] = [];
  if (rules.allOf?.every((schema) => matches(value, schema)) === false) {
    errors.push("must validate all the schemas (allOf)");
  }
  if (rules.anyOf?.some((schema) => matches(value, schema)) === false) {
    errors.push("must validate at least one schema (anyOf)");
  }
  if (rules.oneOf !== undefined && rules.oneOf.filter((schema) => matches(value, schema)).length !== 1) {
    errors.push("must validate one and only one schema (oneOf)");
  }
  if (rules.not !== undefined && matches(value, rules.not)) errors.push("must not validate the schema (not)");
  return errors;
}
