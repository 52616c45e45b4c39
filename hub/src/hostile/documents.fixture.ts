import { atPlaces, builtInKeys, inputs, strangeCharacters, type HostileInput } from "./corpus.fixture.ts";
import { quoted, repeat } from "./written.fixture.ts";

const object = (rest: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n${rest}\n`;
const bomb = (levels: number, width: number, alias: (level: number) => string): string =>
  repeat(
    levels,
    (level) => `l${level}: &l${level} ${level === 0 ? "[x]" : `[${repeat(width, () => alias(level - 1), ", ")}]`}`,
    "\n",
  );
const merges = (levels: number, width: number): string =>
  `l0: &l0 { a: 1 }\n${repeat(levels, (level) => `l${level + 1}: &l${level + 1} { <<: [${repeat(width, () => `*l${level}`, ", ")}], k${level}: 1 }`, "\n")}`;

/** Files of YAML and JSON as a repository holds them. */
export const yamlInputs: readonly HostileInput[] = inputs([
  ["lists of aliases, 9 deep", bomb(10, 9, (level) => `*l${level}`), "document-too-large"],
  ["lists of aliases, 40 deep, two each", bomb(40, 2, (level) => `*l${level}`), "document-too-large"],
  [
    "maps of aliases",
    repeat(
      30,
      (level) => `l${level}: &l${level} ${level === 0 ? "x" : `{ a: *l${level - 1}, b: *l${level - 1} }`}`,
      "\n",
    ),
    "document-too-large",
  ],
  ["merges of merges", merges(30, 2), "document-too-large"],
  [
    "merges of one map, again and again",
    `a: &a { ${repeat(5000, (index) => `k${index}: 1`, ", ")} }\n${repeat(80, (index) => `m${index}: { <<: *a }`, "\n")}`,
    "document-too-large",
  ],
  ["merges of what is no map", "a: &a [1]\nb: { <<: *a }", "bad-merge"],
  ["an alias of itself", "a: &a [*a]", "unknown-anchor"],
  ["a map that merges itself", "a: &a { <<: *a }", "bad-merge,unknown-anchor"],
  ["an alias of what comes later", "a: *b\nb: &b 1", "unknown-anchor"],
  ["one anchor written a thousand times", repeat(1000, (index) => `k${index}: &a ${index}`, "\n"), "accepted"],
  ["a thousand aliases", `a: &a x\nb: [${repeat(1000, () => "*a", ", ")}]`, "document-too-large"],
  ["brackets without end", "[".repeat(500_000), "too-deep"],
  ["braces without end", "{a: ".repeat(200_000), "too-deep"],
  ["dashes without end", "- ".repeat(400_000), "too-deep"],
  ["questions without end", "? ".repeat(400_000), "too-deep"],
  ["indents without end", repeat(1200, (index) => `${" ".repeat(index)}k:`, "\n"), "too-deep"],
  ["closing brackets", "]".repeat(500_000), "yaml-syntax"],
  ["quotes", '"'.repeat(500_001), "yaml-syntax"],
  ["exclamation marks", `a: ${"!".repeat(500_000)}`, "yaml-syntax"],
  ["ampersands", `a: ${"&a ".repeat(200_000)}`, "document-too-large"],
  ["colons", ": ".repeat(400_000), "too-deep"],
  ["percent signs", "%".repeat(500_000), "yaml-syntax"],
  ["comments", "#\n".repeat(500_000), "document-too-large"],
  ["blank lines", "\n".repeat(1_000_000), "document-too-large"],
  ["separators", "---\n".repeat(250_000), "document-too-large"],
  ["document ends", "...\n".repeat(250_000), "document-too-large"],
  ["tabs", "\t".repeat(1_000_000), "accepted"],
  ["one key of a million characters", `${"k".repeat(1_000_000)}: v`, "yaml-syntax"],
  ["more than the limit of a file", `a: ${"x".repeat(1_048_576)}`, "file-too-large"],
  ["a hundred thousand keys", repeat(100_000, (index) => `k${index}: v`, "\n"), "document-too-large"],
  ["fifty thousand times the same key", repeat(50_000, () => "k: v", "\n"), "duplicate-key"],
  ["twenty thousand items of maps", repeat(20_000, () => "- { a: 1, b: 2, c: 3, d: 4 }", "\n"), "document-too-large"],
  ["a block of a hundred thousand lines", `a: |\n${repeat(100_000, () => "  x", "\n")}`, "accepted"],
  ["an indicator of a huge indent", "a: |999999999\n  x", "yaml-syntax"],
  ["a duplicate key", object("data: { a: x, a: y }"), "duplicate-key"],
  ["a duplicate key, written in two ways", object('data: { a: x, "\\x61": y }'), "duplicate-key"],
  ["a duplicate key by a merge", object("data: { <<: { a: x }, a: y }"), "accepted"],
  ["a key that is a list", object("data: { [a, b]: x }"), "bad-key"],
  ["a key that is null", object("data: { null: x }"), "bad-key"],
  ["a tag of JavaScript", "a: !!js/function 'function () { return 1 }'", "unknown-tag"],
  ["a tag of Python", "a: !!python/object/apply:os.system [id]", "unknown-tag"],
  ["a tag by a directive", "%TAG ! tag:example.org,2026:\n---\na: !x 1", "unknown-tag"],
  ["a tag of binary data", "a: !!binary aGVsbG8=", "accepted"],
  ["a tag of a set", "a: !!set { b, c }", "unknown-tag"],
  ["a version of YAML that there is not", "%YAML 9.9\n---\na: 1", "accepted"],
  ["a number without end", `a: ${"9".repeat(100_000)}`, "integer-too-large"],
  ["a number beyond all", "a: 1e999999", "accepted"],
  ["no number", "a: .nan", "not-in-json"],
  ["infinity", "a: .inf", "not-in-json"],
  ["a hexadecimal number without end", `a: 0x${"f".repeat(100_000)}`, "integer-too-large"],
  ["numbers in base 60", "a: 190:20:30", "accepted"],
  ["a date of no calendar", "a: 2026-99-99", "accepted"],
  ["an escape of no character", 'a: "\\U0010FFFF\\UFFFFFFFF"', "yaml-syntax"],
  ["half a surrogate", 'a: "\\uD800"', "accepted"],
  ["JSON that is cut off", `{"a": [${'{"b": '.repeat(20)}`, "yaml-syntax"],
  ["what is no document at all", "\u0001\u0002\u0003", "accepted"],
]);

const strange = Object.entries(strangeCharacters);
const keys = builtInKeys.map((key) => [key, key] as const);

/** Files of plain manifests. */
export const objectInputs: readonly HostileInput[] = [
  ...atPlaces(keys, {
    "a key of data": [(key) => object(`data: { ${quoted(key)}: x }`), "accepted", { ["__proto__"]: "bad-key" }],
    "a label": [
      (key) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, labels: { ${quoted(key)}: x } }\n`,
      "accepted",
      { ["__proto__"]: "bad-key" },
    ],
    "a field of an object": [
      (key) => object(`${quoted(key)}: { polluted: true }`),
      "accepted",
      { ["__proto__"]: "bad-key" },
    ],
    "a field of metadata": [
      (key) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, ${quoted(key)}: { polluted: true } }\n`,
      "accepted",
      { ["__proto__"]: "bad-key" },
    ],
    "a key that is merged": [
      (key) => object(`data: { <<: { ${quoted(key)}: x } }`),
      "accepted",
      { ["__proto__"]: "bad-key" },
    ],
    "the kind": [
      (key) => `apiVersion: v1\nkind: ${quoted(key)}\nmetadata: { name: a }\n`,
      "invalid-kind",
      {
        constructor: "accepted",
        prototype: "accepted",
        toString: "accepted",
        valueOf: "accepted",
        hasOwnProperty: "accepted",
      },
    ],
  }),
  ...atPlaces(strange, {
    "the name": [
      (text) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${quoted(`a${text}b`)} }\n`,
      "invalid-name",
      { homoglyph: "accepted" },
    ],
    "the namespace": [
      (text) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: ${quoted(`a${text}b`)} }\n`,
      "invalid-name",
    ],
    "the kind with such a character": [
      (text) => `apiVersion: v1\nkind: ${quoted(`A${text}b`)}\nmetadata: { name: a }\n`,
      "invalid-kind",
    ],
    "the version": [
      (text) => `apiVersion: ${quoted(`v${text}1`)}\nkind: A\nmetadata: { name: a }\n`,
      "invalid-version",
    ],
    text: [(text) => object(`data: { a: ${quoted(`a${text}b`)} }`), "accepted"],
    "bytes between two lines": [
      (text) => object(`data: { a: b }\n${text}`),
      "yaml-syntax",
      { "carriage return": "accepted", "line feed": "accepted" },
    ],
  }),
  ...inputs([
    ["lists in lists, 60 deep", `${"{apiVersion: v1, kind: List, items: [".repeat(31)}${"]}".repeat(31)}`, "accepted"],
    [
      "a list of 25,001 objects",
      `apiVersion: v1\nkind: List\nitems:\n${repeat(25_001, (index) => `- { apiVersion: v1, kind: A, metadata: { name: a${index} } }`, "\n")}`,
      "file-too-large",
    ],
    ["a list that is no list", "apiVersion: v1\nkind: List\nitems: { a: b }\nmetadata: { name: a }\n", "accepted"],
    [
      "an object larger than a server takes",
      object(
        `data:\n${repeat(3, (index) => `  k${index}: &k${index} ${"x".repeat(300_000)}`, "\n")}\n  again: [*k0, *k0]`,
      ),
      "document-too-large",
    ],
    [
      "40,000 labels",
      `apiVersion: v1\nkind: A\nmetadata:\n  name: a\n  labels: { ${repeat(40_000, (index) => `k${index}: v`, ", ")} }\n`,
      "accepted",
    ],
    [
      "10,000 labels that are numbers",
      `apiVersion: v1\nkind: A\nmetadata:\n  name: a\n  labels: { ${repeat(10_000, (index) => `k${index}: 1`, ", ")} }\n`,
      "not-text",
    ],
    ["labels that are a list", "apiVersion: v1\nkind: A\nmetadata: { name: a, labels: [a] }\n", "not-text"],
    ["a label that is a number", "apiVersion: v1\nkind: A\nmetadata: { name: a, labels: { a: 1 } }\n", "not-text"],
    ["a name that is a path", "apiVersion: v1\nkind: A\nmetadata: { name: ../../api/v1/secrets }\n", "invalid-name"],
    ["a name that is encoded", "apiVersion: v1\nkind: A\nmetadata: { name: a%2Fb }\n", "invalid-name"],
    ["a name of dots", 'apiVersion: v1\nkind: A\nmetadata: { name: ".." }\n', "invalid-name"],
    ["a name with a query", 'apiVersion: v1\nkind: A\nmetadata: { name: "a?force=true" }\n', "accepted"],
    [
      "a name of 1,000 characters",
      `apiVersion: v1\nkind: A\nmetadata: { name: ${"a".repeat(1000)} }\n`,
      "invalid-name",
    ],
    ["a name that is a map", "apiVersion: v1\nkind: A\nmetadata: { name: { a: b } }\n", "invalid-name"],
    ["a generated name", "apiVersion: v1\nkind: A\nmetadata: { generateName: a- }\n", "generated-name"],
    ["a version that is a path", "apiVersion: ../../v1\nkind: A\nmetadata: { name: a }\n", "invalid-version"],
    ["metadata that is a text", "apiVersion: v1\nkind: A\nmetadata: name\n", "missing-name"],
    ["twice the same object", `${object("")}---\n${object("")}`, "duplicate-object"],
  ]),
];
