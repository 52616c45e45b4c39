import type { ASTNode } from "@marcbachmann/cel-js";

/** How much an object holds; what evaluating an expression over it may cost at most depends on this alone. */
export interface Extent {
  /** Entries of its largest list or map. */
  readonly items: number;
  /** Values and names, and one more for each 16 characters of a text (see `sizeOfText`). */
  readonly size: number;
}

/** Characters that cost as much as one value: texts are compared and copied fast. */
const charactersOfOne = 16;

export function sizeOfText(text: string): number {
  return 1 + Math.ceil(text.length / charactersOfOne);
}

/** Something in an expression that rules may not use. */
export class Unavailable extends Error {
  readonly node: ASTNode;
  constructor(node: ASTNode, message: string) {
    super(message);
    this.node = node;
  }
}

/** Steps of an evaluation, and how much the value that it gives may hold; both upper bounds. */
interface Estimate extends Extent {
  readonly steps: number;
}

type Scope = ReadonlyMap<string, Extent>;

/**
 * How many steps an expression takes at most over objects of this extent. CEL has no endless loops, but loops within
 * loops over a long list take as good as for ever, and texts can be doubled until memory ends, so both are counted
 * before anything runs. Throws `Unavailable` for what cannot be bounded, such as regular expressions.
 */
export function stepsOf(expression: ASTNode, variables: ReadonlyMap<string, Extent>): number {
  return estimate(expression, variables).steps;
}

function estimate(node: ASTNode, scope: Scope): Estimate {
  switch (node.op) {
    case "value":
      return estimateLiteral(node.args);
    case "id":
      return { steps: 1, ...(scope.get(node.args) ?? { items: 0, size: 1 }) };
    case ".":
    case ".?":
    case "[]":
    case "[?]":
      return estimateAccess(node.args, scope);
    case "call":
      return estimateCall(node, scope);
    case "rcall":
      return estimateMethod(node, scope);
    case "list":
      return collected(node.args.map((each) => estimate(each, scope)));
    case "map":
      return collected(node.args.flat().map((each) => estimate(each, scope)));
    case "?:": {
      const [condition, yes, no] = node.args;
      return either(estimate(condition, scope), [estimate(yes, scope), estimate(no, scope)]);
    }
    case "!_":
    case "-_":
      return scalar(estimate(node.args, scope).steps + 1);
    default:
      return estimateOperator(node.op, [estimate(node.args[0], scope), estimate(node.args[1], scope)]);
  }
}

function estimateLiteral(value: unknown): Estimate {
  return scalar(1, typeof value === "string" ? sizeOfText(value) : 1);
}

/** A part holds no more than the whole. */
function estimateAccess([whole, key]: readonly [ASTNode, ASTNode | string], scope: Scope): Estimate {
  const base = estimate(whole, scope);
  const index = typeof key === "string" ? 0 : estimate(key, scope).steps;
  return { ...base, steps: base.steps + index + 1 };
}

function estimateOperator(op: string, [left, right]: readonly [Estimate, Estimate]): Estimate {
  const steps = left.steps + right.steps + 1;
  switch (op) {
    case "+":
      // Texts and lists are joined; the result holds both.
      return {
        steps: steps + left.size + right.size,
        items: left.items + right.items,
        size: left.size + right.size,
      };
    case "in":
      return scalar(steps + right.size);
    case "&&":
    case "||":
      return scalar(steps);
    default:
      // Comparing ends where the shorter value does.
      return scalar(steps + Math.min(left.size, right.size));
  }
}

type Call = Extract<ASTNode, { readonly op: "call" }>;
type Method = Extract<ASTNode, { readonly op: "rcall" }>;

const conversions = new Set(["bool", "double", "dyn", "has", "int", "size", "string", "type"]);

function estimateCall(node: Call, scope: Scope): Estimate {
  const [name, args] = node.args;
  if (!conversions.has(name)) throw new Unavailable(node, `the function ${name} is not available in expressions`);
  const given = args.map((each) => estimate(each, scope));
  const steps = sum(given, "steps") + sum(given, "size") + 1;
  const [first] = given;
  return name === "dyn" && first !== undefined ? { ...first, steps } : scalar(steps, sum(given, "size") + numberSize);
}

/** Of the longest number as a text. */
const numberSize = 3;

const loops = new Set(["all", "exists", "exists_one", "filter", "map"]);
const textMethods = new Set([
  "contains",
  "endsWith",
  "indexOf",
  "join",
  "lastIndexOf",
  "lowerAscii",
  "size",
  "split",
  "startsWith",
  "substring",
  "trim",
  "upperAscii",
]);

function estimateMethod(node: Method, scope: Scope): Estimate {
  const [name, receiver, args] = node.args;
  if (loops.has(name)) return estimateLoop(node, scope);
  if (!textMethods.has(name)) throw new Unavailable(node, `the method ${name} is not available in expressions`);
  const given = [receiver, ...args].map((each) => estimate(each, scope));
  const size = sum(given, "size");
  const steps = sum(given, "steps") + size + 1;
  const [text, separator] = given;
  if (name === "split") {
    const letters = size * charactersOfOne;
    return { steps: steps + letters, items: letters + 1, size: 2 * letters + 1 };
  }
  if (name !== "join" || text === undefined) return scalar(steps, size);
  const joined = size + text.items * (separator?.size ?? 0);
  return scalar(steps + joined, joined);
}

/** `list.all(each, …)` and its like, which run their last arguments once for each element. */
function estimateLoop(node: Method, scope: Scope): Estimate {
  const [name, receiver, [variable, ...bodies]] = node.args;
  const range = estimate(receiver, scope);
  if (variable?.op !== "id") return scalar(range.steps);
  const inner = new Map(scope).set(variable.args, { items: range.items, size: range.size });
  const each = bodies.map((body) => estimate(body, inner));
  const steps = range.steps + range.items * (sum(each, "steps") + 1) + 1;
  if (name === "filter") return { ...range, steps };
  if (name !== "map") return scalar(steps);
  const made = each.at(-1) ?? scalar(0);
  return { steps, items: Math.max(range.items, made.items), size: range.items * made.size + 1 };
}

function scalar(steps: number, size = 1): Estimate {
  return { steps, items: 0, size };
}

function collected(parts: readonly Estimate[]): Estimate {
  const items = Math.max(parts.length, ...parts.map((part) => part.items));
  const size = sum(parts, "size") + 1;
  return { steps: sum(parts, "steps") + parts.length + 1, items, size };
}

function either(condition: Estimate, [a, b]: readonly [Estimate, Estimate]): Estimate {
  const steps = condition.steps + Math.max(a.steps, b.steps) + 1;
  return { steps, items: Math.max(a.items, b.items), size: Math.max(a.size, b.size) };
}

function sum(estimates: readonly Estimate[], field: keyof Estimate): number {
  return estimates.reduce((total, each) => total + each[field], 0);
}
