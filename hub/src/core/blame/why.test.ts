import { DroverError } from "@drover/shared/errors";
import { apiListOf } from "@drover/shared/kube/api-list";
import { expect, test } from "vitest";

import type { Looks } from "../render/looks.ts";
import { targetOf, type BlameCase } from "./blame.fixture.ts";
import { why } from "./why.ts";

const cluster = (name: string, labels: string, more = ""): string => `apiVersion: drover.dev/v1alpha1
kind: Cluster
metadata: { name: ${name}, labels: { ${labels} } }
${more}---
`;
const clusters = `${cluster("prod-1", "env: prod, tier: gold")}${cluster("prod-2", "env: prod")}${cluster("dev-1", "env: dev, teir: gold")}`;
const placement = (name: string, spec: string): string => `---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: ${name} }
spec: { applications: [shop], ${spec} }
`;
const shop = (...placements: readonly string[]): BlameCase["files"] => ({
  "clusters.yaml": clusters,
  "drover.yaml": `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: shop }
spec: { source: { path: app } }
${placements.join("")}`,
  "app/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: map }\ndata: { a: b }\n",
});

/** `+`/`-`, the requirement, what the cluster has, who says so, and what was meant. */
async function told(given: BlameCase): Promise<readonly string[]> {
  const { placements } = await why(targetOf(given));
  return placements.flatMap(({ name, selected, requirements, instead }) => [
    `${selected ? "+" : "-"} ${name}${instead.length === 0 ? "" : ` took ${instead.join()}`}`,
    ...requirements.map(({ text, holds, has, kind, at, hint }) =>
      [`  ${holds ? "+" : "-"} ${text}`, has, kind, at === undefined ? "" : `${at.file}:${at.line}`, hint ?? ""]
        .filter((part) => part !== "")
        .join(" | "),
    ),
  ]);
}

test.each<[what: string, spec: string, given: Omit<BlameCase, "files">, lines: readonly string[]]>([
  [
    "the labels that match, with who gave them",
    "selector: { matchLabels: { env: prod, tier: gold } }",
    {},
    [
      "+ p",
      "  + env=prod | env=prod | cluster | clusters.yaml:3",
      "  + tier=gold | tier=gold | cluster | clusters.yaml:3",
    ],
  ],
  [
    "a label that a person gave",
    "selector: { matchLabels: { zone: a } }",
    { given: { "prod-1": { labels: { zone: "a" } } } },
    ["+ p", "  + zone=a | zone=a | hub"],
  ],
  [
    "a fact",
    "selector: { matchExpressions: [{ key: facts.drover.dev/nodes, operator: Exists }] }",
    { given: { "prod-1": { labels: { "facts.drover.dev/nodes": "3" } } } },
    ["+ p", "  + facts.drover.dev/nodes | facts.drover.dev/nodes=3 | fact"],
  ],
  [
    "another value that comes near",
    "selector: { matchLabels: { env: prd } }",
    {},
    ["- p", "  - env=prd | env=prod | cluster | clusters.yaml:3 | did you mean env=prd?"],
  ],
  [
    "another label that comes near",
    "selector: { matchLabels: { tier: gold } }",
    { cluster: "dev-1" },
    ["- p", "  - tier=gold | none | did you mean teir=gold?"],
  ],
  [
    "a name that is not there",
    "clusters: [prod-3, dev-1]",
    {},
    ["- p", "  - name in (prod-3,dev-1) | prod-1 | none | did you mean prod-3?"],
  ],
  [
    "an exclusion",
    "selector: { matchLabels: { env: prod } }, exclude: [prod-1]",
    {},
    ["- p", "  - not prod-1 | prod-1 | none", "  + env=prod | env=prod | cluster | clusters.yaml:3"],
  ],
  [
    "an expression",
    "expression: \"cluster.name == 'x'\"",
    {},
    ["- p", "  - cluster.name == 'x' | needs cluster.name == 'x' | none"],
  ],
  [
    "a limit, with what was taken instead",
    "selector: { matchLabels: { env: prod } }, limit: 1",
    { running: ["prod-2"] },
    ["- p took prod-2", "  + env=prod | env=prod | cluster | clusters.yaml:3"],
  ],
  [
    "a cordon",
    "selector: {}",
    { given: { "prod-1": { cordoned: "it is cordoned at clusters.yaml:4" } } },
    ["- p", "  - not cordoned, or running it already | it is cordoned at clusters.yaml:4 | none"],
  ],
])("why and why-not say %s", async (_what, spec, given, lines) => {
  expect(await told({ files: shop(placement("p", spec)), ...given })).toEqual(lines);
});

test("an application that no placement names has nothing to say", async () => {
  expect(await why(targetOf({ files: shop() }))).toMatchObject({ selected: false, placements: [], overrides: [] });
});

test("overrides come in the order in which they hold, with what each part sets, and those that do not hold", async () => {
  const overrides = `selector: {}, overrides: [
    { selector: {}, labels: { a: b }, vars: { x: y }, patches: [
      { target: { kind: ConfigMap }, merge: { data: { a: null, c: "1", d: "1" } } },
      { target: { kind: Gadget }, merge: { data: {} } } ] },
    { selector: { matchLabels: { env: dev } }, labels: { c: d } }]`;
  const result = await why(
    targetOf({
      files: shop(
        placement("b", overrides),
        placement("a", "selector: {}, overrides: [{ selector: {}, labels: { a: z } }]"),
      ),
    }),
  );
  expect(
    result.overrides.map(({ placement: name, holds, sets }) => [
      name,
      holds,
      ...sets.map((one) => Object.values(one).join(" ")),
    ]),
  ).toEqual([
    ["a", true, "labels 1 1"],
    ["b", true, "patches[0] 1 3", "patches[1] 0 0", "labels 1 1", "vars 0 1"],
    ["b", false],
  ]);
  expect(result.problems.map(({ code }) => code)).toEqual(["patch-no-match"]);
});

test("what cannot be rendered now is placed all the same", async () => {
  const target = targetOf({
    files: shop(placement("p", "selector: {}, overrides: [{ selector: {}, labels: { a: b } }]")),
  });
  const render = () => Promise.reject(new DroverError("program_missing", "kustomize is not there"));
  expect(await why({ ...target, render })).toMatchObject({
    selected: true,
    overrides: [{ holds: true, sets: [] }],
    problems: [{ code: "program_missing" }],
  });
});

test("a chart that looks at what no agent has told of its cluster says so, and is not rendered by guessing", async () => {
  const target = targetOf({ files: shop(placement("p", "selector: {}")) });
  const render = () => Promise.reject(new Error("it is not rendered"));
  const looks = (seen: Partial<Looks>) => () => Promise.resolve({ version: false, apis: false, ...seen });
  const waiting =
    "the chart looks at the version of Kubernetes and the APIs of its cluster, which no agent has told yet";
  const both = { version: true, apis: true };
  expect(await why({ ...target, render, looks: looks(both) })).toMatchObject({ selected: true, waiting, problems: [] });
  const told = { kubeVersion: "v1.31.2", apis: apiListOf(["v1"]) };
  const cluster = { ...target.cluster, capabilities: told };
  expect((await why({ ...target, cluster, looks: looks(both) })).waiting).toBeUndefined();
  expect((await why({ ...target, looks: looks({}) })).waiting).toBeUndefined();
});
