import { decodeYaml } from "@drover/shared/decode";
import { isRecord } from "@drover/shared/json";
import fc from "fast-check";
import { expect, test } from "vitest";

import { mustRun } from "../rig/command.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { program } from "../rig/programs.ts";

const header = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: x, labels: {a: b}}\nspec:\n";

/** What kubectl makes of a document: it labels it in memory, without a server and without knowing the kind. */
async function readByKubectl(text: string): Promise<unknown> {
  const args = ["label", "--local", "--filename=-", "--output=json", "--overwrite", "a=b"];
  return JSON.parse(await mustRun(program("kubectl"), args, { stdin: text }));
}

const decode = (text: string) => decodeYaml("x.yaml", new TextEncoder().encode(text));

describeWithRig("kubectl")("YAML is read as kubectl reads it", () => {
  test("for 4,000 random scalars that look like numbers, booleans, nulls and dates", async () => {
    const piece = fc.constantFrom(
      ..."0123456789_.eExXbBoO+-:~".split(""),
      "0x",
      "0b",
      "0o",
      "00",
      "e3",
      "1.5",
      "yes",
      "No",
      "on",
      "null",
      ".inf",
      "2001-01-02",
      "T",
      "Z",
      "true",
      "#",
    );
    const scalar = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(""));
    const scalars = [...new Set(fc.sample(scalar, { numRuns: 4000, seed: 20_261_121 }))];
    // What Drover refuses with a problem (infinity, integers beyond 53 bits, bad syntax) has nothing to compare.
    const readable = scalars.filter((text) => decode(`${header}  k: ${text}\n`).problems.length === 0);
    expect(readable.length).toBeGreaterThan(scalars.length / 2);
    const text = header + readable.map((value, index) => `  k${index}: ${value}\n`).join("");
    const expected = await readByKubectl(text);
    const actual = decode(text).documents[0]?.value;
    const specOf = (value: unknown) => (isRecord(value) && isRecord(value["spec"]) ? value["spec"] : {});
    for (const [index, written] of readable.entries()) {
      const key = `k${index}`;
      expect([written, specOf(actual)[key]]).toEqual([written, specOf(expected)[key]]);
    }
  });

  test.each([
    ["block scalars", "  a: |\n    one\n     two\n\n  b: >-\n    one\n    two\n\n    three\n  c: |+\n    x\n\n"],
    ["block scalars with an indentation", "  a: |2\n     x\n    y\n"],
    ["quoted scalars over lines", "  a: 'it''s\n    one'\n  b: \"a\\tb\\\n    c\\u263a\\x41\"\n"],
    ["plain scalars over lines", "  a: one\n    two\n\n    three\n  b: x # comment\n  c: a#b\n"],
    ["flow collections", "  a: [1, 'b', {c: d, e: [f]}, ]\n  b: {x: , y: null, 'z': 3}\n"],
    [
      "anchors, aliases and merges",
      "  a: &a {x: 1, z: 2}\n  b: *a\n  c: {<<: *a, z: 3}\n  d: {z: 3, <<: *a}\n  e: {<<: [*a, {x: 9, w: 4}]}\n",
    ],
    ["keys that are no text", "  1: a\n  1.5: b\n  yes: c\n  0x10: d\n  2001-01-01: e\n"],
    ["lists at the indentation of their key", "  a:\n  - 1\n  - - 2\n    - 3\n  -\n    b: c\n"],
    ["explicit keys and tags", "  ? a\n  : 1\n  b: !!str 1\n  c: !!int '3'\n  d: !!float 3\n  e: !!bool 'off'\n"],
    ["Windows line ends", "  a: |\r\n    one\r\n    two\r\n  b: x\r\n"],
    ["characters beyond the basic plane", "  a: '😀'\n  b: \"\\U0001F600\"\n  c: ünï\n"],
    ["empty values", "  a:\n  b: ''\n  c: {}\n  d: []\n  e: ~\n"],
    ["colons and dashes in text", "  a: x:y\n  b: -x\n  c: a - b\n  e: http://a:80/b\n"],
  ])("for %s", async (_title, body) => {
    const { documents, problems } = decode(header + body);
    expect(problems).toEqual([]);
    expect(documents[0]?.value).toEqual(await readByKubectl(header + body));
  });
});
