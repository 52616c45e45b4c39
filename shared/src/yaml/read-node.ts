import { isAlias, isMap, isScalar, isSeq, type ParsedNode, type Scalar, type YAMLMap, type YAMLSeq } from "yaml";

import type { Mark } from "./marks.ts";
import { readPlainScalar, readTaggedScalar, type ScalarReading } from "./scalar.ts";

/** What reading a document may cost. Each counts as often as aliases repeat it. */
export interface ReadBudget {
  nodes: number;
  aliases: number;
  characters: number;
  readonly maxDepth: number;
}

export interface ReadProblem {
  readonly code: string;
  readonly message: string;
  readonly offset: number;
  readonly hint?: string;
  /** Where the same was written before. */
  readonly earlier?: number;
}

export interface ReadNode {
  readonly value: unknown;
  readonly mark: Mark;
}

type Json = Record<string, unknown>;

/** What an alias repeats: reused as it is, and paid for again. */
interface Anchored extends ReadNode {
  readonly cost: { readonly nodes: number; readonly aliases: number; readonly characters: number };
}

/** Ends the reading of a document that costs too much; never leaves this file. */
class OverBudget extends Error {}

/** Reads a parsed YAML node as JSON data, the way kubectl does. Undefined when there is any problem. */
export function readNode(
  node: ParsedNode | null,
  budget: ReadBudget,
  problem: (problem: ReadProblem) => void,
): ReadNode | undefined {
  const reader = new Reader(budget, problem);
  try {
    const read = reader.read(node, node?.range[0] ?? 0, 0);
    return reader.failed ? undefined : read;
  } catch (cause) {
    if (cause instanceof OverBudget) return undefined;
    throw cause;
  }
}

class Reader {
  failed = false;
  readonly #budget: ReadBudget;
  readonly #problem: (problem: ReadProblem) => void;
  readonly #anchors = new Map<string, Anchored>();

  constructor(budget: ReadBudget, problem: (problem: ReadProblem) => void) {
    this.#budget = budget;
    this.#problem = problem;
  }

  read(node: ParsedNode | null, offset: number, depth: number): ReadNode {
    this.#spend({ nodes: 1, aliases: 0, characters: 0 }, offset);
    if (node === null) return { value: null, mark: offset };
    if (isAlias(node)) return this.#alias(node.source, node.range[0]);
    const { nodes, aliases, characters } = this.#budget;
    const read = this.#content(node, depth);
    if (node.anchor !== undefined) {
      const cost = {
        nodes: nodes - this.#budget.nodes,
        aliases: aliases - this.#budget.aliases,
        characters: characters - this.#budget.characters,
      };
      this.#anchors.set(node.anchor, { ...read, cost });
    }
    return read;
  }

  #content(node: ParsedNode, depth: number): ReadNode {
    const [offset] = node.range;
    if (isScalar(node)) return { value: this.#scalar(node, offset), mark: offset };
    if (depth >= this.#budget.maxDepth) {
      this.#stop({ code: "too-deep", message: `nested deeper than ${this.#budget.maxDepth} levels`, offset });
    }
    if (isMap(node)) return this.#map(node, offset, depth);
    if (isSeq(node)) return this.#list(node, offset, depth);
    return { value: null, mark: offset };
  }

  #scalar(node: Scalar, offset: number): unknown {
    const text = node.source ?? "";
    this.#spend({ nodes: 0, aliases: 0, characters: text.length }, offset);
    const reading = scalarReading(node, text);
    if ("value" in reading) return reading.value;
    this.#fail({ ...reading, offset });
    return null;
  }

  #list(node: YAMLSeq, offset: number, depth: number): ReadNode {
    this.#checkTag(node.tag, "seq", offset);
    const value: unknown[] = [];
    const parts = new Map<number, Mark>();
    for (const item of node.items as (ParsedNode | null)[]) {
      const read = this.read(item, offset, depth + 1);
      parts.set(value.length, read.mark);
      value.push(read.value);
    }
    return { value, mark: { offset, parts } };
  }

  #map(node: YAMLMap, offset: number, depth: number): ReadNode {
    this.#checkTag(node.tag, "map", offset);
    const value: Json = {};
    const parts = new Map<string, Mark>();
    const seen = new Map<string, number>();
    for (const pair of node.items) {
      const key = pair.key as ParsedNode | null;
      const keyOffset = key?.range[0] ?? offset;
      const inner = pair.value as ParsedNode | null;
      if (isMergeKey(key)) {
        this.#merge({ value, parts, offset: keyOffset }, this.read(inner, keyOffset, depth + 1));
        continue;
      }
      const name = this.#key(key, keyOffset);
      const read = this.read(inner, keyOffset, depth + 1);
      if (name === undefined) continue;
      if (seen.has(name)) {
        const message = `duplicate key ${JSON.stringify(name)}`;
        this.#fail({ code: "duplicate-key", message, offset: keyOffset, earlier: seen.get(name) ?? offset });
      }
      seen.set(name, keyOffset);
      value[name] = read.value;
      parts.set(name, typeof read.mark === "number" ? keyOffset : { ...read.mark, offset: keyOffset });
    }
    return { value, mark: { offset, parts } };
  }

  /** `<<`: as in go-yaml v2, keys written before it are overwritten, and the first of several maps wins. */
  #merge(into: { value: Json; parts: Map<string, Mark>; offset: number }, read: ReadNode): void {
    const sources: unknown[] = Array.isArray(read.value) ? read.value.toReversed() : [read.value];
    const merged: Json = {};
    for (const source of sources) {
      if (typeof source !== "object" || source === null || Array.isArray(source)) {
        this.#fail({
          code: "bad-merge",
          message: "a merge key (<<) needs a map or a list of maps",
          offset: into.offset,
        });
        return;
      }
      // Each merge copies its keys, so it is paid for like an alias.
      this.#spend({ nodes: Object.keys(source).length, aliases: 0, characters: 0 }, into.offset);
      Object.assign(merged, source);
    }
    for (const [key, value] of Object.entries(merged)) {
      into.value[key] = value;
      into.parts.set(key, into.offset);
    }
  }

  #key(node: ParsedNode | null, offset: number): string | undefined {
    const target = isAlias(node) ? this.#alias(node.source, offset).value : undefined;
    const value = target ?? (isScalar(node) ? this.#scalar(node, offset) : undefined);
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
      this.#fail({ code: "bad-key", message: "a key has to be text", offset });
      return undefined;
    }
    const name = String(value);
    if (name !== "__proto__") return name;
    this.#fail({ code: "bad-key", message: 'the key "__proto__" is not allowed', offset });
    return undefined;
  }

  #alias(name: string, offset: number): ReadNode {
    const anchored = this.#anchors.get(name);
    if (anchored === undefined) {
      // By its place alone: it may be a password that begins with `*` and was left without quotes.
      const hint = "put the value in quotes if the * is text";
      this.#fail({ code: "unknown-anchor", message: "no anchor of this name comes before this alias", hint, offset });
      return { value: null, mark: offset };
    }
    this.#spend({ ...anchored.cost, aliases: anchored.cost.aliases + 1 }, offset);
    return anchored;
  }

  #checkTag(tag: string | undefined, name: "map" | "seq", offset: number): void {
    if (tag === undefined || tag === `tag:yaml.org,2002:${name}`) return;
    const reading = readTaggedScalar(tag, "");
    const message = "message" in reading ? reading.message : "this tag is not one of lists and maps";
    this.#fail({ code: "unknown-tag", message, offset });
  }

  #spend(cost: Anchored["cost"], offset: number): void {
    const budget = this.#budget;
    budget.nodes -= cost.nodes;
    budget.aliases -= cost.aliases;
    budget.characters -= cost.characters;
    if (budget.nodes >= 0 && budget.aliases >= 0 && budget.characters >= 0) return;
    const what = budget.aliases < 0 ? "aliases" : budget.nodes < 0 ? "values" : "text";
    this.#stop({ code: "document-too-large", message: `too many ${what} once aliases are expanded`, offset });
  }

  #fail(problem: ReadProblem): void {
    this.failed = true;
    this.#problem(problem);
  }

  #stop(problem: ReadProblem): never {
    this.#fail(problem);
    throw new OverBudget();
  }
}

function scalarReading(node: Scalar, text: string): ScalarReading {
  if (node.tag !== undefined) return readTaggedScalar(node.tag, text);
  return node.type === "PLAIN" ? readPlainScalar(text) : { value: text };
}

function isMergeKey(node: ParsedNode | null): boolean {
  return isScalar(node) && node.type === "PLAIN" && node.source === "<<" && node.tag === undefined;
}
