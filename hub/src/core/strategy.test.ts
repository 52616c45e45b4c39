import { formatProblem } from "@drover/shared/problems";
import fc from "fast-check";
import { expect, test } from "vitest";

import { readDeclarations } from "./declarations.ts";
import { clusterOf } from "./override.fixture.ts";
import { countOf, type Share } from "./share.ts";
import { wavesOf, type RolloutStrategy } from "./strategy.ts";

const read = (spec: string) =>
  readDeclarations(
    "config",
    "a.yaml",
    new TextEncoder().encode(
      `apiVersion: drover.dev/v1alpha1\nkind: RolloutStrategy\nmetadata: { name: s }\nspec: ${spec}\n`,
    ),
  );
const strategy = (spec: string): RolloutStrategy => {
  const [found] = read(spec).declarations;
  if (found?.kind !== "RolloutStrategy") throw new Error("it is not read");
  return found;
};

test("reads who has to approve a wave, and how many", () => {
  const approvals = strategy(
    "{ waves: [{ name: a, clusters: [x], approval: true }, { name: b, clusters: [w], approval: { count: 2, separate: true } }, { name: c, clusters: [z], approval: {} }, { name: d, clusters: [u] }] }",
  ).waves.map(({ approval }) => `${approval.count} ${approval.separate}`);
  expect(approvals).toEqual(["1 false", "2 true", "1 false", "0 false"]);
  for (const wrong of ["{ count: 0 }", "{ count: 11 }", "{ counts: 2 }", "2", "{ separate: 1 }"])
    expect(read(`{ waves: [{ name: a, clusters: [x], approval: ${wrong} }] }`).problems).toHaveLength(1);
});

test("releases everything at once, and stops at the first failure, when nothing is said", () => {
  expect(strategy("{}")).toMatchObject({
    waves: [],
    maxConcurrent: { value: 100, unit: "percent" },
    maxFailures: { value: 0, unit: "clusters" },
    onFailure: "freeze",
    deadlineMs: 900_000,
    windows: [],
    supersede: "newest",
  });
});

test.each<[string, number, number]>([
  ["10%", 7, 1],
  ["1%", 50, 1],
  ["25%", 10, 2],
  ["0%", 50, 0],
  ["0", 50, 0],
  ["100%", 50, 50],
  ["50%", 0, 0],
  ["5", 3, 3],
  ["2", 3, 2],
])("E27: %s of %d clusters are %d", (text, total, count) => {
  const { maxConcurrent } = strategy(`{ maxConcurrent: ${text} }`);
  expect(countOf(maxConcurrent, total)).toBe(count);
});

test.each(["-1", "150%", "-5%", "1.5", '"3"', "many", "null", "10.5%", "[]"])(
  "E27: a share of %s is refused",
  (text) => {
    const { declarations, problems } = read(`{ maxConcurrent: ${text} }`);
    expect(declarations).toEqual([]);
    expect(problems.map(formatProblem).join("\n")).toMatch(
      /^a\.yaml:4:9: spec\.maxConcurrent has to be a (?:number of clusters or a percentage up to 100%|whole number from 0 to 100000)$/u,
    );
  },
);

test("E27: a share is never negative, never more than there are, and none only for 0", () => {
  const shares: fc.Arbitrary<Share> = fc.oneof(
    fc.record({ value: fc.nat(100_000), unit: fc.constant("clusters" as const) }),
    fc.record({ value: fc.nat(100), unit: fc.constant("percent" as const) }),
  );
  fc.assert(
    fc.property(shares, fc.nat(20_000), (share, total) => {
      const count = countOf(share, total);
      expect(Number.isInteger(count) && count >= 0 && count <= total).toBe(true);
      expect(count === 0).toBe(share.value === 0 || total === 0);
    }),
  );
});

test("E26: clusters that no wave names come in a wave of their own, after all others", () => {
  const { waves } = strategy(`{ waves: [
    { name: canary, clusters: [a] },
    { name: gold, selector: { matchLabels: { tier: gold } } },
    { name: none, clusters: [x] },
  ] }`);
  const clusters = ["d", "c", "b", "a"].map((name) =>
    clusterOf(name, { labels: { tier: name < "c" ? "gold" : "iron" } }),
  );
  expect(wavesOf({ waves }, clusters).map(({ wave, clusters: names }) => [wave.name, names])).toEqual([
    ["canary", ["a"]],
    ["gold", ["b"]],
    ["none", []],
    ["rest", ["c", "d"]],
  ]);
});

test("E26: each cluster is in one wave, whatever the waves", () => {
  const names = ["a", "b", "c", "d", "e"];
  const clusters = names.map((name) => clusterOf(name));
  fc.assert(
    fc.property(fc.array(fc.subarray(names, { minLength: 1 }), { maxLength: 4 }), (waves) => {
      const written = waves.map((wave, index) => `{ name: w${index}, clusters: [${wave.join(", ")}] }`);
      const found = wavesOf(strategy(`{ waves: [${written.join(", ")}] }`), clusters);
      expect(found.flatMap((wave) => wave.clusters).toSorted()).toEqual(names);
    }),
  );
});

test.each([
  ["{ waves: [{ clusters: [a] }] }", "spec.waves[0].name is missing"],
  ["{ waves: [{ name: a }] }", "spec.waves[0].selector is missing"],
  ["{ waves: [{ name: a, clusters: [a] }, { name: a, clusters: [b] }] }", "a is taken by an earlier wave"],
  ["{ waves: [{ name: rest, clusters: [a] }] }", "rest is the wave of what no wave names"],
  ["{ windows: [{ from: '9:00' }] }", "has to be a time"],
  ["{ windows: [{ from: '24:01' }] }", "has to be a time"],
  ["{ windows: [{ from: '09:00', to: '09:00' }] }", "has no length"],
  ["{ windows: [{ timeZone: Mars/Olympus }] }", "is no time zone"],
  ["{ windows: [{ days: [monday] }] }", "has to be one of mon, tue"],
  ["{ onFailure: panic }", "has to be one of freeze, rollback"],
  ["{ deadline: 0s }", "has to be from"],
])("refuses %s", (spec, expected) => {
  const { declarations, problems } = read(spec);
  expect(declarations).toEqual([]);
  expect(problems.map(formatProblem).join("\n")).toContain(expected);
});
