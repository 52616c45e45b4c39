import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { createClient } from "@drover/shared/api/client";
import { expect, it } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { startNats } from "../rig/nats.ts";
import { freePort } from "../rig/ports.ts";
import { temporaryFolder } from "../rig/watchdog.ts";
import { bundle } from "./bundle.ts";
import { startProgram } from "./program.ts";

const signal = AbortSignal.timeout(60_000);
const patience = { timeout: 20_000, interval: 50 };

describeWithRig("nats-server")("a hub whose broker lets strangers in", () => {
  it("T29: goes on without it, says why where people look, and uses one that is configured as it is to be", async () => {
    await using folder = await temporaryFolder("weak-broker");
    const dataDir = join(folder.path, "hub");
    const [api, link] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const open = await startNats();
    await using parts = new AsyncDisposableStack();
    parts.defer(() => open[Symbol.asyncDispose]());
    const addresses = ["--data-dir", dataDir, "--api-address", api, "--link-address", link];
    const args = [...addresses, "--nats-url", open.url, "--nats-old-broker", "accept"];
    await using hub = startProgram({ file: bundle("hub"), args, logFile: join(folder.path, "hub.log"), probes: api });
    await hub.ready();
    const token = (await readFile(join(dataDir, "admin-token"), "utf8")).trim();
    const client = createClient({ url: `http://${api}`, token });
    const told = async (): Promise<readonly string[]> =>
      (await Array.fromAsync(client.events.all({}, signal))).flatMap(({ type, message }) =>
        message.includes("NATS broker") ? [`${type}: ${message}`] : [],
      );
    await expect.poll(told, patience).toEqual([expect.stringMatching(/^problem: .*without a login.*no_auth_user$/u)]);
    expect(await hub.log()).toContain("broker_weak");
    const joining = client.clusters.join({ name: "dev-1", labels: {}, link: "nats" }, signal);
    await expect(joining).rejects.toMatchObject({ code: "broker_weak", hint: expect.stringContaining("nats.conf") });
    await client.clusters.join({ name: "dev-2", labels: {} }, signal);

    await open[Symbol.asyncDispose]();
    const config = await readFile(join(dataDir, "nats.conf"), "utf8");
    parts.use(await startNats({ port: Number(new URL(open.url).port), config }));
    await expect.poll(told, patience).toContainEqual(expect.stringContaining("recovered: "));
    expect((await client.clusters.join({ name: "dev-1", labels: {}, link: "nats" }, signal)).brokerAccess).not.toBe("");
  });
});
