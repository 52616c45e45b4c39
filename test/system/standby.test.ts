import { readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";

import { createClient } from "@drover/shared/api/client";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { freePort } from "../rig/ports.ts";
import { eventually } from "./eventually.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";
import { startProgram, type Program } from "./program.ts";

/** One of the two hubs on the data folder. */
interface Side {
  readonly program: Program;
  readonly client: Fleet["client"];
}

const signal = AbortSignal.timeout(170_000);
const patience = { timeout: 30_000, interval: 20 } as const;
const hubFile = join(import.meta.dirname, "..", "..", "hub", "src", "main.ts");
const names = ["dev-1", "prod-1"];
const targets = names.map((name) => `shop@${name}`);
const everywhere = { fleet: "all" };
const shop = (round: string): string =>
  [configMap("shop", { round }), configMap("keep", { always: "here" })].join("---\n");

const parts = new AsyncDisposableStack();
afterAll(() => parts.disposeAsync());
let fleet: Fleet;
let first: Side;
let second: Side;
let secondPorts: { readonly api: string; readonly link: string };
let uids: readonly (string | undefined)[] = [];

const commit = (round: string): Promise<string> => fleet.tree.commit(round, { "apps/shop/shop.yaml": shop(round) });
/** Of what every commit contains: was it deleted, even for a moment, it has another. */
const keptUids = (): Promise<readonly (string | undefined)[]> =>
  Promise.all(names.map(async (name) => (await fleet.cluster(name).get("shop", "configmap/keep"))?.metadata.uid));
const settledBy = ({ client }: Side, head: string): Promise<void> => fleet.settle(head, targets, client);
/** So many times it has been said since the beginning. */
const said = async ({ program }: Side, what: string, times: number): Promise<void> =>
  eventually(
    async () => {
      const log = await program.log();
      if (log.split(what).length - 1 < times) throw new Error(`${what} is not said ${times} times:\n${log}`);
    },
    { timeoutMs: 30_000, intervalMs: 5 },
  );

beforeAll(async () => {
  secondPorts = { api: `127.0.0.1:${await freePort()}`, link: `127.0.0.1:${await freePort()}` };
  fleet = parts.use(
    await startFleet({
      servers: "embedded",
      clusters: Object.fromEntries(names.map((name) => [name, everywhere])),
      files: {
        "apps/shop/drover.yaml": application("shop", "shop") + placement("shop", everywhere),
        "apps/shop/shop.yaml": shop("0"),
      },
      otherLinks: [secondPorts.link],
      hubArgs: ["--standby", "yes"],
    }),
  );
  const { api, link } = secondPorts;
  const flags = ["--data-dir", fleet.hubFolder, "--api-address", api, "--link-address", link, "--standby", "yes"];
  const program = parts.use(
    startProgram({
      file: hubFile,
      args: [...flags, "--log-level", "debug"],
      logFile: `${fleet.hubFolder}-second.log`,
      probes: api,
    }),
  );
  first = { program: fleet.hub, client: fleet.client };
  second = { program, client: createClient({ url: `http://${api}`, token: fleet.token }) };
  await settledBy(first, (await fleet.tree.git("rev-parse", "HEAD")).trim());
  await said(second, "standing by", 1);
  uids = await keptUids();
});

it("E71: a hub that stands by lives, is not ready, and takes neither agents nor requests", async () => {
  const url = `http://${secondPorts.api}`;
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  await expect(second.client.version(signal)).rejects.toMatchObject({ code: "hub_standby" });
  const [host, port] = secondPorts.link.split(":");
  const refused = new Promise((resolve) => {
    createConnection({ host: host ?? "", port: Number(port) }).once("error", resolve);
  });
  expect(await refused).toMatchObject({ code: "ECONNREFUSED" });
});

it("E71: when the active hub is killed, the other one takes over: all agents are back, and a commit arrives", async () => {
  await first.program.kill();
  await second.program.ready();
  await settledBy(second, await commit("after a kill"));
  expect(await keptUids()).toEqual(uids);
});

it("E71: the hub that was killed comes back, stands by, and has the store again when the other one stops", async () => {
  first.program.start();
  await said(first, "standing by", 1);
  await settledBy(second, await commit("beside one that stands by"));
  await second.program.stop();
  await first.program.ready();
  await settledBy(first, await commit("after a stop"));
  expect(await keptUids()).toEqual(uids);
});

it("E71: a hub that is killed while its commit is on the way loses nothing, and nothing is pruned wrongly", async () => {
  second.program.start();
  await said(second, "standing by", 2);
  const head = await commit("on the way");
  await vi.waitFor(async () => {
    const found = await Array.fromAsync(first.client.targets.all({}, signal));
    expect(found.some(({ revision }) => revision === head)).toBe(true);
  }, patience);
  // What was decided has been sent to some, to all or to nobody.
  await first.program.kill();
  await second.program.ready();
  await settledBy(second, head);
  expect(await keptUids()).toEqual(uids);
});

interface Line {
  readonly time: number;
  readonly msg: string;
  readonly cluster?: string;
  readonly generation?: number;
  readonly epoch?: string;
}

const linesOf = (log: string): readonly Line[] =>
  log.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Line] : []));

it("E71: only the hub that has the store has sent anything, and each agent went through one epoch, generation by generation", async () => {
  const sides = [first, second].map(async ({ program }, hub) =>
    linesOf(await program.log()).map((line) => ({ ...line, hub })),
  );
  const lines = (await Promise.all(sides)).flat().toSorted((one, other) => one.time - other.time);
  const reigns = lines.flatMap(({ msg, hub }) => (msg === "assignments sent" ? [hub] : []));
  const turns = reigns.filter((hub, index) => hub !== reigns[index - 1]);
  // The last one sends nothing when everybody had been sent to.
  expect(turns).toEqual([0, 1, 0, 1].slice(0, Math.max(3, turns.length)));
  for (const name of names) {
    const log = linesOf(await readFile(`${join(fleet.hubFolder, "..")}/agent-${name}.log`, "utf8"));
    const accepted = log.filter(({ msg }) => msg === "accepted");
    expect(new Set(accepted.map(({ epoch }) => epoch)).size).toBe(1);
    const generations = accepted.map(({ generation }) => generation ?? 0);
    expect(generations).toEqual([...new Set(generations)].toSorted((one, other) => one - other));
    expect(generations.length).toBeGreaterThanOrEqual(5);
    expect(log.filter(({ msg }) => msg === "assignments refused")).toEqual([]);
  }
});
