import fc from "fast-check";
import { expect, test } from "vitest";
import { YAMLParseError, type ErrorCode } from "yaml";

import { decodeYaml } from "../decode.ts";
import { formatProblem } from "../problems.ts";
import { explainSyntaxError } from "./syntax-error.ts";

const problemsOf = (text: string) => decodeYaml("f", new TextEncoder().encode(text)).problems;

const rows: readonly (readonly [code: ErrorCode, text: string, ...problems: string[]])[] = [
  ["ALIAS_PROPS", "a: &a *b\n", "1:7: an alias (*name) with a tag or an anchor of its own"],
  ["BAD_ALIAS", "a: &\n", "1:4: an anchor (&) or an alias (*) without a name"],
  ["BAD_ALIAS", "a: *\n", "1:4: an anchor (&) or an alias (*) without a name"],
  ["BAD_DIRECTIVE", "%YAML\n---\na: 1\n", "1:1: a line that begins with % and that YAML does not know"],
  ["BAD_DQ_ESCAPE", 'a: "\\d+"\n', "1:5: a \\ in double quotes that begins nothing YAML knows"],
  ["BAD_INDENT", "a:\n  b: 1\n c: 2\n", "3:1: this line is indented unlike those it belongs to"],
  ["BAD_INDENT", "a:\n  - b\n  c: d\n", "3:1: this line is indented unlike those it belongs to"],
  ["BAD_INDENT", "- - a\n - b\n", "2:2: this line is indented unlike those it belongs to"],
  ["BAD_INDENT", "a: [1, 2\nb: 3\n", "2:1: the list that a [ opens is not closed before this place"],
  ["BAD_INDENT", "a: {x: 1\nb: 3\n", "2:1: the map that a { opens is not closed before this place"],
  [
    "BAD_INDENT",
    "a: [\n- b\n]\n",
    "2:1: the list that a [ opens is not closed before this place",
    "3:1: a ] or } that closes nothing",
  ],
  ["BAD_PROP_ORDER", "&x ? a\n", "1:4: a tag (!name) or an anchor (&name) before the sign that it has to follow"],
  ["BAD_SCALAR_START", "a: @b\n", "1:4: a text cannot begin with this character"],
  ["BLOCK_AS_IMPLICIT_KEY", "a: b: c\n", "1:4: a second key with its colon within a value"],
  ["BLOCK_AS_IMPLICIT_KEY", "a: b\n  c: d\n", "1:4: a second key with its colon within a value"],
  ["BLOCK_AS_IMPLICIT_KEY", 'a: "b" c: d\n', "1:4: a second key with its colon within a value"],
  ["BLOCK_AS_IMPLICIT_KEY", "a:\n   - x\n  - y\n", "3:1: the items of this list begin in different columns"],
  ["BLOCK_IN_FLOW", "a: {x: 1 y: 2}\n", "1:8: within [ ] or { } stands what has to be written in lines of its own"],
  ["BLOCK_IN_FLOW", "a: {\n  - b\n}\n", "2:3: within [ ] or { } stands what has to be written in lines of its own"],
  ["BLOCK_IN_FLOW", "a: {{- .Values.x }}\n", "1:6: a template is no YAML before it is rendered"],
  ["KEY_OVER_1024_CHARS", `${"k".repeat(1025)}: 1`, "1:1: a key of more than 1,024 characters"],
  ["MISSING_CHAR", "[1, 2", "1:6: the list that a [ opens is not closed"],
  ["MISSING_CHAR", "{a: 1", "1:6: the map that a { opens is not closed"],
  ["MISSING_CHAR", "a: 'it\nb: 1\n", "3:1: a text in single quotes is not closed"],
  ["MISSING_CHAR", 'a: "it\nb: 1\n', "3:1: a text in double quotes is not closed"],
  ["MISSING_CHAR", "a: 1\nb\nc: 2\n", "2:1: a key without a colon and a value"],
  ["MISSING_CHAR", "a: b\nc:d\n", "2:1: a key without a colon and a value"],
  ["MISSING_CHAR", 'a: ["x" "y"]\n', "1:9: two items without a comma between them"],
  ["MISSING_CHAR", "b: 'x'#no\n", "1:7: a # without a space before it"],
  ["MISSING_CHAR", "a: !x{b: 1}\n", "1:6: a tag (!name) or an anchor (&name) without a space after it"],
  ["MISSING_CHAR", "a: |\n    \n  x\n", "3:3: the empty lines before this text are indented further than the text"],
  ["MISSING_CHAR", "&a - b\n", "1:1: a tag or an anchor in the line where its list or map begins"],
  ["MISSING_CHAR", "--- a: 1\n", "1:5: a list or a map begins in the line of ---"],
  ["MISSING_CHAR", "%YAML 1.2\na: 1\n", "2:1: a line with % without --- after it"],
  ["MULTILINE_IMPLICIT_KEY", "a: 1\n- b\n", "2:1: what stands here is no key that fits in one line"],
  ["MULTILINE_IMPLICIT_KEY", "a:b\nc: d\n", "1:1: what stands here is no key that fits in one line"],
  [
    "MULTILINE_IMPLICIT_KEY",
    "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n",
    "2:1: a merge conflict is not resolved",
    "4:1: a merge conflict is not resolved",
    "6:1: a merge conflict is not resolved",
  ],
  ["MULTILINE_IMPLICIT_KEY", 'a: 1\n{{- include "x" . }}\n', "2:1: a template is no YAML before it is rendered"],
  ["MULTIPLE_ANCHORS", "a: &x &y 1\n", "1:7: a second anchor (&name) for the same value"],
  ["MULTIPLE_TAGS", "a: !x !y 1\n", "1:7: a second tag (!name) for the same value"],
  ["TAB_AS_INDENT", "a:\n\tb: 1\n", "2:1: a tab as indentation"],
  ["TAG_RESOLVE_FAILED", "a: !u!x 1\n", "1:4: a tag (!name) that means nothing here"],
  ["UNEXPECTED_TOKEN", "a: - b\n   - c\n", "1:4: a list begins in the line of its key"],
  ["UNEXPECTED_TOKEN", "a: [1,,2]\n", "1:7: a comma where an item is expected"],
  ["UNEXPECTED_TOKEN", "a: |x\n", "1:5: text in the line of | or >"],
  ["UNEXPECTED_TOKEN", "a: >- text\n", "1:7: text in the line of | or >"],
  ["UNEXPECTED_TOKEN", "a: ]\n", "1:4: a ] or } that closes nothing"],
  ["UNEXPECTED_TOKEN", "- a\nb: 1\n", "2:1: this follows a value that has ended"],
  ["UNEXPECTED_TOKEN", "a: 'b' c\n", "1:8: this follows a value that has ended"],
  ["UNEXPECTED_TOKEN", "{a: 1} b: 2", "1:8: this cannot be read as YAML"],
  ["BAD_INDENT", "a: |2\n   x\n y\n", "3:1: this line is indented unlike those it belongs to"],
  ["BAD_INDENT", "a: [b, c\n", "2:1: the list that a [ opens is not closed before this place"],
];

test.each(rows)("says what %s means in %j", (_code, text, ...problems) => {
  expect(problemsOf(text).map(({ at, message }) => `${at?.line ?? 0}:${at?.column ?? 0}: ${message}`)).toEqual(
    problems,
  );
});

/** No text makes the parser give these with the options that Drover reads YAML with. */
const notMet: readonly ErrorCode[] = [
  "BAD_COLLECTION_TYPE",
  "DUPLICATE_KEY",
  "IMPOSSIBLE",
  "MULTIPLE_DOCS",
  "NON_STRING_KEY",
  "RESOURCE_EXHAUSTION",
];
const codes = [...new Set([...rows.map(([code]) => code), ...notMet])];

test.each(codes)("has a sentence and a hint for %s in words that it does not know", (code) => {
  const { message, hint } = explainSyntaxError(new YAMLParseError([2, 3], code, "Flow node token"), "a: b\n");
  expect(message).toMatch(/^[a-z]/u);
  expect(message).not.toMatch(jargon);
  expect(hint).not.toBe("");
});

const jargon = /implicit|scalar|sequence|block|flow|token|indicator|mapping|\bnode\b|undefined/iu;

test("never shows the parser's own words, whatever the text", () => {
  const pieces = fc.constantFrom(
    ..."a|b: |- |? |: |[|]|{|}|,|#|&x |*x|!t |'|\"|\\d|%|@|`|> |\n|\n  |\n    |\t|---|...".split("|"),
    "|",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
      for (const problem of problemsOf(parts.join(""))) {
        if (problem.code === "yaml-syntax") expect(formatProblem(problem)).not.toMatch(jargon);
      }
    }),
    { numRuns: 2_000 },
  );
});
