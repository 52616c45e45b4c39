import { formatProblem } from "@drover/shared/problems";
import { defaultSync } from "@drover/shared/sync-options";
import { expect, test } from "vitest";

import { mayDeclare, readDeclarations, type Declaration } from "./declarations.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const file = "apps/shop/drover.yaml";
const read = (text: string) => readDeclarations("config", file, encode(text));
const one = (text: string): Declaration | undefined => {
  const { declarations, problems } = read(text);
  expect(problems).toEqual([]);
  return declarations[0];
};
const problemsOf = (text: string): string[] => read(text).problems.map(formatProblem);
const application = (spec: string): string => `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: shop }
spec:
${spec}
`;
const placement = (spec: string): string => `apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: shop }
spec:
  applications: [shop]
${spec}
`;

test("reads an application with its defaults", () => {
  expect(one(application("  source: { path: apps/shop/ }"))).toEqual({
    kind: "Application",
    name: "shop",
    labels: {},
    repository: "config",
    source: { repository: "config", path: "apps/shop", exclude: [] },
    renderer: "auto",
    namespace: "default",
    substitute: false,
    sync: { prune: true, allowEmpty: false, createNamespace: true, deletion: "uninstall", options: defaultSync },
    at: { file, line: 1, column: 1 },
  });
});

test.each([
  [".", "apps/shop"],
  ["./base", "apps/shop/base"],
  ["../other", "apps/other"],
  ["../..", ""],
  ["base", "base"],
  ["a//b/./c", "a/b/c"],
])("reads the path %s from the declaring file or from the root", (path, expected) => {
  expect(one(application(`  source: { path: ${path} }`))).toMatchObject({ source: { path: expected } });
});

test("reads how an application's objects are treated", () => {
  const declared = one(
    application(`  source: { path: a }
  sync:
    adopt: never
    drift: report
    deletion: detach
    recreate: true
    allOrNothing: true
    gateTimeout: 20m
    serviceAccount: deployer
    ignore:
      - { kind: Deployment, paths: [spec.replicas], managers: [keda-operator] }
  health:
    - { group: example.org, kind: Widget, current: object.status.ready }`),
  );
  const rule = { group: "*", kind: "Deployment", namespace: "", name: "", paths: ["spec.replicas"] };
  expect(declared).toMatchObject({
    sync: {
      deletion: "detach",
      options: {
        adopt: "never",
        drift: "report",
        recreate: true,
        allOrNothing: true,
        gateTimeoutMs: 20 * 60_000,
        serviceAccount: "deployer",
        ignore: [{ ...rule, managers: ["keda-operator"] }],
        healthRules: [{ group: "example.org", kind: "Widget", current: "object.status.ready", failed: "" }],
      },
    },
  });
});

test("reads what is left out", () => {
  const declared = one(application("  source: { path: a, exclude: [./tests/, values.yaml] }"));
  expect(declared).toMatchObject({ source: { exclude: ["tests", "values.yaml"] } });
});

test("reads how a chart is rendered", () => {
  const declared = one(
    application(`  source: { path: ./chart }
  helm:
    releaseName: my.shop
    valueFiles: [values-prod.yaml, ../values/prod.yaml, /values/all.yaml]
    values: { replicas: 3, image: { tag: "1.0" }, old: null, big: 9007199254740991, million: 1e6 }
    includeCRDs: false
    skipTests: true`),
  );
  const place = (path: string, column: number) => ({ path, at: { file, line: 8, column } });
  expect(declared).toMatchObject({
    helm: {
      releaseName: "my.shop",
      valueFiles: [
        place("apps/shop/chart/values-prod.yaml", 18),
        place("apps/shop/values/prod.yaml", 36),
        place("values/all.yaml", 57),
      ],
      values: { replicas: 3, image: { tag: "1.0" }, old: null, big: 9_007_199_254_740_991, million: 1_000_000 },
      includeCRDs: false,
      skipTests: true,
    },
  });
});

test("reads the path in another repository from its root", () => {
  const declared = one(application("  source: { repository: charts, path: ./web }"));
  expect(declared).toMatchObject({ source: { repository: "charts", path: "web" } });
});

test("reads a placement with overrides of every kind", () => {
  const declared = one(
    placement(`  selector: { matchLabels: { env: prod } }
  overrides:
    - selector: { matchExpressions: [{ key: region, operator: In, values: [eu, us] }] }
      patches:
        - strategic: { apiVersion: apps/v1, kind: Deployment, metadata: { name: web, labels: { a: b } }, spec: { replicas: 3 } }
        - target: { kind: Service, labelSelector: "app=web,tier in (a, b),!old" }
          merge: { spec: { type: LoadBalancer } }
        - target: { kind: ConfigMap }
          json:
            - { op: replace, path: /data/mode, value: null }
            - { op: move, from: /data/a, path: /data/b }`),
  );
  expect(declared).toMatchObject({
    applications: ["shop"],
    clusters: { selector: { matchLabels: { env: "prod" } } },
    overrides: [
      {
        clusters: { selector: { matchExpressions: [{ key: "region", operator: "In", values: ["eu", "us"] }] } },
        patches: [
          {
            kind: "strategic",
            target: { group: "apps", version: "v1", kind: "Deployment", name: "web" },
            patch: { metadata: { labels: { a: "b" } }, spec: { replicas: 3 } },
            at: { line: 10, column: 11 },
          },
          { kind: "merge", target: { kind: "Service" } },
          {
            kind: "json",
            operations: [
              { op: "replace", path: "/data/mode", value: null },
              { op: "move", from: "/data/a", path: "/data/b" },
            ],
          },
        ],
      },
    ],
  });
});

test("reads a cluster's labels and variables", () => {
  const text = "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: {name: prod-1, labels: {env: prod}}\n";
  expect(one(text)).toMatchObject({
    kind: "Cluster",
    name: "prod-1",
    labels: { env: "prod" },
    vars: {},
    cordoned: false,
  });
  expect(one(`${text}spec: { cordoned: true, vars: { domain: example.org, size: 3, spot: false } }\n`)).toMatchObject({
    vars: { domain: "example.org", size: 3, spot: false },
    cordoned: true,
  });
});

test.each<[string, string, string[]]>([
  [
    "an unknown kind",
    "apiVersion: drover.dev/v1alpha1\nkind: Aplication\nmetadata: {name: a}\n",
    [`${file}:2:1: unknown kind "Aplication" (did you mean "Application"?)`],
  ],
  [
    "an unknown version",
    "kind: Application\napiVersion: drover.dev/v9\n",
    [`${file}:2:1: unknown version drover.dev/v9 (this hub reads drover.dev/v1alpha1)`],
  ],
  [
    "a missing name",
    "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata:\n  labels: {env: prod}\n",
    [`${file}:3:1: metadata.name is missing`],
  ],
  [
    "a bad name",
    "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: {name: Prod_1}\n",
    [
      `${file}:3:12: metadata.name has to be up to 63 lower-case letters, digits and dashes, with a letter or digit at both ends`,
    ],
  ],
  [
    "several mistakes at once",
    application("  surce: {}\n  renderer: kustomise\n  sync: { prune: maybe, alowEmpty: true }\n  namespace: 7"),
    [
      `${file}:4:1: spec.source is missing`,
      `${file}:5:3: spec: unknown key "surce" (did you mean "source"?)`,
      `${file}:6:3: spec.renderer has to be one of auto, plain, kustomize, helm (did you mean "kustomize"?)`,
      `${file}:7:11: spec.sync.prune has to be true or false, not text`,
      `${file}:7:25: spec.sync: unknown key "alowEmpty" (did you mean "allowEmpty"?)`,
      `${file}:8:3: spec.namespace has to be text, not 7 (quote it)`,
    ],
  ],
  [
    "a path out of the repository",
    application("  source: { path: ../../../etc }"),
    [`${file}:5:13: spec.source.path leads out of the repository`],
  ],
  [
    "a label that YAML reads as a boolean",
    placement("  selector: { matchLabels: { canary: yes } }"),
    [`${file}:6:30: spec.selector.matchLabels.canary has to be text, not true (quote it)`],
  ],
  [
    "paths to ignore that are none",
    application(`  source: { path: a }
  sync:
    ignore:
      - { kind: Deployment, paths: [spec.replicas, /spec/paused] }
      - { kind: Job, paths: ["spec.args[2]"] }`),
    [
      `${file}:8:52: spec.sync.ignore[0].paths[1] is no field path: "/spec/paused" (write spec.replicas, metadata.annotations[note] or spec.containers[name=web].image)`,
      `${file}:9:30: spec.sync.ignore[1].paths[0] names a list item by its place (name the item by its keys, as in spec.containers[name=web], or the list as a whole)`,
    ],
  ],
  [
    "health rules that do not compile",
    application(`  source: { path: a }
  health:
    - { group: a, kind: A, current: object.status., degraded: "object.spec.on", message: "1" }
    - group: b
      kind: B
      failed: |
        object.status.phase == "Lost" ||
          object.status.phase = "Down"
      suspended: object.spec.text.matches("(a+)+$")`),
    [
      `${file}:7:28: spec.health[0].current does not compile: column 15: the expression ends too early (write CEL that is true or false of object, such as object.status.phase == 'Ready')`,
      `${file}:7:81: spec.health[0].message does not compile: it gives int, not string (write CEL that makes a text of object, such as 'phase ' + object.status.phase)`,
      `${file}:10:7: spec.health[1].failed does not compile: line 2, column 23 (=): this is not expected here (write CEL that is true or false of object, such as object.status.phase == 'Ready')`,
      `${file}:13:7: spec.health[1].suspended does not compile: column 1 (object.spec.text.matches("(a+)+$")): the method matches is not available in expressions (write CEL that is true or false of object, such as object.status.phase == 'Ready')`,
    ],
  ],
  ["E28: no selector", placement(""), [`${file}:4:1: spec.selector is missing (write selector: {} for every cluster)`]],
  [
    "E28: an empty selector",
    placement("  selector:"),
    [`${file}:6:3: spec.selector is empty (write {} for every cluster)`],
  ],
  [
    "E28: an unknown operator",
    placement("  selector: { matchExpressions: [{ key: a, operator: Is, values: [b] }] }"),
    [
      `${file}:6:44: spec.selector.matchExpressions[0].operator has to be one of In, NotIn, Exists, DoesNotExist (did you mean "In"?)`,
    ],
  ],
  [
    "an expression that does not compile",
    placement("  expression: cluster.labels['a'] = 'b'"),
    [
      `${file}:6:3: spec.expression does not compile: column 21 (=): this is not expected here (write CEL that is true or false of cluster, such as cluster.labels['tier'] == 'gold')`,
    ],
  ],
  [
    "a spread without a limit, and a limit that is none",
    placement("  selector: {}\n  spread: region"),
    [`${file}:4:1: spec.limit is missing (spread says over which label so many clusters are shared out)`],
  ],
  [
    "a fact that Git wants to set",
    "apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: { name: a, labels: { facts.drover.dev/nodes: '3' } }\n",
    [
      `${file}:3:32: metadata.labels.facts.drover.dev/nodes is a fact, which only the cluster's agent can say (use another prefix)`,
    ],
  ],
  [
    "a limit below zero",
    placement("  selector: {}\n  limit: -1"),
    [`${file}:7:3: spec.limit has to be a whole number from 0 to 100000`],
  ],
  [
    "an override that changes nothing, one with an unknown variable, and ones with bad parts",
    placement(`  selector: {}
  overrides:
    - selector: {}
    - selector: {}
      labels: { a: "\${cluster.lables.x}" }
    - selector: {}
      images: [{ name: nginx }, { name: nginx, newTag: a, digest: b }]
      replicas: [{ name: web, count: -1 }]
      vars: { "a b": 1, b: [], c: "\${cluster.name}" }`),
    [
      `${file}:8:7: spec.overrides[0] changes nothing: give it one of patches, images, replicas, labels, annotations, namespace, helm, vars`,
      `${file}:10:17: spec.overrides[1].labels.a is wrong: there is no variable \${cluster.lables.x} (did you mean "labels"?)`,
      `${file}:12:16: spec.overrides[2].images[0] changes nothing: give it one of newName, newTag, digest`,
      `${file}:12:59: spec.overrides[2].images[1].digest cannot be given with newTag`,
      `${file}:13:31: spec.overrides[2].replicas[0].count has to be a whole number from 0 to 1000000`,
      `${file}:14:15: spec.overrides[2].vars.a b is no name for a variable (use letters, digits, - _ . and /)`,
      `${file}:14:25: spec.overrides[2].vars.b has to be text, a number, true or false`,
      `${file}:14:32: spec.overrides[2].vars.c may not hold a variable itself`,
    ],
  ],
  [
    "patches without a target, of two kinds, and with a bad operation",
    placement(`  selector: {}
  overrides:
    - selector: {}
      patches:
        - merge: { spec: {} }
        - { merge: {}, json: [] }
        - target: { kind: A }
          json: [{ op: replace, path: spec }]`),
    [
      `${file}:10:11: spec.overrides[0].patches[0].merge says nowhere what to patch (add a target, or kind and name)`,
      `${file}:11:11: spec.overrides[0].patches[1] needs exactly one of strategic, merge, json`,
      `${file}:13:18: spec.overrides[0].patches[2].json[0].value is missing`,
      `${file}:13:33: spec.overrides[0].patches[2].json[0].path has to be a JSON pointer such as /spec/replicas`,
    ],
  ],
  [
    "mistakes in what is said about a chart",
    application(`  source: { path: a }
  renderer: plain
  helm:
    releaseName: Not-A-Name
    valueFiles: [1, ../../x.yaml, "https://example.org/values.yaml"]
    values: [a]
    includeCrds: true
    skipTests: yes please`),
    [
      `${file}:7:3: spec.helm means nothing to the renderer plain (set renderer: helm)`,
      `${file}:8:5: spec.helm.releaseName has to be up to 53 lower-case letters, digits, dashes and dots`,
      `${file}:9:18: spec.helm.valueFiles[0] has to be text`,
      `${file}:9:21: spec.helm.valueFiles[1] leads out of the repository`,
      `${file}:9:35: spec.helm.valueFiles[2] has to be a file of the repository (copy it into the repository)`,
      `${file}:10:5: spec.helm.values has to be a map, not a list`,
      `${file}:11:5: spec.helm: unknown key "includeCrds" (did you mean "includeCRDs"?)`,
      `${file}:12:5: spec.helm.skipTests has to be true or false, not text`,
    ],
  ],
])("names the place of %s", (_name, text, expected) => {
  expect(problemsOf(text)).toEqual(expected);
  expect(read(text).declarations).toEqual([]);
});

test("reads the good declarations beside bad ones and leaves other kinds alone", () => {
  const { declarations, problems } = read(
    [
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nnonsense: true\n",
      application("  source: { path: a }"),
      "apiVersion: drover.dev/v1alpha1\nkind: Nothing\n",
      "a: {b: 1, b: 2}\n",
    ].join("---\n"),
  );
  expect(declarations.map(({ name }) => name)).toEqual(["shop"]);
  expect(problems.map(({ code }) => code)).toEqual(["duplicate-key", "unknown-kind"]);
});

test("sees from the bytes whether a file can declare anything", () => {
  expect(mayDeclare(encode("# dd\napiVersion: drover.dev/v1alpha1\n"))).toBe(true);
  expect(mayDeclare(encode("apiVersion: apps/v1\nkind: Deployment # drover.de\n"))).toBe(false);
  expect(mayDeclare(new Uint8Array())).toBe(false);
});
