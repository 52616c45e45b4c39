import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createClient } from "@drover/shared/api/client";
import { afterAll, beforeAll, expect, it } from "vitest";

import { createWorkTree, type WorkTree } from "../rig/git.ts";
import { freePort } from "../rig/ports.ts";
import { eventually } from "./eventually.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startProgram, type Program } from "./program.ts";

const hubFile = join(import.meta.dirname, "..", "..", "hub", "src", "main.ts");
const fault = join(import.meta.dirname, "ends-process.preload.ts");
const signal = AbortSignal.timeout(400_000);
const good = ["one", "two", "three", "four", "five", "six"];
/** In no repository is anything that a hub without the fault could not read. */
const ends = "ends-the-process";

let hub: Program;
let url: string;
let token: string;
let client: ReturnType<typeof createClient>;
const trees = new Map<string, WorkTree>();
const parts = new AsyncDisposableStack();

const files = (name: string, content: string) => ({
  "drover.yaml": application(name, name).replace(`apps/${name}`, "files") + placement(name, { fleet: "all" }),
  "files/map.yaml": configMap(name, { content }),
});
const tree = (name: string): WorkTree => {
  const found = trees.get(name);
  if (found === undefined) throw new Error(`there is no repository ${name}`);
  return found;
};
const assigned = async (app: string): Promise<string | undefined> =>
  (await client.targets.get({ app, cluster: "dev-1" }, signal)).revision;

/** A client of ours would ask again when the hub ends before it has answered, and so end it again. */
async function askOnce(path: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  await fetch(`${url}${path}`, { method: "POST", headers, signal }).catch(() => undefined);
}

/** Of a machine that does other things as well: several starts of a hub. */
const patience = { timeoutMs: 100_000, intervalMs: 20 };

/** Starts the hub again whenever it has ended, as whatever runs it would, until the check holds; counts the ends. */
async function supervise(check: () => Promise<void>): Promise<number> {
  let deaths = 0;
  await eventually(async () => {
    if (!hub.running) {
      deaths += 1;
      hub.start();
    }
    await check();
  }, patience);
  return deaths;
}

/** A change of each good repository arrives. */
async function commitGood(content: string): Promise<() => Promise<void>> {
  const heads = await Promise.all(
    good.map(async (name) => [name, await tree(name).commit(content, files(name, content))]),
  );
  return async () => {
    for (const [name = "", head] of heads) expect(await assigned(name)).toBe(head);
  };
}

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "drover-quarantine-"));
  parts.defer(async () => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const dataDir = join(folder, "hub");
  const api = `127.0.0.1:${await freePort()}`;
  const link = `127.0.0.1:${await freePort()}`;
  const args = ["--data-dir", dataDir, "--api-address", api, "--link-address", link, "--log-level", "debug"];
  const nodeArgs = ["--import", fault];
  hub = parts.use(startProgram({ file: hubFile, args, nodeArgs, logFile: `${dataDir}.log`, probes: api }));
  await hub.ready();
  token = (await readFile(join(dataDir, "admin-token"), "utf8")).trim();
  url = `http://${api}`;
  client = createClient({ url, token });
  await client.clusters.join({ name: "dev-1", labels: { fleet: "all" }, link: "grpc" }, signal);
  for (const name of [...good, "bad"]) {
    trees.set(name, parts.use(await createWorkTree({ files: files(name, "0") })));
    await client.sources.add({ name, url: tree(name).path, intervalSeconds: 1 }, signal);
  }
  await eventually(async () => {
    for (const name of trees.keys()) expect(await assigned(name)).not.toBe("");
  }, patience);
});
afterAll(() => parts.disposeAsync());

const conditions = {
  source: async () => (await client.sources.get("bad", signal)).conditions,
  application: async () => (await client.applications.get("bad", signal)).conditions,
};

it.each([
  ["a declaration", "drover.yaml", "source"],
  ["a manifest", "files/map.yaml", "application"],
] as const)("T8: %s that ends the hub's process is put aside after three ends, and others go on", async (...row) => {
  const [, file, what] = row;
  const before = await assigned("bad");
  const isQuarantined = async (): Promise<void> => {
    expect(await conditions[what]()).toContainEqual(
      expect.objectContaining({
        status: "False",
        reason: "Quarantined",
        message: expect.stringContaining("drover sync source/bad"),
      }),
    );
  };
  const poison = await tree("bad").commit("poison", { [file]: `${files("bad", "1")[file]}# ${ends}\n` });
  const arrived = await commitGood(poison);
  expect(await supervise(async () => Promise.all([isQuarantined(), arrived()]).then(() => undefined))).toBe(3);
  // What it had assigned before stays, and the hub goes on over polls.
  expect(await assigned("bad")).toBe(before);

  // A person has it tried once more, which costs one end.
  await askOnce("/api/v1/sources/bad/sync");
  await eventually(async () => expect(hub.running).toBe(false), patience);
  expect(await supervise(isQuarantined)).toBe(1);

  const cure = await tree("bad").commit("cure", files("bad", poison));
  const isCured = async (): Promise<void> => expect(await assigned("bad")).toBe(cure);
  expect(await supervise(isCured)).toBe(0);
  const found = [...(await conditions.source()), ...(await conditions.application())];
  expect(found.filter(({ status }) => status !== "True")).toEqual([]);
});
