import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { systemClock } from "@drover/shared/clock";
import { loadAuthority } from "@drover/shared/trust/authority";
import { createIdentity, createKeyRequest, type Identity } from "@drover/shared/trust/identity";
import { loadSigningKey } from "@drover/shared/trust/signing-key";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { codeOfFetch } from "./enrolment-world.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";
import type { Program } from "./program.ts";

// The processes begin their lives under a machine's clock that is wrong by more than any certificate lives.

const dayMs = 24 * 3_600_000;
const signal = AbortSignal.timeout(280_000);
const patience = { timeout: 60_000, interval: 50 } as const;
const everywhere = { fleet: "all" };
const target = ["shop@dev-1"];

let fleet: Fleet;
let uid: string | undefined;
const files = (round: string, ...more: readonly string[]): string =>
  [configMap("keep", { round }), ...more.map((name) => configMap(name, {}))].join("---\n");

beforeAll(async () => {
  fleet = await startFleet({
    servers: "embedded",
    clusters: { "dev-1": everywhere },
    files: {
      "apps/shop/drover.yaml": application("shop", "shop") + placement("shop", everywhere),
      "apps/shop/shop.yaml": files("0"),
    },
    programs: {
      hub: join(import.meta.dirname, "shifted-hub.ts"),
      agent: join(import.meta.dirname, "shifted-agent.ts"),
    },
  });
  await fleet.settle((await fleet.tree.git("rev-parse", "HEAD")).trim(), target);
  uid = (await live("keep"))?.metadata.uid;
});
afterAll(() => fleet[Symbol.asyncDispose]());

const live = (name: string) => fleet.cluster("dev-1").get("shop", `configmap/${name}`);
const commit = (round: string, ...more: readonly string[]): Promise<string> =>
  fleet.tree.commit(round, { "apps/shop/shop.yaml": files(round, ...more) });

async function startUnder(days: number, program: Program, folder: string): Promise<void> {
  await program.kill();
  await writeFile(`${folder}.clock`, String(days * dayMs));
  program.start();
  await program.ready();
}
const startHub = (days: number): Promise<void> => startUnder(days, fleet.hub, fleet.hubFolder);
const startAgent = (days: number): Promise<void> =>
  startUnder(days, fleet.cluster("dev-1").agent, join(fleet.hubFolder, "..", "agent-dev-1"));

/** What somebody does to an object is undone. */
async function heals(round: string): Promise<void> {
  await fleet
    .cluster("dev-1")
    .run("patch", "configmap", "keep", "--namespace=shop", "--patch", '{"data":{"round":"x"}}');
  await vi.waitFor(async () => expect((await live("keep"))?.data).toEqual({ round }), patience);
}

/** A certificate of the cluster as the hub's authority makes it at that time. */
async function certificateOf(nowMs: number): Promise<Identity> {
  const clock = { ...systemClock, now: () => nowMs };
  const authority = await loadAuthority(join(fleet.hubFolder, "keys"), { clock });
  const { csr, privateKey } = await createKeyRequest();
  const certificate = await authority.issueClient("dev-1", csr, 1);
  const { publicPem, id } = await loadSigningKey(join(fleet.hubFolder, "keys"));
  const common = { cluster: "dev-1", authority: authority.certificate, signingKey: publicPem, signingKeyId: id };
  return createIdentity({ ...common, certificate }, privateKey);
}

async function events(type: string): Promise<number> {
  const all = await Array.fromAsync(fleet.client.events.all({}, signal));
  return all.filter((event) => event.type === type).length;
}

describe("R22: a hub that starts under a wrong clock", () => {
  it("400 days behind takes the time of its agents, serves them, and lets no certificate in that has ended", async () => {
    const ended = await certificateOf(Date.now() - 400 * dayMs);
    await startHub(-400);
    expect(await codeOfFetch(fleet.link, ended)).toBe("unauthorized");
    expect(await codeOfFetch(fleet.link, await certificateOf(Date.now()))).toBe("");
    await fleet.settle(await commit("behind"), target);
    await startHub(0);
    expect(await codeOfFetch(fleet.link, ended)).toBe("unauthorized");
    await fleet.settle(await commit("right", "extra"), target);
  });

  it("400 days ahead is heard by no agent, takes nothing away, and goes on when the clock is right", async () => {
    await startHub(400);
    const head = await commit("ahead");
    await vi.waitFor(
      async () => expect((await fleet.client.sources.get("config", signal)).revision).toBe(head),
      patience,
    );
    const log = await fleet.cluster("dev-1").agent.log();
    await heals("right");
    await vi.waitFor(async () => {
      expect((await fleet.cluster("dev-1").agent.log()).slice(log.length)).toContain("link_closed");
    }, patience);
    expect(await live("extra")).toBeDefined();
    expect((await fleet.targets()).map(({ state }) => state)).toEqual(["offline"]);

    await startHub(0);
    await fleet.settle(head, target);
    expect(await live("extra")).toBeUndefined();
    expect((await live("keep"))?.metadata.uid).toBe(uid);
    expect(await events("recovered")).toBe(0);
  });
});

describe("R22: an agent that starts under a wrong clock", () => {
  it.each([400, -400])(
    "of %i days heals and applies, deletes nothing, and goes on when the clock is right",
    async (days) => {
      await fleet.settle(await commit(`before ${days}`, "extra"), target);
      const { agent } = fleet.cluster("dev-1");
      const renewed = async (): Promise<number> => (await agent.log()).split("certificate renewed").length - 1;
      const before = await renewed();
      await startAgent(days);
      await fleet.settle(await commit(`off ${days}`, "extra"), target);
      await heals(`off ${days}`);
      const head = await commit(`less ${days}`);
      await vi.waitFor(
        async () => expect((await fleet.targets()).map(({ reason }) => reason)).toEqual(["Stale"]),
        patience,
      );
      await heals(`less ${days}`);
      expect(await live("extra")).toBeDefined();
      expect((await renewed()) - before).toBeLessThanOrEqual(1);

      await startAgent(0);
      await fleet.settle(head, target);
      expect(await live("extra")).toBeUndefined();
      expect((await live("keep"))?.metadata.uid).toBe(uid);
      expect(await events("recovered")).toBe(0);
    },
  );
});
