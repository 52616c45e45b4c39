import { FakeClock } from "@drover/shared/clock";
import { describe, expect, it, vi } from "vitest";

import { startLoop, web } from "./loop.ts";
import { commitOf, control, hello, report, rollout, settled, waves, shopSuite } from "./shop.ts";

describe("a rollout among other things that happen", () => {
  const { beginShop, closers } = shopSuite();

  it("E32: readiness with the revision before does not count for this one", async () => {
    const { hub, tree, first } = await beginShop(`{ ${waves} }`);
    const old = hub.store.target({ app: "shop", cluster: "c1" })?.bundle ?? "";
    const second = await tree.commit("scale", { "apps/shop/web.yaml": web(2) });
    await vi.waitFor(() => expect([commitOf(hub, "c1"), commitOf(hub, "c2")]).toEqual([second, second]), 5_000);
    for (const name of ["c1", "c2"]) report(hub, name, "Current", { bundle: old, applied: old });
    await settled(hub);
    expect(rollout(hub)).toMatchObject({ phase: "Releasing", waves: [{ current: 0, underWay: 2 }, { pending: 2 }] });
    expect(hub.views.target("shop", "c1")).toMatchObject({ state: "progressing", reason: "Distributing" });
    expect(commitOf(hub, "p1")).toBe(first);
    for (const name of ["c1", "c2"]) report(hub, name, "Current");
    await vi.waitFor(() => expect(commitOf(hub, "p1")).toBe(second), 5_000);
  });

  it("E34: soaks by the hub's own clock, whatever the clocks of agents say and however they jump", async () => {
    const clock = new FakeClock(Date.parse("2026-11-27T09:00:00Z"));
    const { hub, tree, first } = await beginShop(
      `{ ${waves.replace("name: canary,", "name: canary, soak: 10m,")} }`,
      clock,
    );
    const second = await tree.commit("scale", { "apps/shop/web.yaml": web(2) });
    hub.loop.wake.source("config");
    await vi.waitFor(() => expect([commitOf(hub, "c1"), commitOf(hub, "c2")]).toEqual([second, second]), 5_000);
    const at = (offMs: number) => ({ receivedAtMs: clock.now() + offMs, appliedAtMs: clock.now() + offMs });
    report(hub, "c1", "Current", at(-3_600_000));
    report(hub, "c2", "Current", at(3_600_000));
    const until = "wave canary is current and soaks until 2026-11-27T09:20:00Z";
    await vi.waitFor(() => expect(rollout(hub)).toMatchObject({ phase: "Soaking", message: until }), 5_000);
    await clock.advance(9 * 60_000);
    // It was set in between.
    report(hub, "c1", "Current", at(600_000));
    await settled(hub);
    expect(rollout(hub)).toMatchObject({ phase: "Soaking", message: until });
    expect(hub.views.target("shop", "c1")?.state).toBe("current");
    expect(commitOf(hub, "p1")).toBe(first);
    await clock.advance(60_000);
    await vi.waitFor(() => expect(commitOf(hub, "p1")).toBe(second), 5_000);
  });

  it("E35: with supersede: finish goes on with its revision, over a restart too, and only the newest waits behind it", async () => {
    const { hub, tree, folder, first } = await beginShop(`{ supersede: finish, ${waves} }`);
    const second = await tree.commit("scale", { "apps/shop/web.yaml": web(2) });
    await vi.waitFor(() => expect(commitOf(hub, "c2")).toBe(second), 5_000);
    for (const replicas of [3, 4]) await tree.commit("scale", { "apps/shop/web.yaml": web(replicas) });
    const newest = await tree.commit("scale", { "apps/shop/web.yaml": web(5) });
    await vi.waitFor(() => expect(rollout(hub)).toMatchObject({ revision: second, next: newest }), 5_000);
    expect(rollout(hub)?.message).toContain(`${newest.slice(0, 7)} waits until it has ended`);
    expect([commitOf(hub, "c1"), commitOf(hub, "p1")]).toEqual([second, first]);
    // The bundle that is released later is kept, though no cluster has it yet.
    hub.store.collectBlobs();
    await hub[Symbol.asyncDispose]();
    closers.pop();
    const again = await startLoop(folder, tree);
    closers.push(async () => again[Symbol.asyncDispose]());
    for (const name of ["c1", "c2", "p1", "p2"]) again.agents.connected(name, hello);
    await vi.waitFor(() => expect(rollout(again)).toMatchObject({ revision: second, next: newest }), 5_000);
    again.loop.wake.clusters(["c1", "c2"]);
    await vi.waitFor(() => expect(commitOf(again, "c2")).toBe(second), 5_000);
    for (const name of ["c1", "c2"]) report(again, name, "Current");
    await vi.waitFor(() => expect([commitOf(again, "p1"), commitOf(again, "p2")]).toEqual([second, second]), 5_000);
    const bundle = again.store.target({ app: "shop", cluster: "p1" })?.bundle ?? "";
    expect(again.store.blob(bundle)).toBeDefined();
    for (const name of ["p1", "p2"]) report(again, name, "Current");
    await vi.waitFor(() => expect([commitOf(again, "c1"), commitOf(again, "c2")]).toEqual([newest, newest]), 5_000);
    expect(rollout(again)).toMatchObject({ revision: newest, next: "" });
    expect(commitOf(again, "p1")).toBe(second);
  });

  it("E39: while it is paused nothing is sent and nothing goes, what agents say is shown, and resuming brings only the newest", async () => {
    const { hub, tree, first } = await beginShop(`{ ${waves} }`);
    await tree.commit("scale", { "apps/shop/web.yaml": web(2) });
    await vi.waitFor(() => expect(rollout(hub)?.phase).toBe("Releasing"), 5_000);
    control(hub, "pause");
    for (const name of ["c1", "c2"]) report(hub, name, "Current");
    await vi.waitFor(() => expect(rollout(hub)?.phase).toBe("Paused"), 5_000);
    const sent = ["p1", "p2"].map((name) => hub.sent.get(name)?.length);
    await tree.commit("scale", { "apps/shop/web.yaml": web(3) });
    const newest = await tree.commit("scale", { "apps/shop/web.yaml": web(4) });
    const moved = hub.store.cluster("p2");
    if (moved !== undefined) hub.store.putCluster({ ...moved, labels: {} });
    hub.loop.wake.applications();
    const held = "1 targets stay as they are: its rollout is paused: drover rollout resume shop";
    await vi.waitFor(() => {
      const { conditions } = hub.world.application("shop");
      expect(conditions.find(({ type }) => type === "Placed")?.message).toBe(held);
      expect(rollout(hub)).toMatchObject({ phase: "Paused", revision: newest });
    }, 5_000);
    report(hub, "p1", "Failed");
    await vi.waitFor(() => expect(hub.views.target("shop", "p1")?.state).toBe("degraded"), 5_000);
    report(hub, "p1", "Current");
    expect([commitOf(hub, "p1"), commitOf(hub, "p2")]).toEqual([first, first]);
    expect(["p1", "p2"].map((name) => hub.sent.get(name)?.length)).toEqual(sent);
    control(hub, "resume");
    await vi.waitFor(() => expect(hub.store.target({ app: "shop", cluster: "p2" })?.removal).not.toBe(""), 5_000);
    await vi.waitFor(() => expect([commitOf(hub, "c1"), commitOf(hub, "c2")]).toEqual([newest, newest]), 5_000);
  });

  it("E39: an application that leaves Git while it is paused stays until it is resumed", async () => {
    const { hub, tree } = await beginShop(`{ ${waves} }`);
    control(hub, "pause");
    await tree.commit("without shop", { "apps/shop/drover.yaml": undefined, "apps/shop/web.yaml": undefined });
    const held = () => hub.world.application("shop").conditions.find(({ type }) => type === "Placed")?.message ?? "";
    await vi.waitFor(() => expect(held()).toContain("its rollout is paused: drover rollout resume shop"), 5_000);
    expect(hub.store.targetsOf("shop").map(({ removal }) => removal)).toEqual(["", "", "", ""]);
    control(hub, "resume");
    await vi.waitFor(
      () => expect(hub.store.targetsOf("shop").every(({ removal }) => removal !== "")).toBe(true),
      5_000,
    );
  });
});
