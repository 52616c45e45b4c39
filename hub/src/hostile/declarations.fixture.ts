import { atPlaces, builtInKeys, inputs, strangeCharacters, type HostileInput } from "./corpus.fixture.ts";
import { application, document, override, placement, quoted, repeat } from "./written.fixture.ts";

const keys = builtInKeys.map((key) => [key, key] as const);
const strange = Object.entries(strangeCharacters);

/** Applications, placements and clusters as they are declared. */
export const declarationInputs: readonly HostileInput[] = [
  ...atPlaces(keys, {
    "a field": [(key) => application(`${quoted(key)}: {}`), "unknown-key", { ["__proto__"]: "bad-key" }],
    "a label of an application": [
      (key) => document("Application", "spec: { source: { path: a } }", `name: a, labels: { ${quoted(key)}: x }`),
      "accepted",
      { ["__proto__"]: "bad-key", __defineGetter__: "field-invalid", __lookupSetter__: "field-invalid" },
    ],
    "a label of a cluster": [
      (key) => document("Cluster", "", `name: a, labels: { ${quoted(key)}: x }`),
      "accepted",
      { ["__proto__"]: "bad-key", __defineGetter__: "field-invalid", __lookupSetter__: "field-invalid" },
    ],
    "a variable": [
      (key) => document("Cluster", `spec: { vars: { ${quoted(key)}: x } }`),
      "accepted",
      { ["__proto__"]: "bad-key" },
    ],
    "a label that is selected": [
      (key) => placement(`selector: { matchLabels: { ${quoted(key)}: x } }`),
      "accepted",
      { ["__proto__"]: "bad-key", __defineGetter__: "field-invalid", __lookupSetter__: "field-invalid" },
    ],
    "a key of an expression of a selector": [
      (key) => placement(`selector: { matchExpressions: [{ key: ${quoted(key)}, operator: Exists }] }`),
      "accepted",
    ],
    "a value for a chart": [
      (key) => application(`helm: { values: { ${quoted(key)}: { polluted: true } } }`),
      "accepted",
      { ["__proto__"]: "bad-key" },
    ],
    "the name of a cluster": [
      (key) => placement(`clusters: [${quoted(key)}]`),
      "field-invalid",
      { constructor: "accepted", prototype: "accepted" },
    ],
  }),
  ...atPlaces(strange, {
    "the name of an application": [
      (text) => document("Application", "spec: { source: { path: a } }", `name: ${quoted(`a${text}b`)}`),
      "field-invalid",
    ],
    "the path of an application": [
      (text) => document("Application", `spec: { source: { path: ${quoted(`a${text}b`)} } }`),
      "accepted",
    ],
    "the value of a label": [
      (text) => document("Cluster", "", `name: a, labels: { a: ${quoted(`a${text}b`)} }`),
      "field-invalid",
    ],
  }),
  ...inputs([
    ["a path that leads out", document("Application", "spec: { source: { path: ../../../../etc } }"), "field-invalid"],
    ["an absolute path", document("Application", "spec: { source: { path: /etc } }"), "field-invalid"],
    [
      "a path of a million dots",
      document("Application", `spec: { source: { path: ${"./".repeat(400_000)} } }`),
      "accepted",
    ],
    ["a value file that leads out", application("helm: { valueFiles: [../../../etc/passwd] }"), "field-invalid"],
    [
      "a value file of the network",
      application("helm: { valueFiles: ['http://169.254.169.254/latest/meta-data'] }"),
      "field-invalid",
    ],
    ["a value file of the machine", application("helm: { valueFiles: ['file:///etc/passwd'] }"), "field-invalid"],
    ["a release that is an option", application("helm: { releaseName: --post-renderer=x }"), "field-invalid"],
    ["a namespace that is an option", application("namespace: --kubeconfig=x"), "field-invalid"],
    ["a renderer of one's own", application("renderer: sh"), "field-invalid"],
    ["the document of another version", "apiVersion: drover.dev/v1\nkind: Application\n", "unknown-version"],
    ["a kind that is a map", "apiVersion: drover.dev/v1alpha1\nkind: { a: b }\n", "field-invalid"],
    ["a spec that is a list", document("Application", "spec: []"), "field-invalid"],
    ["20,000 unknown keys", application(repeat(20_000, (index) => `k${index}: 1`)), "unknown-key"],
    ["an unknown key of a million characters", application(`${"k".repeat(900_000)}: 1`), "unknown-key"],
    [
      "20,000 labels",
      document("Cluster", "", `name: a, labels: { ${repeat(20_000, (index) => `k${index}: v`)} }`),
      "accepted",
    ],
    ["20,000 names of clusters", placement(`clusters: [${repeat(20_000, (index) => `c${index}`)}]`), "accepted"],
    [
      "2,000 overrides",
      placement(`selector: {}, overrides: [${repeat(2_000, () => "{ selector: {}, labels: { a: b } }")}]`),
      "accepted",
    ],
    ["a limit beyond all", placement("selector: {}, limit: 1e30"), "field-invalid"],
    ["a limit that is no number", placement("selector: {}, limit: .nan"), "not-in-json"],
    ["a fact", document("Cluster", "", "name: a, labels: { facts.drover.dev/nodes: '3' }"), "field-invalid"],
    ["a duration beyond all", application("sync: { gateTimeout: 99999999999h }"), "field-invalid"],
    ["variables within variables", override('labels: { a: "${cluster.vars.${cluster.name}}" }'), "accepted"],
    [
      "a variable in its own default",
      override('labels: { a: "${cluster.vars.a:-${cluster.vars.a}}" }'),
      "variable-missing",
    ],
    ["a variable in a variable", override('vars: { a: "${cluster.vars.b}", b: "${cluster.vars.a}" }'), "field-invalid"],
    [
      "50,000 variables in one text",
      override(`labels: { a: ${quoted("${cluster.name}".repeat(50_000))} }`),
      "accepted",
    ],
    ["openings without end", override(`labels: { a: ${quoted("${cluster.".repeat(100_000))} }`), "accepted"],
    ["a variable of all", override('labels: { a: "${cluster.}" }'), "field-invalid"],
    ["marks of the hub itself", override('labels: { a: "\\uFDD0vars.secret\\uFDD1" }'), "field-invalid"],
  ]),
];

/** Conditions on clusters, in CEL. */
export const expressionInputs: readonly HostileInput[] = inputs(
  (
    [
      ["a regular expression", "cluster.name.matches('(a+)+$')", "field-invalid"],
      ["loops within loops", `${"cluster.labels.all(a, ".repeat(6)}true${")".repeat(6)}`, "accepted"],
      ["loops over lists that grow", "[1,2,3].map(a, [1,2,3].map(b, [1,2,3].map(c, [1,2,3]))).size() > 0", "accepted"],
      ["a text that doubles", `${"(".repeat(20)}cluster.name${" + cluster.name)".repeat(20)}.size() > 0`, "accepted"],
      ["brackets without end", "(".repeat(2000), "field-invalid"],
      ["brackets that close", `${"(".repeat(2000)}true${")".repeat(2000)}`, "field-invalid"],
      ["negations without end", `${"!".repeat(4000)}true`, "field-invalid"],
      ["questions without end", `${"true ? ".repeat(500)}true${" : false".repeat(500)}`, "field-invalid"],
      ["more than 4,096 characters", `true ${"|| true ".repeat(1000)}`, "field-invalid"],
      ["a list of 1,000 items", `1 in [${repeat(1000, (index) => `${index}`)}]`, "field-invalid"],
      ["the constructor of a text", "cluster.name.constructor('return 1')() == 1", "field-invalid"],
      ["the prototype of a map", "cluster.__proto__ == 1", "accepted"],
      ["the prototype by an index", "cluster['__proto__'] == 1", "accepted"],
      ["a label called constructor", "has(cluster.labels.constructor)", "accepted"],
      ["a variable that there is not", "process.env.HOME == ''", "field-invalid"],
      ["a global of JavaScript", "globalThis == 1", "field-invalid"],
      ["a function that there is not", "require('fs') == 1", "field-invalid"],
      ["a division by zero", "1 / 0 == 1", "accepted"],
      ["a number that overflows", "9223372036854775807 + 1 > 0", "accepted"],
      ["a number beyond all", `${"9".repeat(1000)} > 0`, "accepted"],
      ["a text without an end", "cluster.name == 'a", "field-invalid"],
      ["an escape of nothing", "cluster.name == '\\x'", "field-invalid"],
      ["what is not true or false", "cluster.name", "accepted"],
      ["a type that does not fit", "cluster.name > 1", "accepted"],
      ["characters of no language", "\u0000\u202E", "field-invalid"],
      ["a macro of the language, misused", "has(1)", "field-invalid"],
      [
        "a split into letters, again and again",
        "cluster.name.split('').map(a, cluster.name.split('').map(b, cluster.name.split(''))).size() > 0",
        "accepted",
      ],
      ["nothing", "", "field-invalid"],
      ["blanks", " ".repeat(4000), "field-invalid"],
    ] as const
  ).map(([title, source, outcome]) => [title, placement(`expression: ${quoted(source)}`), outcome] as const),
);
