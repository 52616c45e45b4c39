import { encodeObject } from "@drover/shared/bundle";
import { decodeYaml } from "@drover/shared/decode";
import { canonicalize } from "@drover/shared/kube/canonical";
import type { KubeObject } from "@drover/shared/kube/manifest";
import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";

import { override } from "./apply-overrides.ts";
import type { PlaceableCluster } from "./cluster-selector.ts";
import { desire } from "./desired.ts";
import { clusterOf, overrideOf, placementOf } from "./override.fixture.ts";
import type { Override } from "./override.ts";
import { place } from "./placement.ts";
import { fillVariables, markVariables } from "./variables.ts";

const word = fc.constantFrom("a", "b", "c");
/** Without integers that no reader could keep, which are refused. */
const json = fc.jsonValue({ maxDepth: 3 }).filter((value) => !/\d{16}/u.test(JSON.stringify(value)));
const names = Array.from({ length: 9 }, (_, index) => `c${index}`);
const configMap = (data: unknown): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "shop" },
  data,
});

/** Overrides of every kind that can follow on each other without an error. */
const anyOverride: fc.Arbitrary<Override> = fc.oneof(
  fc.dictionary(word, json, { noNullPrototype: true }).map((data) =>
    overrideOf({
      patches: [{ kind: "merge", target: {}, patch: { data }, at: { file: "a.yaml", line: 1, column: 1 } }],
    }),
  ),
  fc
    .dictionary(word, fc.option(fc.string(), { nil: null }), { noNullPrototype: true })
    .map((labels) => overrideOf({ labels })),
  fc
    .dictionary(word, fc.option(fc.string(), { nil: null }), { noNullPrototype: true })
    .map((annotations) => overrideOf({ annotations })),
);

test("overrides are associative: how they are grouped changes nothing", () => {
  fc.assert(
    fc.property(fc.array(anyOverride, { maxLength: 6 }), fc.nat(6), (overrides, at) => {
      const given = [{ object: configMap({}) }];
      const first = override(given, overrides.slice(0, at)).manifests;
      expect(override(first, overrides.slice(at)).manifests).toEqual(override(given, overrides).manifests);
    }),
  );
});

test("placement stays the same under any order of placements and clusters", () => {
  const placements = ["p0", "p1", "p2"].map((name, index) =>
    placementOf({ name, choice: index === 0 ? undefined : { limit: index * 2, spread: index === 1 ? "" : "region" } }),
  );
  const clusters = names.map((name, index) => clusterOf(name, { labels: { region: ["eu", "us"][index % 2] ?? "" } }));
  const given = [{ object: configMap({}) }];
  const decided = (some: typeof placements, on: readonly PlaceableCluster[]) => {
    const { variants, unselected } = desire(given, some, on);
    return [variants.flatMap((variant) => variant.clusters).toSorted(), Object.fromEntries(unselected)];
  };
  const all = <T>(list: readonly T[]) => fc.shuffledSubarray([...list], { minLength: list.length });
  fc.assert(
    fc.property(fc.nat(2), all(placements), all(clusters), (alone, shuffled, on) => {
      expect(decided(shuffled, on)).toEqual(decided(placements, clusters));
      const one = placements.slice(alone, alone + 1);
      expect(decided(one, on)).toEqual(decided(one, clusters));
    }),
  );
});

test("a limited choice moves one target when one of its clusters goes, and none when another one does", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.constantFrom(...names), (limit, gone) => {
      const placement = placementOf({ choice: { limit, spread: "" } });
      const clusters = names.map((name) => clusterOf(name));
      const chosen = (on: readonly PlaceableCluster[], running: ReadonlySet<string>) =>
        new Set(place(placement, on, running).flatMap(({ cluster, matched }) => (matched ? [cluster] : [])));
      const before = chosen(clusters, new Set());
      const after = chosen(
        clusters.filter(({ name }) => name !== gone),
        before,
      );
      expect(before.size).toBe(limit);
      expect([...after].filter((name) => !before.has(name))).toHaveLength(before.has(gone) ? 1 : 0);
    }),
  );
});

test("what is rendered is rendered to the same bytes when it is written as YAML and read again", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), json, { noNullPrototype: true }), (data) => {
      const first = encodeObject(canonicalize(configMap(data)));
      const yaml = stringify(JSON.parse(new TextDecoder().decode(first.bytes)), { version: "1.1", lineWidth: 0 });
      const { documents, problems } = decodeYaml("a.yaml", new TextEncoder().encode(yaml));
      expect(problems).toEqual([]);
      expect(encodeObject(canonicalize(documents[0]?.value as KubeObject)).digest).toBe(first.digest);
    }),
  );
});

test("variables are filled in once: what a value looks like makes no variable of it", () => {
  const value = fc.constantFrom(
    "${cluster.name}",
    "$${cluster.name}",
    "${cluster.vars.b}",
    "plain",
    "\u{FDD0}name\u{FDD1}",
  );
  fc.assert(
    fc.property(value, value, word, (a, b, name) => {
      const { value: marked } = markVariables({
        alone: "${cluster.vars.a}",
        within: "-${cluster.vars.a}-${cluster.vars.b}",
      });
      const { value: filled, missing } = fillVariables(marked, { name, labels: {}, vars: { a, b } });
      expect({ filled, missing }).toEqual({ filled: { alone: a, within: `-${a}-${b}` }, missing: [] });
    }),
  );
});
