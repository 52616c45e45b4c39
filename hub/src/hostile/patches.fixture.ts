import { atPlaces, builtInKeys, inputs, type HostileInput } from "./corpus.fixture.ts";
import { json, override, patch, quoted, repeat } from "./written.fixture.ts";

const keys = builtInKeys.map((key) => [key, key] as const);

/** Patches of a placement, on a Deployment `web`. */
export const patchInputs: readonly HostileInput[] = [
  ...atPlaces(keys, {
    "a field of a merge patch": [
      (key) => patch(`merge: { ${quoted(key)}: { polluted: true } }`),
      "accepted",
      { ["__proto__"]: "bad-key" },
    ],
    "a field deep in a merge patch": [
      (key) => patch(`merge: { spec: { ${quoted(key)}: { polluted: true } } }`),
      "accepted",
      { ["__proto__"]: "bad-key" },
    ],
    "a field of a strategic patch": [
      (key) => patch(`strategic: { spec: { ${quoted(key)}: { polluted: true } } }`),
      "accepted",
      { ["__proto__"]: "bad-key" },
    ],
    "a field that a merge patch deletes": [
      (key) => patch(`merge: { ${quoted(key)}: null }`),
      "accepted",
      { ["__proto__"]: "bad-key" },
    ],
    "the place of an addition": [
      (key) => json(`op: add, path: /spec/${key}, value: x`),
      "accepted",
      { ["__proto__"]: "patch-failed" },
    ],
    "a step of a path": [(key) => json(`op: add, path: /${key}/polluted, value: true`), "patch-failed"],
    "a source of a copy": [(key) => json(`op: copy, from: /${key}, path: /spec/a`), "patch-failed"],
    "what is removed": [(key) => json(`op: remove, path: /spec/${key}`), "patch-failed"],
    "a label": [(key) => override(`labels: { ${quoted(key)}: x }`), "accepted", { ["__proto__"]: "bad-key" }],
    "a variable that is asked for": [
      (key) => override(`labels: { a: "\${cluster.labels.${key}}" }`),
      "variable-missing",
    ],
    "a directive of its own": [(key) => patch(`strategic: { spec: { $patch: ${quoted(key)} } }`), "patch-failed"],
    "a list that is put in order": [
      (key) => patch(`strategic: { spec: { "$setElementOrder/${key}": [a] } }`),
      "accepted",
    ],
    "a list that values leave": [
      (key) => patch(`strategic: { spec: { "$deleteFromPrimitiveList/${key}": [a] } }`),
      "accepted",
    ],
  }),
  ...inputs([
    ["an index beyond the list", json("op: add, path: /spec/list/99, value: x"), "patch-failed"],
    ["an index beyond all", json("op: add, path: /spec/list/99999999999999999999, value: x"), "patch-failed"],
    ["an index below zero", json("op: remove, path: /spec/list/-1"), "patch-failed"],
    ["the length of a list", json("op: replace, path: /spec/list/length, value: 0"), "patch-failed"],
    ["an index with a fraction", json("op: replace, path: /spec/list/0.5, value: 0"), "patch-failed"],
    ["an index with a sign", json('op: replace, path: "/spec/list/+0", value: 0'), "patch-failed"],
    ["an index in other digits", json('op: replace, path: "/spec/list/\\u0661", value: 0'), "patch-failed"],
    ["a path without a slash", json("op: add, path: spec, value: x"), "field-invalid"],
    ["a path with a bad escape", json("op: add, path: /a~2b, value: x"), "patch-failed"],
    ["a path of 100,000 steps", json(`op: add, path: ${"/a".repeat(100_000)}, value: x`), "patch-failed"],
    ["a path of empty steps", json(`op: add, path: ${"/".repeat(1000)}, value: x`), "patch-failed"],
    ["the whole object, replaced by nothing", json('op: replace, path: "", value: null'), "patch-failed"],
    ["the whole object, removed", json('op: remove, path: ""'), "patch-failed"],
    ["the whole object, moved into itself", json('op: move, from: "", path: /spec/a'), "patch-failed"],
    ["an object moved into its child", json("op: move, from: /spec, path: /spec/a"), "patch-failed"],
    [
      "a copy that doubles, 60 times",
      json(...Array.from({ length: 60 }, (_, index) => `op: copy, from: "", path: /spec/k${index}`)),
      "patch-failed",
    ],
    [
      "a list that doubles, 60 times",
      json(...Array.from({ length: 60 }, () => "op: copy, from: /spec/list, path: /spec/list/-")),
      "patch-failed",
    ],
    [
      "500 copies of a large part",
      json(
        "op: add, path: /spec/a, value: " + quoted("x".repeat(100_000)),
        ...Array.from({ length: 500 }, (_, index) => `op: copy, from: /spec/a, path: /spec/k${index}`),
      ),
      "patch-failed",
    ],
    [
      "500 levels by moves",
      json(
        ...Array.from({ length: 500 }, () => [
          "op: add, path: /spec/b, value: {}",
          "op: move, from: /spec/list, path: /spec/b/x",
          "op: move, from: /spec/b, path: /spec/list",
        ]).flat(),
      ),
      "patch-failed",
    ],
    [
      "9,000 tests",
      json(...Array.from({ length: 9_000 }, () => "op: test, path: /spec/replicas, value: 1")),
      "accepted",
    ],
    ["an operation that there is not", json("op: exec, path: /spec, value: x"), "field-invalid"],
    ["operations that are no list", patch("json: { op: add }"), "field-invalid"],
    ["a patch that renames to a path", json("op: replace, path: /metadata/name, value: ../x"), "invalid-name"],
    ["a patch that takes the kind away", json("op: remove, path: /kind"), "patch-failed"],
    ["a patch that makes a label a number", json("op: add, path: /metadata/labels, value: { a: 1 }"), "not-text"],
    ["a directive to replace, with nothing", patch("strategic: { $patch: replace }"), "patch-failed"],
    ["a directive to delete the whole", patch("strategic: { $patch: delete }"), "patch-failed"],
    ["a directive that is a map", patch("strategic: { spec: { $patch: { a: b } } }"), "patch-failed"],
    ["keys to keep that are a text", patch("strategic: { spec: { $retainKeys: all } }"), "patch-failed"],
    ["an order that is a text", patch('strategic: { spec: { "$setElementOrder/list": all } }'), "accepted"],
    [
      "containers without names",
      patch("strategic: { spec: { template: { spec: { containers: [{ image: x }] } } } }"),
      "patch-failed",
    ],
    [
      "containers that are texts",
      patch("strategic: { spec: { template: { spec: { containers: [a] } } } }"),
      "patch-failed",
    ],
    [
      "containers that are a map",
      patch("strategic: { spec: { template: { spec: { containers: { a: b } } } } }"),
      "accepted",
    ],
    [
      "3,000 containers",
      patch(
        `strategic: { spec: { template: { spec: { containers: [${repeat(3000, (index) => `{ name: c${index}, image: x }`)}] } } } }`,
      ),
      "accepted",
    ],
    ["a merge patch that leaves no object", patch("merge: { metadata: null }"), "patch-failed"],
    ["stars without end", override(`patches: [{ target: { name: "${"*".repeat(100_000)}" }, merge: {} }]`), "accepted"],
    [
      "stars and letters without end",
      override(`patches: [{ target: { name: "${"a*".repeat(50_000)}b" }, merge: {} }]`),
      "patch-no-match",
    ],
    [
      "a target that is a regular expression",
      override('patches: [{ target: { name: "(a+)+$" }, merge: {} }]'),
      "patch-no-match",
    ],
    [
      "commas without end in a selector",
      override(`patches: [{ target: { labelSelector: "${",".repeat(200_000)}(" }, merge: {} }]`),
      "field-invalid",
    ],
    [
      "a selector of blanks",
      override(`patches: [{ target: { labelSelector: "a${" ".repeat(200_000)}b" }, merge: {} }]`),
      "field-invalid",
    ],
    [
      "a selector of brackets",
      override(`patches: [{ target: { labelSelector: "a in ${"(".repeat(200_000)}" }, merge: {} }]`),
      "field-invalid",
    ],
    [
      "a selector of one long name",
      override(`patches: [{ target: { labelSelector: "${"a".repeat(300_000)}" }, merge: {} }]`),
      "field-invalid",
    ],
    ["an image that is a path", override('images: [{ name: nginx, newName: "../../x" }]'), "accepted"],
    ["replicas beyond all", override("replicas: [{ name: web, count: 99999999999 }]"), "field-invalid"],
    ["a namespace that is a path", override("namespace: ../x"), "field-invalid"],
    ["a label of another shape", override("labels: { a: [1] }"), "field-invalid"],
  ]),
];
