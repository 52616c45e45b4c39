import { recoveryLimit } from "@drover/hub/core/enrolment";
import type { Clock } from "@drover/shared/clock";
import { createSteadyClock } from "@drover/shared/steady-clock";
import { identityValidity } from "@drover/shared/trust/identity";
import { describe, expect, it } from "vitest";

import { createWorld, frozen } from "./enrolment-world.ts";

describe("R14: a cluster that is revoked", () => {
  it("loses the stream that is open and gets no other, also after a restart of the hub", async () => {
    await using world = await createWorld();
    const identity = await world.join("dev-1");
    const agent = world.connect(identity);
    await expect.poll(() => agent.connections).toBe(1);

    world.acceptance().revoke("dev-1", "its key leaked");
    // Nobody ends the stream by name: the link asks by itself.
    await expect.poll(() => world.hub.of("disconnected"), { timeout: 2_000 }).toMatchObject([{ cluster: "dev-1" }]);
    await expect.poll(() => world.warnings(), { timeout: 5_000 }).toContain("cluster_revoked");
    expect(await world.codeOfFetch(identity.current())).toBe("cluster_revoked");

    await world.restartHub();
    expect(await world.codeOfFetch(identity.current())).toBe("cluster_revoked");
    expect(agent.connections).toBe(1);
    expect(world.events()).toEqual(["joined: dev-1 joined", "revoked: dev-1 was revoked: its key leaked"]);
  });

  it("is let in again by a new token, and what it had before the revocation is not", async () => {
    await using world = await createWorld();
    const leaked = (await world.join("dev-1")).current();
    world.acceptance().revoke("dev-1", "its key leaked");
    const identity = await world.join("dev-1");
    const agent = world.connect(identity);
    await expect.poll(() => agent.connections).toBe(1);
    expect(await world.codeOfFetch(leaked)).toBe("unauthorized");
  });

  it("E74: is told so when it was removed meanwhile, and leaves nothing behind that speaks for the next of its name", async () => {
    await using world = await createWorld();
    const old = (await world.join("dev-1")).current();
    world.acceptance().detach("dev-1");
    world.store().deleteCluster("dev-1");
    expect(await world.codeOfFetch(old)).toBe("cluster_detached");
    await world.restartHub();
    expect(await world.codeOfFetch(old)).toBe("cluster_detached");
    await world.join("dev-1");
    expect(await world.codeOfFetch(old)).toBe("unauthorized");
  });
});

describe("a person's decision", () => {
  it("E59: stands between a name and another cluster, which gets nothing of the one that has it", async () => {
    await using world = await createWorld();
    const first = await world.join("dev-1");
    const other = world.join("dev-1", { clusterUid: "uid-of-another" });
    await expect.poll(() => world.events().at(-1)).toMatch(/^pending: an agent waits to be accepted as dev-1/u);
    expect(await world.codeOfFetch(first.current())).toBe("");
    expect(world.store().cluster("dev-1")?.uid).toBe("uid-of-dev-1");

    world.acceptance().accept("dev-1");
    const second = await other;
    expect(await world.codeOfFetch(second.current())).toBe("");
    expect(await world.codeOfFetch(first.current())).toBe("unauthorized");
    expect(world.store().cluster("dev-1")?.uid).toBe("uid-of-another");
  });

  it("E59: turns another cluster away, for good and also after a restart", async () => {
    await using world = await createWorld();
    const first = await world.join("dev-1");
    const other = world.join("dev-1", { clusterUid: "uid-of-another" });
    other.catch(() => undefined);
    await expect.poll(() => world.events().at(-1)).toContain("pending: ");
    await world.restartHub();
    world.acceptance().reject("dev-1");
    await expect(other).rejects.toMatchObject({ code: "join_refused" });
    expect(await world.codeOfFetch(first.current())).toBe("");
  });

  it("E59: is not needed when the same cluster joins again without its key, unless the old agent is connected", async () => {
    await using world = await createWorld();
    const first = await world.join("dev-1");
    const second = await world.join("dev-1");
    expect(await world.codeOfFetch(first.current())).toBe("unauthorized");
    expect(world.events().at(-1)).toBe("joined: dev-1 joined again, with another key");

    const agent = world.connect(second);
    await expect.poll(() => agent.connections).toBe(1);
    const third = world.join("dev-1");
    await expect.poll(() => world.events().at(-1)).toContain("an agent with another key is connected");
    world.acceptance().accept("dev-1");
    expect(await world.codeOfFetch((await third).current())).toBe("");
  });
});

describe("an enrolment key", () => {
  it("R31: brings a new certificate and key at once when a person wants that, as often as they like, and one that was away too", async () => {
    await using world = await createWorld();
    const identity = await world.join("dev-1");
    const agent = world.connect(identity);
    await expect.poll(() => agent.connections).toBe(1);
    for (let times = 1; times <= 5; times += 1) {
      const before = identity.current();
      world.rotate("dev-1");
      await expect.poll(() => agent.connections, { timeout: 8_000 }).toBe(times + 1);
      expect(identity.current().privateKey).not.toBe(before.privateKey);
      expect(await world.codeOfFetch(before)).toBe("unauthorized");
      expect(await world.codeOfFetch(identity.current())).toBe("");
    }
    await world.stopAgents();
    const before = identity.current();
    world.rotate("dev-1");
    await world.restartHub();
    expect(await world.codeOfFetch(before)).toBe("unauthorized");
    const back = world.connect(identity);
    await expect.poll(() => back.connections, { timeout: 8_000 }).toBe(1);
    expect(world.events().filter((event) => event.startsWith("locked") || event.startsWith("recovered"))).toEqual([]);
  });

  it("E61: brings an agent back that slept longer than its certificate lived, three times", async () => {
    await using world = await createWorld({ clientLifetimeMs: 1_000 });
    const identity = await world.join("dev-1");
    for (const times of [1, 2, 3, 4]) {
      await expect.poll(() => identityValidity(identity.current()).notAfterMs < Date.now()).toBe(true);
      const before = identity.current();
      const agent = world.connect(identity);
      if (times <= recoveryLimit) {
        await expect.poll(() => agent.connections).toBe(1);
        expect(world.events().at(-1)).toContain(`(${times} of 3 times)`);
      } else {
        await expect
          .poll(() => world.warnings(), { timeout: 5_000 })
          .toContain("came back without a valid certificate 3 times");
        expect(identity.current()).toEqual(before);
      }
      await world.stopAgents();
    }
    world.acceptance().accept("dev-1");
    const agent = world.connect(identity);
    await expect.poll(() => agent.connections).toBe(1);
  });

  it("brings the agent of a revoked cluster back once a person accepts it, without a token", async () => {
    await using world = await createWorld();
    const identity = await world.join("dev-1");
    const agent = world.connect(identity);
    await expect.poll(() => agent.connections).toBe(1);
    world.acceptance().revoke("dev-1", "nobody knows this cluster");
    await expect.poll(() => world.warnings(), { timeout: 5_000 }).toContain("cluster_revoked");
    world.acceptance().accept("dev-1");
    await expect.poll(() => agent.connections, { timeout: 8_000 }).toBe(2);
  });

  it("is needed: who has an ended certificate and not the key stays out", async () => {
    await using world = await createWorld({ clientLifetimeMs: 1_000 });
    const { enrolmentKey: _, ...thief } = await world.join("dev-1");
    await expect.poll(() => identityValidity(thief.current()).notAfterMs < Date.now()).toBe(true);
    const agent = world.connect(thief);
    await expect.poll(() => world.warnings(), { timeout: 5_000 }).toContain("not the agent that has joined");
    expect(agent.connections).toBe(0);
  });
});

describe("R16: two agents with one identity", () => {
  it("E60: one goes on, the other is refused and named, and they do not take turns", async () => {
    await using world = await createWorld();
    const identity = await world.join("dev-1");
    const clone = { ...identity };
    const [one, other] = [world.connect(identity), world.connect(clone)];
    await expect.poll(() => world.events().at(-1), { timeout: 10_000 }).toContain("locked: dev-1 is locked");
    await expect.poll(() => world.warnings(), { timeout: 10_000 }).toContain("cluster_locked");
    const [before, ends] = [one.connections + other.connections, world.hub.of("disconnected").length];
    const refusals = world.refusals();
    await expect.poll(() => world.refusals(), { timeout: 10_000 }).toBeGreaterThan(refusals + 1);
    expect([one.connections + other.connections, world.hub.of("disconnected").length]).toEqual([before, ends]);
  });

  it("E60: a certificate of before the last renewal locks it as well, and a person unlocks it", async () => {
    await using world = await createWorld();
    const identity = await world.join("dev-1");
    const clone = frozen(identity);
    const agent = world.connect(identity);
    await expect.poll(() => agent.connections).toBe(1);
    await world.renew(identity);
    await world.stopAgents();
    const again = world.connect(identity);
    await expect.poll(() => again.connections).toBe(1);
    const other = world.connect(clone);
    await expect.poll(() => world.warnings(), { timeout: 5_000 }).toContain("cluster_locked");
    expect(world.events().at(-1)).toContain("locked: dev-1 is locked");
    expect([again.connections, other.connections]).toEqual([1, 0]);
    await world.stopAgents();
    world.acceptance().accept("dev-1");
    const last = world.connect(identity);
    await expect.poll(() => last.connections).toBe(1);
  });
});

const dayMs = 24 * 3_600_000;

/** A hub whose machine is set to another time while it runs. */
function jumping() {
  const state = { offMs: 0, sleeps: 0 };
  const steady = createSteadyClock({ wall: () => Date.now() + state.offMs, jumped: () => undefined });
  const sleep: Clock["sleep"] = (ms, signal) => {
    state.sleeps += 1;
    return steady.sleep(ms, signal);
  };
  return { state, clock: { now: steady.now, sleep } };
}

describe("R22: a hub whose machine's clock jumps", () => {
  it.each([400, -400])("by %i days keeps its agents, renews their certificates and lets others join", async (days) => {
    const { state, clock } = jumping();
    await using world = await createWorld({ clock });
    const identity = await world.join("dev-1");
    const agent = world.connect(identity);
    await expect.poll(() => agent.connections).toBe(1);
    state.offMs = days * dayMs;
    // The link looks through its connections each second.
    const before = state.sleeps;
    await expect.poll(() => state.sleeps, { timeout: 10_000 }).toBeGreaterThan(before + 4);
    expect([agent.connections, agent.ends]).toEqual([1, []]);
    await world.renew(identity);
    expect(Math.abs(identityValidity(identity.current()).notAfterMs - Date.now() - dayMs)).toBeLessThan(60_000);
    const other = world.connect(await world.join("dev-2"));
    await expect.poll(() => other.connections).toBe(1);
    expect(world.hub.of("disconnected")).toEqual([]);
  });

  it.each([-4 * 60_000, -400 * dayMs])("by %i ms lets no certificate in that has ended", async (offMs) => {
    const { state, clock } = jumping();
    await using world = await createWorld({ clock, clientLifetimeMs: 3_000 });
    const ended = (await world.join("dev-1")).current();
    expect(await world.codeOfFetch(ended)).not.toBe("unauthorized");
    await expect.poll(() => identityValidity(ended).notAfterMs < clock.now(), { timeout: 10_000 }).toBe(true);
    state.offMs = offMs;
    expect(await world.codeOfFetch(ended)).toBe("unauthorized");
  });
});

describe("T25: a TLS session that was saved", () => {
  it.each(["expires", "is revoked"] as const)(
    "is worth nothing when its certificate %s, also after a restart of the hub",
    async (end) => {
      await using world = await createWorld(end === "expires" ? { clientLifetimeMs: 1_500 } : {});
      const own = (await world.join("dev-1")).current();
      const session = await world.saveSession(own);
      if (end === "expires") {
        const { notAfterMs } = identityValidity(own);
        await expect.poll(() => Date.now() > notAfterMs, { timeout: 4_000 }).toBe(true);
      } else world.acceptance().revoke("dev-1", "its key leaked");
      expect(await world.resumes(session)).toBe(false);
      expect(await world.codeOfFetch(own)).toBe(end === "expires" ? "unauthorized" : "cluster_revoked");
      await world.restartHub();
      expect(await world.resumes(session)).toBe(false);
      expect(await world.codeOfFetch(own)).toBe(end === "expires" ? "unauthorized" : "cluster_revoked");
    },
  );
});
