import type { Manifest } from "@drover/shared/kube/manifest";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";

import { BundleMemory } from "./bundle-memory.ts";
import { everyCluster, type PlaceableCluster } from "./cluster-selector.ts";
import { bundleGroups, placeClusters } from "./desired.ts";
import { clusterOf, overrideOf, placementOf } from "./override.fixture.ts";
import type { Placement } from "./placement.ts";
import type { Rendered } from "./render/index.ts";
import { markManifests } from "./templates.ts";

const configMap = (name: string, value: string): Manifest => ({
  object: { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { value } },
});
const rendered = (...manifests: readonly Manifest[]): Rendered => ({
  manifests: markManifests(manifests).manifests,
  problems: [],
});

/** Few values of each kind, so that a state often has some that are the same as before, and some that are only equal. */
const renders: readonly Rendered[] = [
  rendered(configMap("a", "1")),
  rendered(configMap("a", "1")),
  rendered(configMap("a", "2"), configMap("b", "1")),
  rendered(configMap("a", "${cluster.name}"), configMap("b", "${cluster.vars.size}")),
  { manifests: [], problems: [{ code: "broken", severity: "error", message: "broken" }] },
];
const vars = (size: string) => overrideOf({ vars: { size } });
const placements: readonly Placement[] = [
  placementOf({}),
  placementOf({ overrides: [overrideOf({ labels: { team: "x" } })] }),
  placementOf({ overrides: [vars("1")] }),
  placementOf({ overrides: [vars("2"), overrideOf({ namespace: "${cluster.labels.env}" })] }),
  placementOf({ choice: { limit: 1, spread: "" } }),
  placementOf({ clusters: { ...everyCluster, names: ["one"] }, overrides: [overrideOf({ labels: { team: "y" } })] }),
];
const clusters: readonly PlaceableCluster[] = [
  clusterOf("one"),
  clusterOf("one", { labels: { env: "dev" } }),
  clusterOf("two", { labels: { env: "dev" }, vars: { size: "5" } }),
  clusterOf("two", { labels: { env: "prod" }, vars: { size: "6" } }),
  clusterOf("two", { labels: { env: "prod" }, vars: { size: "6" }, cordoned: "full" }),
];

const pick = <T>(from: readonly T[]): fc.Arbitrary<readonly T[]> => fc.subarray([...from]);
const state = fc.record({
  render: fc.constantFrom(...renders),
  placements: pick(placements),
  clusters: pick(clusters).map((some) => some.filter(({ name }, at) => some.findIndex((c) => c.name === name) === at)),
  running: pick(["one", "two"]).map((names) => new Set(names)),
});

describe("the memory of what an application comes to", () => {
  it("gives the same as working it out anew, whatever has changed since", () => {
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 8 }), (states) => {
        const memory = new BundleMemory();
        for (const { render, running, ...one } of states) {
          const placed = placeClusters(one.placements, one.clusters, running);
          expect(memory.place(one.placements, one.clusters, () => running)).toEqual(placed);
          const fresh = bundleGroups(placed, () => render);
          const bundled = memory.bundle(placed, () => render);
          expect(bundled.variants).toEqual(fresh.variants);
          expect(bundled.blobs()).toEqual(fresh.blobs);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("places nothing anew while placements and clusters are as they were", () => {
    const memory = new BundleMemory();
    const running = vi.fn(() => new Set<string>());
    const [one, , two] = clusters;
    const some = [one, two].filter((cluster) => cluster !== undefined);
    const first = memory.place(placements.slice(0, 2), some, running);
    expect(memory.place(placements.slice(0, 2), [...some], running)).toBe(first);
    expect(running).toHaveBeenCalledTimes(1);
    expect(memory.place(placements.slice(0, 1), some, running)).not.toBe(first);
  });

  it("works nothing out while placements, clusters and renders are as they were", () => {
    const memory = new BundleMemory();
    const [one, , two] = clusters.slice(0, 3);
    const bundle = (render: Rendered, all: readonly (PlaceableCluster | undefined)[]) =>
      memory.bundle(
        placeClusters(
          placements.slice(0, 2),
          all.filter((cluster) => cluster !== undefined),
          new Set(),
        ),
        () => render,
      ).variants;
    const [first = rendered(), equal = rendered()] = renders;
    const before = bundle(first, [one, two]);
    expect(bundle(first, [one, two])).toBe(before);
    expect(bundle(equal, [one, two])).not.toBe(before);
    expect(bundle(equal, [one, clusters[3]])).not.toBe(before);
  });

  it("keeps no content: it is worked out again for the few that are written", () => {
    const memory = new BundleMemory();
    const placed = placeClusters(placements.slice(0, 1), clusters.slice(0, 1), new Set());
    const renderOf = vi.fn(() => renders[0] ?? rendered());
    memory.bundle(placed, renderOf);
    renderOf.mockClear();
    const again = memory.bundle(placed, renderOf);
    expect(again.blobs().size).toBe(2);
  });
});
