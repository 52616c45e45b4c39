import { Composer, Lexer, Parser, type Document, type YAMLParseError } from "yaml";

import type { Position } from "./errors.ts";
import type { Problem } from "./problems.ts";
import { findMark, LineIndex } from "./yaml/marks.ts";
import { readNode, type ReadBudget, type ReadProblem } from "./yaml/read-node.ts";
import { explainSyntaxError } from "./yaml/syntax-error.ts";

export interface DecodeLimits {
  /** Size of the file, and of each document once its aliases are expanded. */
  readonly maxBytes: number;
  /** Nesting of maps and lists. */
  readonly maxDepth: number;
  /** Scalars, maps and lists of a file, counted as often as aliases repeat them. */
  readonly maxNodes: number;
  /** Aliases of a file, counted in the same way. */
  readonly maxAliases: number;
  readonly maxDocuments: number;
}

/** security-reliability §1.4. */
export const defaultDecodeLimits: DecodeLimits = {
  maxBytes: 1024 * 1024,
  maxDepth: 64,
  maxNodes: 100_000,
  maxAliases: 100,
  maxDocuments: 5_000,
};

export type Path = readonly (string | number)[];

/** One document that has content, as JSON data. */
export interface YamlDocument {
  readonly value: unknown;
  readonly at: Position;
  /** Where the key (or list item) at the path is written; of the nearest parent that exists when it is not. */
  positionOf(path: Path): Position;
}

export interface Decoded {
  readonly documents: readonly YamlDocument[];
  readonly problems: readonly Problem[];
}

/** More problems than this in one file help nobody. */
const maxProblems = 20;
/** Nor does anybody read on where a file makes no sense. */
const maxErrors = 1000;

/**
 * Reads YAML or JSON with the values that kubectl would read. Documents without content are left out, and so is a
 * document with a problem. Never throws, whatever the bytes are.
 */
export function decodeYaml(file: string, bytes: Uint8Array, limits: DecodeLimits = defaultDecodeLimits): Decoded {
  const text = decodeText(file, bytes, limits);
  if (typeof text !== "string") return { documents: [], problems: [text] };
  const lines = new LineIndex(text);
  const positionAt = (offset: number): Position => ({ file, ...lines.at(offset) });
  const problems: Problem[] = [];
  const report = (problem: ReadProblem): void => {
    if (problems.length >= maxProblems) return;
    const { code, message, offset, earlier } = problem;
    const hint = earlier === undefined ? problem.hint : `first written in line ${lines.at(earlier).line}`;
    problems.push({
      code,
      severity: "error",
      message,
      at: positionAt(offset),
      ...(hint === undefined ? {} : { hint }),
    });
  };
  const documents: YamlDocument[] = [];
  const { maxNodes, maxAliases, maxBytes, maxDepth, maxDocuments } = limits;
  const budget: ReadBudget = { nodes: maxNodes, aliases: maxAliases, characters: maxBytes, maxDepth };
  let parsedDocuments = 0;
  for (const parsed of parseDocuments(text, limits, report)) {
    parsedDocuments += 1;
    if (parsedDocuments > maxDocuments) {
      const message = `more than ${maxDocuments} documents in one file`;
      report({ code: "document-too-large", message, offset: parsed.range[0], hint: "split the file" });
      break;
    }
    for (const error of firstOfEachLine(parsed.errors, lines)) {
      report({ code: "yaml-syntax", ...explainSyntaxError(error, text), offset: error.pos[0] });
    }
    if (parsed.errors.length > 0) continue;
    budget.characters = maxBytes;
    const read = readNode(parsed.contents, budget, report);
    if (read === undefined || read.value === null) continue;
    const at = positionAt(parsed.contents?.range[0] ?? 0);
    const { value, mark } = read;
    documents.push({ value, at, positionOf: (path) => (path.length === 0 ? at : positionAt(findMark(mark, path))) });
  }
  return { documents, problems };
}

/**
 * Parses token by token, so that a file that would take seconds is given up early. The parser's own check for
 * duplicate keys compares every key with every other; `readNode` does it in linear time.
 */
function* parseDocuments(
  text: string,
  limits: DecodeLimits,
  report: (problem: ReadProblem) => void,
): Generator<Document.Parsed> {
  const parser = new Parser();
  const composer = new Composer({ schema: "failsafe", uniqueKeys: false, prettyErrors: false });
  let offset = 0;
  // A map entry with comments and separators takes about ten tokens; a document at least two.
  let tokensLeft = limits.maxNodes * 5;
  let errors = 0;
  let previous = "";
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) {
      if (token.type === "error") errors += 1;
      yield* composer.next(token);
    }
    if (isQuoted(lexeme) && isQuoted(previous)) errors += 1;
    previous = lexeme;
    // Each costs as much as hundreds of good tokens.
    if (errors > maxErrors) {
      return report({ code: "yaml-syntax", message: `more than ${maxErrors} mistakes`, offset: parser.offset });
    }
    // A level of nesting is at most three tokens on the parser's stack.
    if (parser.stack.length > limits.maxDepth * 3 + 3) {
      return report({ code: "too-deep", message: `nested deeper than ${limits.maxDepth} levels`, offset });
    }
    // An anchor or a tag beside another is an error as well, which only shows when the document ends.
    tokensLeft -= lexeme.startsWith("&") || lexeme.startsWith("!") ? 20 : 1;
    if (tokensLeft < 0) {
      return report({
        code: "document-too-large",
        message: "too many values in one file",
        offset,
        hint: "split the file",
      });
    }
    offset = parser.offset;
  }
  for (const token of parser.end()) yield* composer.next(token);
  // What is wrong before any document, and with none after it, is an error as well.
  yield* composer.end(true, text.length);
}

/** Two of these are never beside each other. */
function isQuoted(lexeme: string): boolean {
  return lexeme.startsWith('"') || lexeme.startsWith("'");
}

/** The text, or the problem with it. */
function decodeText(file: string, bytes: Uint8Array, limits: DecodeLimits): string | Problem {
  if (bytes.length > limits.maxBytes) {
    const message = `the file has ${bytes.length} bytes, more than the limit of ${limits.maxBytes}`;
    return { code: "file-too-large", severity: "error", message, at: { file, line: 1, column: 1 } };
  }
  try {
    return decodeUtf8(bytes);
  } catch {
    const at = { file, ...findInvalidUtf8(bytes) };
    return {
      code: "not-utf-8",
      severity: "error",
      message: "the file is not UTF-8 text",
      at,
      hint: "save it as UTF-8",
    };
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

/** A line feed is never part of a longer sequence, so lines can be tried one by one. */
function findInvalidUtf8(bytes: Uint8Array): { readonly line: number; readonly column: number } {
  let line = 1;
  let start = 0;
  while (start < bytes.length) {
    const feed = bytes.indexOf(10, start);
    const end = feed === -1 ? bytes.length : feed;
    try {
      decodeUtf8(bytes.subarray(start, end));
    } catch {
      return { line, column: 1 };
    }
    line += 1;
    start = end + 1;
  }
  return { line: 1, column: 1 };
}

/** One mistake often makes the parser stumble several times in its line. */
function firstOfEachLine(errors: readonly YAMLParseError[], lines: LineIndex): readonly YAMLParseError[] {
  const seen = new Set<number>();
  return errors.filter(({ pos: [offset] }) => {
    const { line } = lines.at(offset);
    const isFirst = !seen.has(line);
    seen.add(line);
    return isFirst;
  });
}
