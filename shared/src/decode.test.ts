import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { decodeYaml, defaultDecodeLimits, type Decoded } from "./decode.ts";

const decode = (text: string): Decoded => decodeYaml("a.yaml", new TextEncoder().encode(text));
const valueOf = (text: string): unknown => {
  const { documents, problems } = decode(text);
  expect(problems).toEqual([]);
  return documents[0]?.value;
};
const problemsOf = (text: string): string[] =>
  decode(text).problems.map(({ code, at }) => `${code} ${at?.line ?? 0}:${at?.column ?? 0}`);

// The values were printed by `kubectl label --local -o json` (v1.35).
test.each<[string, unknown]>([
  ["0644", 420],
  ["-0644", -420],
  ["0o14", 12],
  ["0O17", 15],
  ["0777_", 511],
  ["08", 8],
  ["09.5", 9.5],
  ["0x1F", 31],
  ["0x_1F", 31],
  ["0b101", 5],
  ["-0b11", -3],
  ["1_000", 1000],
  ["1__0", 10],
  ["_1", "_1"],
  ["+12", 12],
  ["-0", 0],
  ["1e3", 1000],
  ["1E5", 100_000],
  ["1.5e+3", 1500],
  ["12e03", 12_000],
  ["1.0", 1],
  ["1.", 1],
  [".5", 0.5],
  ["+.5", 0.5],
  ["-.5e-3", -0.0005],
  ["1e400", "1e400"],
  ["yes", true],
  ["YES", true],
  ["on", true],
  ["y", true],
  ["Off", false],
  ["n", false],
  ["~", null],
  ["Null", null],
  ["nUll", "nUll"],
  ["", null],
  ["1:30", "1:30"],
  ["190:20:30", "190:20:30"],
  ["2001-01-01", "2001-01-01"],
  ["2001-01-01T00:00:00Z", "2001-01-01T00:00:00Z"],
  ["=", "="],
  ["'yes'", "yes"],
  ['"\\u00e9"', "é"],
  ["!!str 123", "123"],
  ['!!int "7"', 7],
  ["!!float 1", 1],
  ['!!bool "yes"', true],
  ["!!binary aGVsbG8=", "hello"],
])("reads %s as kubectl does", (text, value) => {
  expect(valueOf(`a: ${text}`)).toEqual({ a: value });
});

test.each<[string, unknown]>([
  ["yes: 1", { true: 1 }],
  ["1: one", { "1": "one" }],
  ["1.5: f", { "1.5": "f" }],
  ["b: &b {p: 1, q: 2}\nm: {p: 9, <<: *b}", { b: { p: 1, q: 2 }, m: { p: 1, q: 2 } }],
  ["b: &b {p: 1, q: 2}\nm: {<<: *b, p: 9}", { b: { p: 1, q: 2 }, m: { p: 9, q: 2 } }],
  ["m: {<<: [{p: 5}, {p: 6, q: 1}]}", { m: { p: 5, q: 1 } }],
  ['{\n\t"a": 1,\n\t"b": ["\\ud83d\\ude00"]\n}', { a: 1, b: ["😀"] }],
  ["a: |\n  one\n  two\n", { a: "one\ntwo\n" }],
  ["a: b\r\nc: d\r\n", { a: "b", c: "d" }],
])("reads %j as kubectl does", (text, value) => {
  expect(valueOf(text)).toEqual(value);
});

test.each<[string, string, string]>([
  ["a duplicate key", "a: 1\nb:\n  c: 1\n  c: 2\n", "duplicate-key 4:3"],
  ["keys that become the same text", "true: a\nyes: b\n", "duplicate-key 2:1"],
  ["a duplicate key in JSON", '{"a": 1, "a": 2}', "duplicate-key 1:10"],
  ["bad indentation", "a:\n  b: 1\n c: 2\n", "yaml-syntax 3:1"],
  ["an unclosed list", "a: [1, 2\n", "yaml-syntax 2:1"],
  ["a list as a key", "? [a]\n: 1\n", "bad-key 1:3"],
  ["a null key", "null: 1\n", "bad-key 1:1"],
  ["a key that reaches prototypes", "__proto__: {a: 1}\n", "bad-key 1:1"],
  ["infinity", "a: .inf\n", "not-in-json 1:4"],
  ["an integer beyond 53 bits", "a: 12345678901234567\n", "integer-too-large 1:4"],
  ["a custom tag", "a: !secret x\n", "unknown-tag 1:12"],
  ["an unknown anchor", "a: *b\n", "unknown-anchor 1:4"],
  ["a merge of text", "<<: 1\n", "bad-merge 1:1"],
])("names the place of %s", (_name, text, expected) => {
  expect(problemsOf(text)).toEqual([expected]);
});

test.each([
  ["a tag", "a: !c4nary x\n"],
  ["a tag of a list", "a: !c4nary []\n"],
  ["an alias", "a: *c4nary\n"],
  ["an integer", "a: 40404040404040404040\n"],
  ["an open quote", 'a: "c4nary\n'],
  ["text behind a quote", 'a: "x" c4nary\n'],
  ["an escape", 'a: "\\c4nary"\n'],
  ["a text without its key", "a:\n  c4nary\n  b: 2\n"],
  ["a tag that does not fit", "a: !!int c4nary\n"],
  ["what is no base64", "a: !!binary c4nary!\n"],
])("T17: quotes no value, which may be a password, where it is wrong: %s", (_name, text) => {
  const { problems } = decode(text);
  expect(problems).not.toEqual([]);
  expect(JSON.stringify(problems)).not.toMatch(/c4nary|404/u);
});

test("says where a duplicate key was written first", () => {
  expect(decode("a: 1\nb: 2\na: 3\n").problems[0]?.hint).toBe("first written in line 1");
});

test("E8: names the line of bytes that are not UTF-8", () => {
  const bytes = Uint8Array.from([97, 58, 32, 98, 10, 99, 58, 32, 0xff, 10]);
  expect(decodeYaml("a.yaml", bytes).problems).toMatchObject([{ code: "not-utf-8", at: { line: 2 } }]);
});

test("keeps the good documents of a file with a bad one, and drops empty ones", () => {
  const { documents, problems } = decode("# only a comment\n---\na: 1\n---\n---\nb: {c: 1, c: 2}\n---\nd: 4\n");
  expect(documents.map(({ value }) => value)).toEqual([{ a: 1 }, { d: 4 }]);
  expect(documents.map(({ at }) => at.line)).toEqual([3, 8]);
  expect(problems).toHaveLength(1);
});

test("knows where every part is written", () => {
  const [document] = decode("a: 1\nspec:\n  list:\n    - x\n    - name: y\n  text: |\n    z\n").documents;
  const place = (...path: (string | number)[]): string => {
    const { line, column } = document?.positionOf(path) ?? { line: 0, column: 0 };
    return `${line}:${column}`;
  };
  expect(place()).toBe("1:1");
  expect(place("spec")).toBe("2:1");
  expect(place("spec", "list", 0)).toBe("4:7");
  expect(place("spec", "list", 1, "name")).toBe("5:7");
  expect(place("spec", "text")).toBe("6:3");
  expect(place("spec", "missing", "deeper")).toBe("2:1");
});

describe("E8: gives up early on", () => {
  const mebibyte = 1024 * 1024;
  const aliasBomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 9; level += 1) {
    const before = Array.from({ length: 9 }, () => `*a${level - 1}`);
    aliasBomb.push(`a${level}: &a${level} [${before.join(", ")}]`);
  }
  const bombs: readonly [string, string, string][] = [
    ["an alias bomb", aliasBomb.join("\n"), "document-too-large"],
    ["a long text repeated", `a: &a ${"x".repeat(600_000)}\nb: [*a, *a]`, "document-too-large"],
    ["101 aliases", `a: &a x\nb: [${"*a, ".repeat(101)}]`, "document-too-large"],
    ["brackets", "[".repeat(mebibyte), "too-deep"],
    ["nested maps in braces", "{a: ".repeat(mebibyte / 4), "too-deep"],
    ["nested lists", "- ".repeat(mebibyte / 2), "too-deep"],
    ["nested keys", Array.from({ length: 1400 }, (_, index) => `${" ".repeat(index)}a:`).join("\n"), "too-deep"],
    ["half a million items", `[${"a,".repeat(mebibyte / 2 - 1)}]`, "document-too-large"],
    ["a quarter of a million documents", "---\n".repeat(mebibyte / 4), "document-too-large"],
    ["a file of 50 MB", "x".repeat(50_000_000), "file-too-large"],
    [
      "merges that copy",
      `a: &a {${Array.from({ length: 2000 }, (_, index) => `k${index}: 1`).join(", ")}}\n${Array.from({ length: 60 }, (_, index) => `m${index}: {<<: *a}`).join("\n")}`,
      "document-too-large",
    ],
  ];
  test.each(bombs)("%s", (_name, text, code) => {
    const start = process.cpuUsage();
    const { documents, problems } = decode(text);
    // Most take milliseconds; a parser without limits needs minutes for some. The bound only has to tell these apart,
    // on a busy machine too, so what counts is the time that the parser itself has used.
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(4000);
    expect(documents).toEqual([]);
    expect(problems.map((problem) => problem.code)).toContain(code);
  });
});

test("reads a map of 20,000 keys in linear time", () => {
  const text = Array.from({ length: 20_000 }, (_, index) => `key${index}: v`).join("\n");
  expect(Object.keys(valueOf(text) as object)).toHaveLength(20_000);
});

test("allows nesting at the limit and refuses one level more", () => {
  const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  expect(decode(nested(defaultDecodeLimits.maxDepth)).problems).toEqual([]);
  expect(problemsOf(nested(defaultDecodeLimits.maxDepth + 1))[0]).toMatch(/^too-deep/u);
  const block = (depth: number): string => `${"- ".repeat(depth)}x`;
  expect(decode(block(defaultDecodeLimits.maxDepth)).problems).toEqual([]);
});

test("reads every JSON value as JSON does", () => {
  const key = fc.string().filter((text) => text !== "__proto__");
  const tree = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: "grapheme" }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).value;
  fc.assert(
    fc.property(fc.dictionary(key, tree, { noNullPrototype: true }), (value) => {
      expect(decode(JSON.stringify(value)).documents.map((document) => document.value)).toEqual([value]);
    }),
  );
});

test("never throws and never changes a prototype, whatever the text", () => {
  const piece = fc.constantFrom(
    "a: ",
    "- ",
    "\n",
    "  ",
    "[",
    "{",
    "&a ",
    "*a",
    "<<: ",
    "__proto__",
    "constructor",
    "'",
    '"',
    "|",
    "!x ",
    "---\n",
    "%",
    "#",
    ",",
    ":",
    "?",
    "\t",
    "0644",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      decode(pieces.join(""));
      expect(Object.keys(Object.prototype)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
