import { decodeYaml } from "@drover/shared/decode";
import { formatProblem } from "@drover/shared/problems";
import { describe, expect, it, test } from "vitest";

import { readDeclarations } from "../declarations.ts";
import { collectObjects } from "../render/objects.ts";
import { lint } from "./index.ts";

const utf8 = new TextEncoder();

/** What lint says of a repository with one file of declarations, and one of objects for each application that is given. */
function lintOf(declared: string, objects: Readonly<Record<string, string>> = {}): readonly string[] {
  const { declarations, problems } = readDeclarations("config", "drover.yaml", utf8.encode(declared));
  expect(problems).toEqual([]);
  const rendered = new Map(
    Object.entries(objects).map(([name, text]) => {
      const { documents } = decodeYaml(`${name}.yaml`, utf8.encode(text));
      return [name, collectObjects(documents, "default").manifests];
    }),
  );
  const renderOf = (name: string) => ({ manifests: rendered.get(name) ?? [], problems: [] });
  return lint({ declarations, rendered, renderOf }).map(
    (problem) => `${problem.severity} ${problem.code} ${formatProblem(problem)}`,
  );
}

const application = (name: string): string =>
  `apiVersion: drover.dev/v1alpha1\nkind: Application\nmetadata: { name: ${name} }\nspec: { source: { path: ${name} } }\n---\n`;
const placement = (spec: string): string =>
  `apiVersion: drover.dev/v1alpha1\nkind: Placement\nmetadata: { name: p }\nspec: { ${spec} }\n---\n`;
const cluster = (name: string, tier: string): string =>
  `apiVersion: drover.dev/v1alpha1\nkind: Cluster\nmetadata: { name: ${name}, labels: { tier: ${tier} } }\n---\n`;
const shop = application("shop") + placement("applications: [shop], selector: {}");

test("finds nothing in what is well", () => {
  const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: "nginx:1.30", ports: [{ name: http, containerPort: 80 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }, { port: 81, targetPort: http }] }
`;
  expect(lintOf(shop + cluster("a", "gold"), { shop: deployment })).toEqual([]);
});

describe("dependencies", () => {
  const depending = (name: string, on: string): string =>
    application(name).replace("} }\n---", `}, dependsOn: [${on}] }\n---`);

  test.each<[string, string, readonly string[]]>([
    [
      "that lead back",
      depending("a", "b") + depending("b", "a") + placement("applications: [a, b], selector: {}"),
      [
        "error dependency-cycle drover.yaml:1:1: a depends on itself: a → b → a",
        "error dependency-cycle drover.yaml:6:1: b depends on itself: b → a → b",
      ],
    ],
    [
      "on what is not declared",
      depending("shop", "dbs") + application("db") + placement("applications: [shop, db], selector: {}"),
      [
        'warning unknown-application drover.yaml:1:1: shop depends on dbs, which is not declared here (did you mean "db"?)',
      ],
    ],
    [
      "on what is not placed on the same clusters",
      depending("shop", "db") +
        application("db") +
        placement("applications: [shop], selector: {}") +
        placement("applications: [db], selector: { matchLabels: { tier: gold } }") +
        cluster("a", "gold") +
        cluster("b", "iron"),
      [
        "warning dependency-not-placed drover.yaml:1:1: shop depends on db, which is not placed on b: it would wait there",
      ],
    ],
  ])("%s are told", (_what, text, expected) => {
    expect(lintOf(text)).toEqual(expected);
  });
});

test("a strategy that is not there, and a wave without a cluster are told", () => {
  const strategy =
    "apiVersion: drover.dev/v1alpha1\nkind: RolloutStrategy\nmetadata: { name: careful }\nspec: { supersede: finish, waves: [{ name: eu, clusters: [x] }] }\n---\n";
  const placed = (name: string): string => placement(`applications: [shop], selector: {}, strategy: ${name}`);
  expect(lintOf(application("shop") + placed("careful") + cluster("a", "gold") + strategy)).toEqual([
    "warning no-cluster drover.yaml:15:1: the wave eu has no cluster of placement p",
  ]);
  expect(lintOf(application("shop") + placed("carefull") + strategy.replace("supersede: finish, ", ""))).toEqual([
    'warning unknown-strategy drover.yaml:6:1: placement p names the strategy carefull, which is not declared (did you mean "careful"?)',
  ]);
});

describe("names", () => {
  test.each<[string, string, readonly string[]]>([
    [
      "an application that is not declared",
      application("shop") + placement("applications: [shop, shpo], selector: {}"),
      [
        'warning unknown-application drover.yaml:6:1: placement p names the application shpo, which is not declared here (did you mean "shop"?)',
      ],
    ],
    [
      "an application that runs nowhere",
      application("shop"),
      ["warning not-placed drover.yaml:1:1: no placement names the application shop, so it runs nowhere"],
    ],
    [
      "an application that is declared twice",
      shop + application("shop"),
      [
        "error duplicate-application drover.yaml:11:1: application shop is declared a second time, first at drover.yaml:1",
      ],
    ],
    [
      "a selector that matches nothing",
      application("shop") +
        placement("applications: [shop], selector: { matchLabels: { tier: glod } }") +
        cluster("a", "gold"),
      ["warning no-cluster drover.yaml:6:1: placement p: tier=glod matches 0 clusters (tier=gold: 1?)"],
    ],
    [
      "an override that holds nowhere",
      application("shop") +
        placement("applications: [shop], selector: {}, overrides: [{ clusters: [b], labels: { a: b } }]") +
        cluster("a", "gold"),
      [
        "warning no-cluster drover.yaml:9:57: this override holds for none of its placement's clusters: no cluster is named b (did you mean a?)",
      ],
    ],
    [
      "a placement of all clusters but one",
      application("shop") +
        placement("applications: [shop], selector: {}, exclude: [c9]") +
        Array.from({ length: 10 }, (_, index) => cluster(`c${index}`, "gold")).join(""),
      ["warning nearly-all drover.yaml:6:1: placement p takes all clusters but c9"],
    ],
  ])("%s", (_name, declared, expected) => {
    expect(lintOf(declared)).toEqual(expected);
  });
});

describe("objects", () => {
  const pod = (image: string): string =>
    `apiVersion: v1\nkind: Pod\nmetadata: { name: a, labels: { app: a } }\nspec: { containers: [{ name: a, image: "${image}", ports: [{ containerPort: 80 }] }] }\n`;
  test.each<[string, string, readonly string[]]>([
    ["an image without a tag", pod("nginx"), ["image-unpinned"]],
    ["an image of a port and no tag", pod("127.0.0.1:5000/nginx"), ["image-unpinned"]],
    ["latest", pod("nginx:latest"), ["image-unpinned"]],
    ["a tag", pod("127.0.0.1:5000/nginx:1.30"), []],
    ["a digest", pod("nginx@sha256:1"), []],
    [
      "a secret in clear",
      "apiVersion: v1\nkind: Secret\nmetadata: { name: a }\nstringData: { a: hidden }\n",
      ["secret-in-clear"],
    ],
    ["an empty secret", "apiVersion: v1\nkind: Secret\nmetadata: { name: a }\n", []],
    [
      "a port that nobody listens on",
      `${pod("nginx:1")}---\napiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { selector: { app: a }, ports: [{ port: 80, targetPort: 8080 }] }\n`,
      ["port-unknown"],
    ],
  ])("%s", (_name, text, expected) => {
    const found = lintOf(shop, { shop: text });
    expect(found.map((line) => line.split(" ")[1])).toEqual(expected);
    expect(found.join()).not.toContain("hidden");
  });

  it("of two applications on one cluster are told, on different clusters not", () => {
    const both = application("a") + application("b");
    const map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\n";
    const clusters = cluster("c1", "gold") + cluster("c2", "gold");
    const together = both + placement("applications: [a, b], selector: {}") + clusters;
    expect(lintOf(together, { a: map, b: map })).toEqual([
      "error object-twice b.yaml:1:1: b and a both have ConfigMap default/one on c1",
    ]);
    const apart =
      both + placement("applications: [a], clusters: [c1]") + placement("applications: [b], clusters: [c2]");
    expect(lintOf(apart + clusters, { a: map, b: map })).toEqual([]);
  });
});

test("overrides and variables are tried on the clusters that are declared", () => {
  const declared =
    application("shop") +
    placement(
      'applications: [shop], selector: {}, overrides: [{ selector: {}, labels: { t: "${cluster.vars.t}" }, images: [{ name: x, newTag: v2 }] }]',
    ) +
    cluster("a", "gold");
  expect(lintOf(declared, { shop: "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\n" })).toEqual([
    "warning image-no-match drover.yaml:9:118: shop on a: no container has the image x",
    "error variable-missing shop.yaml:1:1: shop on a: the cluster has no value for ${cluster.vars.t} (give it one, or write a default: ${cluster.vars.t:-…})",
  ]);
});
