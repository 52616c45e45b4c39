import { confirmPlacement, controlRollout } from "@drover/hub/backend/rollout-intents";
import { createEventLog } from "@drover/hub/controllers/event-log";
import { describe, expect, it, vi } from "vitest";

import { application, startLoop, web } from "./loop.ts";
import { commitOf, control, declare, hello, join, placed, report, rollout, settled, waves, shopSuite } from "./shop.ts";

describe("a change that is released by a strategy", () => {
  const { begin, beginShop, closers } = shopSuite();

  it("E19, E24, E31: goes by waves that stay, over clusters that are there; one that joins has what the others have", async () => {
    const { hub, tree, first } = await beginShop(`{ ${waves} }`);
    hub.agents.disconnected("c2", { graceful: false, reason: "a test" });
    const second = await tree.commit("scale", { "apps/shop/web.yaml": web(2) });
    await vi.waitFor(() => expect(commitOf(hub, "c1")).toBe(second), 5_000);
    expect(rollout(hub)).toMatchObject({
      phase: "Releasing",
      waves: [
        { name: "canary", clusters: 2, underWay: 1, deferred: 1 },
        { name: "rest", pending: 2 },
      ],
    });
    expect(hub.views.target("shop", "p1")).toMatchObject({
      state: "pending",
      reason: "WaitingForRollout",
      message: "waits for wave canary",
      revision: first,
    });

    join(hub, "p3", "prod");
    await vi.waitFor(() => expect(commitOf(hub, "p3")).toBe(first), 5_000);
    const moved = hub.store.cluster("p1");
    if (moved !== undefined) hub.store.putCluster({ ...moved, labels: { wave: "canary" } });
    hub.loop.wake.applications();
    await settled(hub);
    expect(commitOf(hub, "p1")).toBe(first);

    report(hub, "c1", "Current");
    await vi.waitFor(
      () => expect(["p1", "p2", "p3"].map((name) => commitOf(hub, name))).toEqual([second, second, second]),
      5_000,
    );
    for (const name of ["p1", "p2", "p3"]) report(hub, name, "Current");
    await vi.waitFor(() => expect(rollout(hub)?.message).toBe("1 offline cluster catches up when back"), 5_000);
    expect(hub.store.target({ app: "shop", cluster: "c2" })?.commit).toBe(first);
    hub.agents.connected("c2", hello);
    await vi.waitFor(() => expect(commitOf(hub, "c2")).toBe(second), 5_000);
  });

  it("E33, R11: goes on where it was after the hub restarts, and not before its agents are back", async () => {
    const { hub, tree, folder, first } = await beginShop(`{ ${waves} }`);
    const second = await tree.commit("scale", {
      "apps/shop/drover.yaml": declare(`{ maxConcurrent: 1, ${waves} }`),
      "apps/shop/web.yaml": web(2),
    });
    await vi.waitFor(() => expect(commitOf(hub, "c1")).toBe(second), 5_000);
    const before = hub.store.rolloutsOf("shop");
    await hub[Symbol.asyncDispose]();
    closers.pop();
    const again = await startLoop(folder, tree);
    closers.push(async () => again[Symbol.asyncDispose]());
    await vi.waitFor(() => expect(rollout(again)?.phase).toBe("Releasing"), 5_000);
    expect(again.store.rolloutsOf("shop")).toEqual(before);
    expect(["c2", "p1", "p2"].map((cluster) => again.store.target({ app: "shop", cluster })?.commit)).toEqual([
      first,
      first,
      first,
    ]);
  });

  it("E36: freezes at failures; each cluster that got the change gets back what it had, until a person lets it go on", async () => {
    const { hub, tree, first } = await beginShop(`{ onFailure: rollback, ${waves} }`);
    const second = await tree.commit("scale", { "apps/shop/web.yaml": web(2) });
    await vi.waitFor(() => expect(commitOf(hub, "c1")).toBe(second), 5_000);
    report(hub, "c1", "Failed");
    await vi.waitFor(() => expect([commitOf(hub, "c1"), commitOf(hub, "c2")]).toEqual([first, first]), 5_000);
    for (const name of ["c1", "c2"]) report(hub, name, "Current");
    await vi.waitFor(() => expect(hub.views.target("shop", "c1")?.reason).toBe("WaitingForRollout"), 5_000);
    expect(hub.views.application("shop")).toMatchObject({ state: "failed", rollouts: [{ phase: "Frozen" }] });
    control(hub, "resume");
    await vi.waitFor(() => expect([commitOf(hub, "c1"), commitOf(hub, "c2")]).toEqual([second, second]), 5_000);
    expect(commitOf(hub, "p1")).toBe(first);
  });

  it("waits for a person where a wave needs approval, and while it is paused, and says so", async () => {
    const { hub, tree, first } = await beginShop(`{ ${waves} }`);
    const approval = waves.replace("name: canary,", "name: canary, approval: true,");
    const second = await tree.commit("scale", {
      "apps/shop/drover.yaml": declare(`{ ${approval} }`),
      "apps/shop/web.yaml": web(2),
    });
    const waits = "wave canary waits for approval: drover rollout approve shop";
    await vi.waitFor(() => expect(hub.views.target("shop", "c1")?.message).toBe(waits), 5_000);
    control(hub, "pause");
    await vi.waitFor(() => expect(rollout(hub)?.phase).toBe("Paused"), 5_000);
    control(hub, "resume");
    await vi.waitFor(() => expect(rollout(hub)?.phase).toBe("AwaitingApproval"), 5_000);
    expect(commitOf(hub, "c1")).toBe(first);
    control(hub, "approve");
    await vi.waitFor(() => expect(commitOf(hub, "c1")).toBe(second), 5_000);
    expect(() => control(hub, "approve")).toThrow(expect.objectContaining({ code: "precondition_failed" }));
  });

  it("has two persons approve who did not write it, for one revision only, and forgets that when another comes", async () => {
    const { hub, tree } = await beginShop(`{ ${waves} }`);
    const approval = waves.replace("name: canary,", "name: canary, approval: { count: 2, separate: true },");
    const second = await tree.commit("second", {
      "apps/shop/drover.yaml": declare(`{ ${approval} }`),
      "apps/shop/web.yaml": web(2),
    });
    await vi.waitFor(() => expect(rollout(hub)?.phase).toBe("AwaitingApproval"), 5_000);
    expect(rollout(hub)?.message).toContain("waits for the approval of 2 who did not write it");
    const { authors = [] } = hub.store.rolloutsOf("shop")[0] ?? {};
    expect(authors).toHaveLength(1);
    const person = (name: string, email = `${name}@example.com`) => ({ name, principal: { id: `idp ${name}`, email } });
    const approve = (
      actor: ReturnType<typeof person> | { name: string; principal: undefined },
      revision = second,
    ): void => {
      const { store, world } = hub;
      const events = createEventLog(store, Date.now);
      controlRollout({ store, world, events, actor }, "shop", { action: "approve", revision });
      hub.loop.wake.rollouts(["shop"]);
    };
    const refused = (code: string, text: string) =>
      expect.objectContaining({ code, message: expect.stringContaining(text) });
    expect(() => approve(person("dev", authors[0]))).toThrow(refused("forbidden", "cannot approve their own change"));
    expect(() => approve({ name: "ci", principal: undefined })).toThrow(
      refused("forbidden", "the token ci is nobody's"),
    );
    expect(() => approve(person("bo", ""))).toThrow(refused("forbidden", "has verified no address of bo"));
    approve(person("ana"));
    expect(() => approve(person("ana"))).toThrow(refused("precondition_failed", "ana has approved it already"));
    await vi.waitFor(() => expect(rollout(hub)?.message).toContain("1 more who did not write it, after ana"), 5_000);
    expect(commitOf(hub, "c1")).not.toBe(second);

    const third = await tree.commit("third", { "apps/shop/web.yaml": web(3) });
    await vi.waitFor(() => expect(rollout(hub)?.message).toContain("the approval of 2 who"), 5_000);
    expect(() => approve(person("cy"), second)).toThrow(refused("precondition_failed", "and not"));
    approve(person("ana"), third);
    approve(person("cy"), third);
    await vi.waitFor(() => expect(commitOf(hub, "c1")).toBe(third), 5_000);
    expect(hub.store.events().map(({ message }) => message)).toContain(
      "shop by strategy careful: ana approved wave canary; 1 more has to",
    );
  });

  it("R12: starts no other cluster once a pause is acknowledged, in the middle of a storm of 200", async () => {
    const { hub, tree } = await begin();
    const names = Array.from({ length: 200 }, (_, index) => `n${index}`);
    for (const name of names) join(hub, name, "many");
    const told = new Map<string, string>();
    /** Every agent is done with whatever it was told, at once. */
    const answer = (): void => {
      for (const name of names) {
        const commit = commitOf(hub, name);
        if (commit === undefined || told.get(name) === commit) continue;
        told.set(name, commit);
        report(hub, name, "Current");
      }
    };
    const until = (check: () => void): Promise<void> =>
      vi.waitFor(
        () => {
          answer();
          check();
        },
        { timeout: 30_000, interval: 2 },
      );
    const started = (commit: string): readonly string[] =>
      names.filter((cluster) => hub.store.target({ app: "shop", cluster })?.commit === commit);
    const spec = "{ maxConcurrent: 10 }";
    const first = await tree.commit("shop", { "apps/shop/drover.yaml": declare(spec), "apps/shop/web.yaml": web(1) });
    await until(() => expect(started(first)).toHaveLength(names.length));
    const second = await tree.commit("scale", { "apps/shop/web.yaml": web(2) });
    await until(() => expect(started(second).length).toBeGreaterThan(40));
    control(hub, "pause");
    const before = started(second);
    expect(before.length).toBeLessThan(names.length);
    await until(() => {
      expect(rollout(hub)?.phase).toBe("Paused");
      expect(before.every((name) => told.get(name) === second)).toBe(true);
      expect(hub.loop.controllers.every(({ busy }) => busy === 0)).toBe(true);
    });
    expect(started(second)).toEqual(before);
    expect(names.filter((name) => commitOf(hub, name) === second)).toEqual(before);
    control(hub, "resume");
    await until(() => expect(started(second)).toHaveLength(names.length));
  });

  it("E29, E42: asks a person before a change of labels brings it to ten times as many clusters, or takes it from most", async () => {
    const { hub, tree } = await begin();
    const names = Array.from({ length: 11 }, (_, index) => `n${String(index).padStart(2, "0")}`);
    for (const name of names) join(hub, name, "many");
    const running = (): number => hub.world.running("web").size;
    const held = () => hub.views.application("web");
    const confirm = (digest = ""): void => {
      confirmPlacement(
        {
          store: hub.store,
          world: hub.world,
          events: createEventLog(hub.store, Date.now),
          actor: { name: "ops", principal: undefined },
        },
        "web",
        digest,
      );
      hub.loop.wake.applications();
    };
    const place = (selector: string): Promise<string> =>
      tree.commit("place web", {
        "apps/web/drover.yaml": `${application("web")}---\n${placed
          .replaceAll("shop", "web")
          .replace(", strategy: careful", "")
          .replace("{ matchExpressions: [{ key: wave, operator: Exists }] }", selector)}`,
      });
    await place("{}");
    const told = "web would come from 1 to 13 clusters: dev-1, n00, n01 and 9 more";
    await vi.waitFor(
      () => expect(held()?.held).toMatchObject([{ kind: "spread", clusters: 12, message: told }]),
      5_000,
    );
    expect([running(), held()?.state]).toEqual([1, "failed"]);
    expect(() => confirm("sha256:0")).toThrow(expect.objectContaining({ code: "precondition_failed" }));
    confirm(held()?.held[0]?.digest);
    await vi.waitFor(() => expect([running(), held()?.held]).toEqual([13, []]), 5_000);

    await place("{ matchLabels: { wave: nowhere } }");
    await vi.waitFor(() => expect(held()?.held).toMatchObject([{ kind: "withdrawal", clusters: 13 }]), 5_000);
    expect([running(), hub.newest("n00")?.tombstones]).toEqual([13, []]);
    await place("{}");
    await vi.waitFor(() => expect(held()?.held).toEqual([]), 5_000);
    expect(running()).toBe(13);
  });

  it("releases nothing while the strategy that is named is not there", async () => {
    const { hub, tree, first } = await beginShop(`{ ${waves} }`);
    const head = await tree.commit("no strategy", {
      "apps/shop/drover.yaml": `${application("shop")}---\n${placed}`,
      "apps/shop/web.yaml": web(2),
    });
    await vi.waitFor(() => expect(rollout(hub)?.phase).toBe("NoStrategy"), 5_000);
    expect([commitOf(hub, "c1"), commitOf(hub, "p1"), head === first]).toEqual([first, first, false]);
    expect(hub.views.application("shop")?.reason).toBe("the strategy careful is not declared, so nothing is released");
  });
});
