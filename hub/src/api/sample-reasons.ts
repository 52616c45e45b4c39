import type { BlameResult, WhyResult } from "@drover/shared/api/explanations";

const place = (line: number, file = "apps/shop/drover.yaml") => ({
  repository: "platform",
  at: { file, line, column: 3 },
});

const given = { kind: "cluster", ...place(3, "clusters.yaml") } as const;
const asked = { text: "env=prod", holds: true, has: "env=prod", ...given };
const everywhere = { name: "everywhere", ...place(9), selected: true, reason: "placement everywhere matches env=prod" };
const reason = { app: "shop", cluster: "prod-eu-3", selected: true, problems: [] };

/** For tests: why targets of the sample fleet are where they are, and why one is not. */
export const sampleReasons: readonly WhyResult[] = [
  {
    ...reason,
    placements: [{ ...everywhere, requirements: [asked], instead: [] }],
    overrides: [
      {
        placement: "everywhere",
        ...place(21),
        holds: true,
        reason: "matches every cluster",
        sets: [
          { part: "patches[0]", objects: 1, fields: 2 },
          { part: "vars", objects: 0, fields: 1 },
        ],
      },
      { placement: "everywhere", ...place(30), holds: false, reason: "needs region=us, has region=eu", sets: [] },
    ],
    target: {
      state: "failed",
      reason: "ImagePullBackOff",
      message: "",
      revision: "4be1f02".repeat(6).slice(0, 40),
      bundle: "sha256:8a31",
    },
  },
  {
    ...reason,
    cluster: "dev-1",
    selected: false,
    placements: [
      {
        ...everywhere,
        selected: false,
        reason: "placement everywhere needs env=prod, has env=prdo",
        requirements: [{ ...asked, holds: false, has: "env=prdo", hint: "did you mean env=prod?" }],
        instead: [],
      },
      {
        name: "canary",
        ...place(40),
        selected: false,
        reason: "placement canary takes 1 of the 2 clusters that match, and this is none of them",
        requirements: [],
        instead: ["prod-eu-1"],
      },
    ],
    overrides: [],
  },
];

/** For tests: what set the fields of an object of the sample fleet. */
export const sampleBlames: readonly BlameResult[] = [
  {
    app: "shop",
    cluster: "prod-eu-3",
    object: "ConfigMap shop/shop",
    value: { apiVersion: "v1", kind: "ConfigMap", data: { text: "a\nb\n", url: "https://shop/" } },
    fields: [
      {
        path: "apiVersion",
        pointer: "/apiVersion",
        origin: { kind: "manifest", ...place(1, "shop.yaml") },
        variables: [],
      },
      { path: "kind", pointer: "/kind", origin: { kind: "drover", repository: "" }, variables: [] },
      {
        path: "data[text]",
        pointer: "/data/text",
        origin: { kind: "manifest", ...place(4, "shop.yaml") },
        variables: [],
      },
      {
        path: "data[url]",
        pointer: "/data/url",
        origin: { kind: "override", ...place(24), placement: "everywhere", part: "patches[0]" },
        variables: [{ name: "cluster.vars.domain", kind: "hub", repository: "" }],
      },
    ],
    problems: [],
  },
];
