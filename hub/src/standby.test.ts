import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FakeClock } from "@drover/shared/clock";
import { silentLog } from "@drover/shared/log";
import { beforeEach, expect, it, onTestFinished, vi } from "vitest";

import { loadHubConfig } from "./config.ts";
import { createHub, type Hub, storeFile } from "./hub.ts";
import { lockStore } from "./store/lock.ts";

let dataDir = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "drover-standby-"));
  onTestFinished(() => rm(dataDir, { recursive: true }));
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof bound === "object" && bound !== null ? bound.port : 0;
}

async function start(clock: FakeClock): Promise<{ readonly url: string; readonly hub: Promise<Hub> }> {
  const port = await freePort();
  const argv = ["--data-dir", dataDir, "--api-address", `127.0.0.1:${port}`, "--standby", "yes"];
  const deps = { clock, random: Math.random, log: silentLog, environment: {} };
  const stop = new AbortController();
  const hub = createHub(loadHubConfig({ argv, env: {} }), deps, stop.signal);
  hub.catch(() => undefined);
  onTestFinished(async () => {
    stop.abort(new Error("the test stops it"));
    // What has the store gives it back.
    await hub.then((taken) => taken.run(() => undefined, stop.signal)).catch(() => undefined);
  });
  return { url: `http://127.0.0.1:${port}`, hub };
}

it("E71: a hub that stands by says that it lives and nothing else, and makes and reads nothing until the store is free", async () => {
  const held = lockStore(storeFile({ dataDir }));
  const clock = new FakeClock(1_000);
  const { url, hub } = await start(clock);
  await vi.waitFor(async () => expect((await fetch(`${url}/healthz`)).status).toBe(200));
  for (const path of ["/readyz", "/metrics", "/api/v1/version", "/api/v1/clusters", "/webhooks/config"]) {
    const answer = await fetch(`${url}${path}`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: "hub_standby" });
  }
  for (let look = 0; look < 5; look += 1) await clock.advance(200);
  // No authority, no token, no reserve, no word of what is at work.
  expect(await readdir(dataDir)).toEqual(["hub.db-lock"]);

  held?.[Symbol.dispose]();
  await clock.advance(200);
  const { adminToken } = await hub;
  expect(adminToken).not.toBe("");
  expect(await readdir(dataDir)).toEqual(
    expect.arrayContaining(["admin-token", "attempts", "hub.db", "keys", "reserve"]),
  );
  await expect(fetch(`${url}/healthz`)).rejects.toThrow("fetch failed");
});

it("E71: of two hubs that stand by, one takes the store and the other goes on waiting", async () => {
  const held = lockStore(storeFile({ dataDir }));
  const clock = new FakeClock(1_000);
  const [one, other] = [await start(clock), await start(clock)];
  await vi.waitFor(() => expect(clock.sleeping).toBe(2));
  held?.[Symbol.dispose]();
  let taken = 0;
  for (const { hub } of [one, other]) void hub.then(() => (taken += 1)).catch(() => undefined);
  await clock.advance(200);
  await Promise.race([one.hub, other.hub]);
  for (let look = 0; look < 5; look += 1) await clock.advance(200);
  expect(taken).toBe(1);
});
