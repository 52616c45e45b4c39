import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { everyCluster, type PlaceableCluster } from "./cluster-selector.ts";
import { clusterOf, placementOf } from "./override.fixture.ts";
import { explainNoTargets, place, type Placement } from "./placement.ts";
import { formatSelector, matchAll, matches, parseSelector, type Selector } from "./selector.ts";

const placement = (selector: Partial<Selector>): Placement =>
  placementOf({ clusters: { ...everyCluster, selector: { ...matchAll, ...selector } } });
const cluster = (name: string, labels: Record<string, string>): PlaceableCluster => clusterOf(name, { labels });
const nowhere: ReadonlySet<string> = new Set();

test.each<[string, Record<string, string>, boolean, string]>([
  ["", {}, true, "matches every cluster"],
  ["env=prod", { env: "prod" }, true, "matches env=prod"],
  ["env=prod", { env: "dev" }, false, "needs env=prod, has env=dev"],
  ["env=prod", {}, false, "needs env=prod, has no label env"],
  ["env in (dev,prod)", { env: "prod" }, true, "matches env in (dev,prod)"],
  ["env!=prod", {}, true, "matches env!=prod"],
  ["env notin (dev,prod)", { env: "dev" }, false, "needs env notin (dev,prod), has env=dev"],
  ["gpu", { gpu: "" }, true, "matches gpu"],
  ["gpu", {}, false, "needs gpu, has no label gpu"],
  ["!gpu", { gpu: "a100" }, false, "needs !gpu, has gpu=a100"],
  ["constructor", {}, false, "needs constructor, has no label constructor"],
  ["env=prod,!gpu,region in (eu,us)", { env: "prod", region: "eu" }, true, "matches env=prod,!gpu,region in (eu,us)"],
])("selector %j on %j: %s", (text, labels, matched, reason) => {
  const selector = parseSelector(text);
  expect(selector && matches(selector, labels)).toEqual({ matched, reason });
});

test.each(["a b", "a=b=c", "a in b", "a in (b", "=b", "a,,b", "!", "(a)"])("refuses the selector %j", (text) => {
  expect(parseSelector(text)).toBeUndefined();
});

test("a parsed selector is written again as it was", () => {
  const text = "a=b,c!=d,e in (f,g),h notin (i,j),k,!l";
  const selector = parseSelector(text);
  expect(selector && formatSelector(selector)).toBe(text);
});

test("decisions do not depend on the order of clusters", () => {
  const label = fc.constantFrom("a", "b", "c");
  const clusters = fc.uniqueArray(
    fc.record({
      name: fc.string(),
      labels: fc.dictionary(label, label),
      vars: fc.constant({}),
      cordoned: fc.constant(""),
    }),
    {
      selector: ({ name }) => name,
      maxLength: 10,
    },
  );
  const shuffled = clusters.chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
  );
  fc.assert(
    fc.property(fc.dictionary(label, label), shuffled, (matchLabels, [clusters, others]) => {
      const decide = (list: readonly PlaceableCluster[]) =>
        new Map(place(placement({ matchLabels }), list, nowhere).map((decision) => [decision.cluster, decision]));
      expect(decide(others)).toEqual(decide(clusters));
    }),
  );
});

describe("explains why nothing matches", () => {
  const clusters = [
    cluster("a", { tier: "platinum", env: "prod" }),
    cluster("b", { tier: "platinum", env: "dev" }),
    cluster("c", { tier: "gold", env: "dev" }),
  ];
  test.each<[string, Partial<Selector>, string]>([
    [
      "a value with a slip",
      { matchLabels: { tier: "platnum" } },
      "tier=platnum matches 0 clusters (tier=platinum: 2?)",
    ],
    ["a key with a slip", { matchLabels: { teir: "gold" } }, "teir=gold matches 0 clusters (tier: 3?)"],
    ["an unknown key", { matchLabels: { zone: "x" } }, "zone=x matches 0 clusters (no cluster has a label zone)"],
    ["another value", { matchLabels: { env: "staging" } }, "env=staging matches 0 clusters (env is dev, prod)"],
    [
      "requirements that never meet",
      { matchLabels: { tier: "gold", env: "prod" } },
      "tier=gold,env=prod matches 0 clusters (no cluster meets all of it)",
    ],
    [
      "an exclusion of all",
      { matchExpressions: [{ key: "env", operator: "NotIn", values: ["dev", "prod"] }] },
      "env notin (dev,prod) matches 0 clusters (every cluster has env)",
    ],
  ])("%s", (_name, selector, expected) => {
    expect(explainNoTargets([placement(selector)], clusters)).toBe(expected);
  });

  test("and says so when there is nothing to match", () => {
    expect(explainNoTargets([], clusters)).toBe("no placement names it");
    expect(explainNoTargets([placement({})], [])).toBe("no cluster has joined");
  });
});
