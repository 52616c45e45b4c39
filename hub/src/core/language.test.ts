import { readFileSync } from "node:fs";

import { formatProblem } from "@drover/shared/problems";
import { expect, test } from "vitest";

import { readDeclarations } from "./declarations.ts";
import { desire } from "./desired.ts";
import { clusterOf } from "./override.fixture.ts";

const page = readFileSync(new URL("../../LANGUAGE.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/```yaml\n(?<text>.*?)```/gsu)].map((match) => match.groups?.["text"] ?? "");
const read = blocks.map((text) => readDeclarations("config", "drover.yaml", new TextEncoder().encode(text)));

test("what the page of the language shows is read without a problem", () => {
  expect(blocks).toHaveLength(7);
  expect(read.flatMap(({ problems }) => problems).map(formatProblem)).toEqual([]);
  expect(read.flatMap(({ declarations }) => declarations.map(({ kind }) => kind))).toEqual([
    "Application",
    "Application",
    "Application",
    "Application",
    "Placement",
    "Cluster",
    "Repository",
    "RolloutStrategy",
  ]);
});

test("its placement does on a cluster what the page says", () => {
  const placements = read.flatMap(({ declarations }) => declarations.filter((one) => one.kind === "Placement"));
  const shop = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "shop" }, spec: { replicas: 1 } };
  const labels = { tier: "gold", region: "eu", env: "prod" };
  const clusters = ["prod-1", "prod-2", "prod-9"].map((name) => clusterOf(name, { labels, vars: { domain: "x.org" } }));
  const { variants, unselected } = desire([{ object: shop }], placements, clusters);
  expect(variants.map(({ clusters: on, namespace }) => [on, namespace])).toEqual([
    [["prod-1"], "shop-prod"],
    [["prod-2"], "shop-prod"],
  ]);
  expect(Object.fromEntries(unselected)).toEqual({ "prod-9": "placement shop excludes it by name" });
});
