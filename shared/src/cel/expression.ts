import { Environment, EvaluationError, type ASTNode } from "@marcbachmann/cel-js";

import { stepsOf, Unavailable, type Extent } from "./cost.ts";

/** What an expression is about: a value of CEL, and how much it holds. */
export interface Subject {
  readonly value: unknown;
  readonly extent: Extent;
}

/** A CEL expression over one value. Neither call throws. */
export interface Expression {
  /** What is wrong with it whatever object it meets, in one sentence with the place; undefined when nothing is. */
  readonly fault: string | undefined;
  evaluate(subject: Subject): Evaluated;
}

export type Evaluated =
  | { readonly kind: "value"; readonly value: unknown }
  /** `absent`: the object lacks a field that the expression takes for granted. The message quotes no value. */
  | { readonly kind: "failed"; readonly absent: boolean; readonly message: string };

/** Characters of an expression. */
const maxLength = 4_096;
const limits = { maxAstNodes: 1_000, maxDepth: 50, maxListElements: 200, maxMapEntries: 200, maxCallArguments: 8 };
/** Of one evaluation; some tens of milliseconds, or 16 MB of text, when all are taken. */
const maxSteps = 1_000_000;

/** What an expression may be about, and the names that it has there. */
const names = { object: ["object", "self"], cluster: ["cluster"] } as const;

export type About = keyof typeof names;

const environments: Readonly<Record<About, Environment>> = {
  object: environmentOf(names.object),
  cluster: environmentOf(names.cluster),
};

function environmentOf(variables: readonly string[]): Environment {
  const environment = new Environment({ homogeneousAggregateLiterals: false, limits });
  for (const name of variables) environment.registerVariable(name, "dyn");
  return environment;
}

export function compileExpression(source: string, type: "bool" | "string", about: About = "object"): Expression {
  try {
    const compiled = compile(source, type, about);
    return { fault: undefined, evaluate: (subject) => run(compiled, subject) };
  } catch (cause) {
    const fault = faultOf(source, cause);
    return { fault, evaluate: () => ({ kind: "failed", absent: false, message: fault }) };
  }
}

interface Compiled {
  readonly source: string;
  readonly about: About;
  readonly ast: ASTNode;
  readonly call: (variables: Readonly<Record<string, unknown>>) => unknown;
}

function compile(source: string, type: "bool" | "string", about: About): Compiled {
  if (source.length > maxLength) throw new Error(`it is longer than ${maxLength} characters`);
  const parsed = environments[about].parse(source);
  // Looks for what is not available.
  stepsOf(parsed.ast, new Map());
  const check = parsed.check();
  if (check.error !== undefined) throw check.error;
  if (check.type !== type && check.type !== "dyn") throw new Error(`it gives ${check.type}, not ${type}`);
  return { source, about, ast: parsed.ast, call: parsed };
}

function run({ source, about, ast, call }: Compiled, { value, extent }: Subject): Evaluated {
  const steps = stepsOf(ast, new Map(names[about].map((name) => [name, extent])));
  if (steps > maxSteps) {
    return { kind: "failed", absent: false, message: `it would take too long on ${articles[about]} of this size` };
  }
  try {
    return { kind: "value", value: call(Object.fromEntries(names[about].map((name) => [name, value]))) };
  } catch (cause) {
    const code = cause instanceof EvaluationError ? cause.code : "";
    const absent = code === "no_such_key";
    const sentence = absent ? `the ${about} has no such field` : (sentences.get(code) ?? "it cannot be evaluated");
    return { kind: "failed", absent, message: `${placeOf(source, cause)}${sentence}` };
  }
}

const articles: Readonly<Record<About, string>> = { object: "an object", cluster: "a cluster" };

/** The library's own words may quote values. */
const sentences: ReadonlyMap<string, string> = new Map([
  ["invalid_comprehension_range", "this is not a list or a map"],
  ["invalid_condition_type", "this is not true or false"],
  ["invalid_logical_operand", "this is not true or false"],
  ["no_matching_overload", "the function does not take values of these types"],
  ["no_such_overload", "the operator does not take values of these types"],
]);

/** Before any object is there, words can quote nothing but the expression. */
function faultOf(source: string, cause: unknown): string {
  const sentence = isPlaced(cause)
    ? describeFault(source, cause)
    : cause instanceof Error
      ? cause.message
      : String(cause);
  return `${placeOf(source, cause)}${sentence}`;
}

const unfinished: ReadonlySet<string> = new Set(["expected_token", "unexpected_character", "unexpected_token"]);

/** The parser says which of its tokens it got; what a person wrote is quoted with the place anyway. */
function describeFault(source: string, { code, range, summary }: Placed): string {
  if (!unfinished.has(code) || range === undefined) return summary.charAt(0).toLowerCase() + summary.slice(1);
  return range.start < source.trimEnd().length ? "this is not expected here" : "the expression ends too early";
}

function placeOf(source: string, cause: unknown): string {
  const range = cause instanceof Unavailable ? cause.node : isPlaced(cause) ? cause.range : undefined;
  if (range === undefined) return "";
  const lines = source.slice(0, range.start).split("\n");
  const line = source.trimEnd().includes("\n") ? `line ${lines.length}, ` : "";
  const part = source.slice(range.start, Math.min(range.end, range.start + maxQuoted));
  return `${line}column ${(lines.at(-1) ?? "").length + 1}${part === "" ? "" : ` (${part})`}: `;
}

const maxQuoted = 60;

type Placed = Pick<EvaluationError, "code" | "range" | "summary">;

function isPlaced(cause: unknown): cause is Placed {
  return cause instanceof Error && "range" in cause && "summary" in cause;
}
