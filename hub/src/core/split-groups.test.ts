import { apiListOf } from "@drover/shared/kube/api-list";
import { expect, test, vi } from "vitest";

import type { Application } from "./application.ts";
import { bundleGroups, placeClusters, type Placed } from "./desired.ts";
import { clusterOf, placementOf } from "./override.fixture.ts";
import type { Capabilities } from "./render/chart.ts";
import { renderFor, renderGroups } from "./render/groups.ts";
import type { Rendered, Variant } from "./render/index.ts";
import { looksAtNothing, type Looks } from "./render/looks.ts";
import { splitGroups } from "./split-groups.ts";

const plain = apiListOf(["v1"]);
const monitored = apiListOf(["v1", "monitoring.coreos.com/v1"]);
const three: readonly Capabilities[] = [
  { kubeVersion: "v1.31.2", apis: plain },
  { kubeVersion: "v1.31.2", apis: monitored },
  { kubeVersion: "v1.33.0", apis: plain },
];
const fleet = (count: number, told: readonly Capabilities[]): Placed => {
  const clusters = Array.from({ length: count }, (_, index) =>
    clusterOf(`c${index}`, { capabilities: told[index % told.length] ?? {} }),
  );
  return placeClusters([placementOf({})], clusters, new Set());
};
const looking = (looks: Partial<Looks>) => () => Promise.resolve({ ...looksAtNothing, ...looks });
const application = {
  name: "shop",
  source: { path: "" },
  substitute: false,
  sync: { allowEmpty: true },
} as unknown as Application;
const rendered: Rendered = { manifests: [], problems: [] };

test.each<[string, Partial<Looks>, number]>([
  ["nothing", {}, 1],
  ["the version", { version: true }, 2],
  ["the APIs", { apis: true }, 2],
  ["both", { version: true, apis: true }, 3],
])("a chart that looks at %s of 1,000 clusters is rendered for what differs in that", async (_title, looks, times) => {
  const { groups } = await splitGroups(fleet(1_000, three), looking(looks));
  const render = vi.fn((_variant: Variant) => Promise.resolve(rendered));
  const renders = await renderGroups(application, groups, render);
  expect(render).toHaveBeenCalledTimes(times);
  expect(renders.size).toBe(times);
  const told = render.mock.calls.map(([variant]) => Object.keys(variant).toSorted().join());
  const wanted = [looks.apis === true ? "apis" : "", looks.version === true ? "kubeVersion" : ""];
  expect(new Set(told)).toEqual(new Set([wanted.filter((part) => part !== "").join()]));
  expect(groups.flatMap(({ clusters }) => clusters)).toHaveLength(1_000);
});

test("what no agent has told is waited for by those clusters alone, and only where the chart looks at it", async () => {
  const told: readonly Capabilities[] = [{}, { kubeVersion: "v1.31.2" }, { kubeVersion: "v1.31.2", apis: plain }];
  const waitingOn = async (looks: Partial<Looks>): Promise<readonly string[]> => {
    const placed = await splitGroups(fleet(3, told), looking(looks));
    const renders = await renderGroups(application, placed.groups, () => Promise.resolve(rendered));
    const { variants } = bundleGroups(placed, (group) => renderFor(renders, group));
    expect(variants.flatMap(({ problems }) => problems)).toEqual([]);
    return variants.flatMap(({ clusters, waiting }) => (waiting === undefined ? [] : clusters));
  };
  expect(await waitingOn({})).toEqual([]);
  expect(await waitingOn({ version: true })).toEqual(["c0"]);
  expect(await waitingOn({ version: true, apis: true })).toEqual(["c0", "c1"]);
});
