import { controlRollout } from "@drover/hub/backend/rollout-intents";
import { createEventLog } from "@drover/hub/controllers/event-log";
import { clusterDefaults } from "@drover/hub/store/store";
import type { FakeClock } from "@drover/shared/clock";
import { features } from "@drover/shared/link/features";
import { noFacts, type Hello, type Report } from "@drover/shared/link/link";
import { expect, vi } from "vitest";

import { application, loopSuite, web, type startLoop } from "./loop.ts";

type Hub = Awaited<ReturnType<typeof startLoop>>;

export const hello: Hello = { ...noFacts, agentVersion: "1", clusterUid: "", epoch: "", generation: 0, features };

const strategy = (spec: string): string =>
  `apiVersion: drover.dev/v1alpha1\nkind: RolloutStrategy\nmetadata: { name: careful }\nspec: ${spec}\n`;
export const waves = `waves: [{ name: canary, selector: { matchLabels: { wave: canary } } }]`;
export const placed = `apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: shop }
spec: { applications: [shop], selector: { matchExpressions: [{ key: wave, operator: Exists }] }, strategy: careful }
`;
export const declare = (spec: string): string => `${application("shop")}---\n${placed}---\n${strategy(spec)}`;

export function join(hub: Hub, name: string, wave: string): void {
  hub.store.putCluster({ ...clusterDefaults, name, uid: name, labels: { wave } });
  hub.agents.connected(name, hello);
  hub.loop.wake.applications();
}

let sequence = 0;

/** What the agent of a cluster says of the newest that it was told about shop. */
export function report(hub: Hub, cluster: string, health: "Current" | "Failed", change: Partial<Report> = {}): void {
  const assignments = hub.newest(cluster);
  const assigned = assignments?.targets.find((one) => one.application === "shop");
  if (assignments === undefined || assigned === undefined) throw new Error(`${cluster} was told nothing of shop`);
  const { bundle, commit } = assigned;
  sequence += 1;
  const said: Report = {
    application: "shop",
    sequence,
    epoch: assignments.epoch,
    generation: assignments.generation,
    bundle,
    applied: bundle,
    commit,
    phase: "applied",
    health,
    reason: "",
    message: "",
    objects: [],
    receivedAtMs: 0,
    appliedAtMs: 0,
    ...change,
  };
  hub.agents.reported(cluster, said);
}

export const commitOf = (hub: Hub, cluster: string): string | undefined =>
  hub.newest(cluster)?.targets.find((one) => one.application === "shop")?.commit;
export const rollout = (hub: Hub) => hub.views.application("shop")?.rollouts[0];
export const control = (hub: Hub, action: "pause" | "resume" | "approve"): void => {
  const { store, world } = hub;
  controlRollout(
    { store, world, events: createEventLog(store, Date.now), actor: { name: "ops", principal: undefined } },
    "shop",
    { action },
  );
  hub.loop.wake.rollouts(["shop"]);
};

export const settled = (hub: Hub): Promise<void> =>
  vi.waitFor(() => expect(hub.loop.controllers.every(({ busy }) => busy === 0)).toBe(true), 5_000);

/** To be called within `describe`: the application `shop`, released by a strategy. */
export function shopSuite() {
  const { begin, closers } = loopSuite();

  /** Two canaries and two others, all current at the first revision. */
  const beginShop = async (spec: string, clock?: FakeClock) => {
    const begun = await begin(clock);
    const { hub, tree } = begun;
    for (const name of ["c1", "c2"]) join(hub, name, "canary");
    for (const name of ["p1", "p2"]) join(hub, name, "prod");
    const first = await tree.commit("shop", { "apps/shop/drover.yaml": declare(spec), "apps/shop/web.yaml": web(1) });
    // A clock that stands still looks at nothing by itself.
    hub.loop.wake.source("config");
    await vi.waitFor(() => expect([commitOf(hub, "c1"), commitOf(hub, "c2")]).toEqual([first, first]), 5_000);
    expect(commitOf(hub, "p1")).toBeUndefined();
    for (const name of ["c1", "c2"]) report(hub, name, "Current");
    if (clock !== undefined) {
      await vi.waitFor(() => expect(rollout(hub)?.phase).toBe("Soaking"), 5_000);
      await clock.advance(600_000);
    }
    await vi.waitFor(() => expect([commitOf(hub, "p1"), commitOf(hub, "p2")]).toEqual([first, first]), 5_000);
    for (const name of ["p1", "p2"]) report(hub, name, "Current");
    await vi.waitFor(() => expect(rollout(hub)?.phase).toBe("Complete"), 5_000);
    return { ...begun, first };
  };
  return { begin, beginShop, closers };
}
