import { cp, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { restoreBackup } from "@drover/hub/store/backups";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { runCommand } from "../rig/command.ts";
import { freePort } from "../rig/ports.ts";
import { bundle } from "./bundle.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";

const signal = AbortSignal.timeout(170_000);
const patience = { timeout: 30_000, interval: 50 } as const;
const everywhere = { fleet: "all" };
const secret = (name: string, data: Readonly<Record<string, string>>): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name} }\nstringData: ${JSON.stringify(data)}\n`;

let fleet: Fleet;
const target = ["shop@dev-1"];
const shop = (round: string): string =>
  [configMap("shop", { round }), secret("key", { password: "c4nary-of-git" })].join("---\n");

beforeAll(async () => {
  fleet = await startFleet({
    servers: "embedded",
    clusters: { "dev-1": everywhere },
    files: {
      "apps/shop/drover.yaml": application("shop", "shop") + placement("shop", everywhere),
      "apps/shop/shop.yaml": shop("0"),
    },
  });
  await fleet.settle((await fleet.tree.git("rev-parse", "HEAD")).trim(), target);
});
afterAll(() => fleet[Symbol.asyncDispose]());

const commit = (round: string): Promise<string> => fleet.tree.commit(round, { "apps/shop/shop.yaml": shop(round) });
const round = async (): Promise<string | undefined> =>
  (await fleet.cluster("dev-1").get("shop", "configmap/shop"))?.data?.["round"];
/** Its agent connects at once instead of when its back-off ends, and holds what it has accepted all the same. */
const restartAgent = async (): Promise<void> => {
  const { agent } = fleet.cluster("dev-1");
  await agent.kill();
  agent.start();
};

async function* filesIn(folder: string): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) yield join(entry.parentPath, entry.name);
  }
}

/** Whatever the hub keeps, as bytes; `mirrors/` has what Git has, as Git has it. */
async function leaksOnDisk(canaries: readonly string[]): Promise<readonly string[]> {
  const forms = canaries.flatMap((value) => [value, btoa(value).slice(0, -4)]);
  const found: string[] = [];
  for await (const file of filesIn(fleet.hubFolder)) {
    if (file.startsWith(join(fleet.hubFolder, "mirrors"))) continue;
    const content = await readFile(file, "latin1");
    found.push(...forms.filter((form) => content.includes(form)).map((form) => `${form} in ${file}`));
  }
  return found;
}

it("T18, R27: passwords, tokens, webhook secrets and what Git has in clear are in nothing that the hub keeps", async () => {
  const { client } = fleet;
  const url = "http://127.0.0.1:9/private.git";
  await client.sources.add({ name: "private", url, username: "ci", password: "c4nary-of-a-password" }, signal);
  await client.credentials.add({ name: "team", for: url, username: "ci", password: "c4nary-of-a-credential" }, signal);
  const { secret } = await client.sources.webhook("private", { forge: "github", rotate: false }, signal);
  const { token } = await client.tokens.create({ name: "ci", roles: ["viewer"] }, signal);
  const joined = await client.clusters.join({ name: "later", labels: {} }, signal);
  await client.backups.make(signal);
  const canaries = ["c4nary-of-git", "c4nary-of-a-password", "c4nary-of-a-credential", secret, token, joined.token];
  expect(await leaksOnDisk(canaries)).toEqual([]);
  // The search finds what is there in clear.
  expect(await leaksOnDisk(["dev-1"])).toContain(`dev-1 in ${join(fleet.hubFolder, "hub.db-wal")}`);

  // Nor is what is wrong with a Secret told with what is in it.
  const begin = "apiVersion: v1\nkind: Secret\nmetadata: { name: slip }\n";
  const slips = [
    `${begin}stringData: { password: "c4nary-of-git\n`,
    `${begin}stringData:\n  password: c4nary-of-git\n  password: c4nary-of-git-again\n`,
    `${begin}stringData: c4nary-of-git\n`,
    `${begin}data: { password: [c4nary-of-git] }\n`,
    `${begin}stringData: { password: !c4nary-of-git x, c4nary-of-git: *c4nary-of-git }\n`,
  ];
  for (const [index, slip] of slips.entries()) {
    const head = await fleet.tree.commit(`slip ${index}`, { "apps/shop/slip.yaml": slip });
    await vi.waitFor(async () => expect((await client.sources.get("config", signal)).revision).toBe(head), patience);
  }
  await fleet.settle(await fleet.tree.commit("no slip", { "apps/shop/slip.yaml": undefined }), target);
  await client.backups.make(signal);
  expect(await leaksOnDisk(canaries)).toEqual([]);

  const args = [bundle("hub"), "--data-dir", fleet.hubFolder, "--new-store-key", "yes"];
  const { code } = await runCommand(process.execPath, args);
  expect(code).toBe(0);
  for (const turn of ["while the key changes", "and after"]) await fleet.settle(await commit(turn), target);
  await vi.waitFor(async () => {
    const events = await Array.fromAsync(client.events.all({}, signal));
    expect(events.map(({ type }) => type)).toContain("rekeyed");
  }, patience);
  await client.backups.make(signal);
  expect(await leaksOnDisk(canaries)).toEqual([]);
  // Nothing but the new key opens it.
  const keyFile = join(fleet.hubFolder, "keys", "store.key");
  await writeFile(keyFile, (await readFile(keyFile, "utf8")).split("\n")[0] ?? "");
  await fleet.hub.kill();
  fleet.hub.start();
  await fleet.hub.ready();
  await restartAgent();
  await fleet.settle(await commit("with the new key alone"), target);
  await client.sources.remove("private", signal);
  await client.clusters.remove("later", signal);
});

it("R27, T17: what stands in secrets of a cluster alone reaches neither the hub's disk nor its answers and logs", async () => {
  const { run, agent } = fleet.cluster("dev-1");
  const canaries = ["c4nary-of-an-edit", "c4nary-of-a-stranger", "c4nary-of-an-annotation"];
  const [edited = "", strange = "", noted = ""] = canaries;
  await run("create", "secret", "generic", "strange", "--namespace=shop", `--from-literal=password=${strange}`);
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": noted };
  const patch = { metadata: { annotations }, stringData: { password: edited } };
  await run("patch", "secret", "key", "--namespace=shop", "--type=merge", "--patch", JSON.stringify(patch));
  const answers: string[] = [];
  const ask = async (request: Promise<unknown>): Promise<void> => void answers.push(JSON.stringify(await request));
  await vi.waitFor(async () => {
    const events = await Array.fromAsync(fleet.client.events.all({}, signal));
    expect(events.map(({ type }) => type)).toContain("repaired");
  }, patience);
  await ask(fleet.client.targets.get({ app: "shop", cluster: "dev-1" }, signal));
  await ask(fleet.client.targets.diff({ app: "shop", cluster: "dev-1" }, signal));
  await ask(fleet.client.targets.tree({ app: "shop", cluster: "dev-1" }, signal));
  await ask(Array.fromAsync(fleet.client.events.all({}, signal)));
  await ask(fleet.client.backups.make(signal));
  const forms = canaries.flatMap((value) => [value, btoa(value).slice(0, -4)]);
  const leaked = (where: string, text: string): readonly string[] =>
    forms.filter((form) => text.includes(form)).map((form) => `${form} in ${where}`);
  const found = [...leaked("answers", answers.join("\n")), ...leaked("the agent's log", await agent.log())];
  found.push(...(await leaksOnDisk(canaries)), ...leaked("the hub's log", await fleet.hub.log()));
  expect(found).toEqual([]);
  // What Git has in clear the hub holds, and tells nobody.
  const told = `${answers.join("\n")}${await fleet.hub.log()}${await agent.log()}`;
  expect(told.includes("c4nary-of-git") || told.includes(btoa("c4nary-of-git").slice(0, -4))).toBe(false);
});

it("R15: a second hub on the same store is refused, and the first one goes on", async () => {
  const api = `127.0.0.1:${await freePort()}`;
  const link = `127.0.0.1:${await freePort()}`;
  const flags = ["--data-dir", fleet.hubFolder, "--api-address", api, "--link-address", link];
  const second = await runCommand(process.execPath, [bundle("hub"), ...flags]);
  expect(second.code).not.toBe(0);
  expect(second.stderr + second.stdout).toContain("store_failed");
  await fleet.settle(await commit("with a second hub"), target);
});

it("R15, E70: the hub that a restored one has followed changes nothing when it comes back", async () => {
  const { hub, hubFolder, client } = fleet;
  const [old, first] = [`${hubFolder}-old`, `${hubFolder}-first`];
  const held = async (): Promise<void> => {
    const recovery = await client.recovery.get(signal);
    expect(recovery).toMatchObject({ held: [{ cluster: "dev-1" }], unread: [] });
  };
  const startAs = async (folder: string, kept: string): Promise<void> => {
    await hub.kill();
    await rename(hubFolder, kept);
    await rename(folder, hubFolder);
    hub.start();
    await hub.ready();
    await restartAgent();
  };
  const { name } = await client.backups.make(signal);
  await hub.stop();
  await cp(hubFolder, old, { recursive: true });
  await restoreBackup(join(old, "backups", name), join(old, "hub.db"), Date.now());
  hub.start();
  await hub.ready();
  await restartAgent();
  await fleet.settle(await commit("of the first hub"), target);

  // One that was restored from a backup takes over: what the agent has accepted since stays until a person says so.
  await startAs(old, first);
  await vi.waitFor(held, patience);
  expect(await round()).toBe("of the first hub");
  await client.recovery.confirm({}, signal);
  await fleet.settle(await commit("of the second hub"), target);

  // The first one comes back, and knows nothing of the second.
  await startAs(first, old);
  const head = await commit("of nobody");
  await vi.waitFor(async () => expect((await client.sources.get("config", signal)).revision).toBe(head), patience);
  expect(await round()).toBe("of the second hub");
  await vi.waitFor(async () => {
    expect((await fleet.targets()).map(({ reason }) => reason)).toEqual(["HubBehind"]);
  }, patience);
});
