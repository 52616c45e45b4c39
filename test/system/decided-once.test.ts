import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createClient, type Client } from "@drover/shared/api/client";
import { afterAll, beforeAll, expect, test } from "vitest";

import { freePort } from "../rig/ports.ts";
import { mulberry32 } from "../rig/random.ts";
import { bundle } from "./bundle.ts";
import { startProgram, type Program } from "./program.ts";

const never = AbortSignal.timeout(2 ** 31 - 1);
const kills = Number(process.env["DROVER_RETRY_KILLS"] ?? 2);

let folder = "";
let hub: Program;
let direct: Client;
let token = "";
let url = "";
let front: Server;
let through: Client;
/** Answers of which the client gets nothing, because the hub dies instead. */
let swallow = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "drover-once-"));
  const api = `127.0.0.1:${await freePort()}`;
  url = `http://${api}`;
  const addresses = ["--api-address", api, "--link-address", `127.0.0.1:${await freePort()}`];
  hub = startProgram({
    file: bundle("hub"),
    args: ["--data-dir", join(folder, "hub"), ...addresses],
    logFile: join(folder, "hub.log"),
    probes: api,
  });
  await hub.ready();
  token = (await readFile(join(folder, "hub", "admin-token"), "utf8")).trim();
  direct = createClient({ url, token });
  front = createServer((request, response) => void pass(request.url ?? "", request, response));
  const port = await freePort();
  front.listen(port, "127.0.0.1");
  await once(front, "listening");
  through = createClient({ url: `http://127.0.0.1:${port}`, token });
});
afterAll(async () => {
  front.close();
  front.closeAllConnections();
  await hub[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** What stands between client and hub: it waits for the answer, kills the hub, and lets the client know nothing. */
const pass: (
  ...args: readonly [string, ...Parameters<Parameters<typeof createServer>[1] & {}>]
) => Promise<void> = async (path, request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { host: _host, connection: _connection, "content-length": _length, ...kept } = request.headers;
  const headers = new Headers(Object.entries(kept).map(([name, value]) => [name, String(value)]));
  const init = { method: request.method ?? "GET", headers };
  const body = Buffer.concat(chunks);
  try {
    const answer = await fetch(`${url}${path}`, body.length === 0 ? init : { ...init, body });
    const text = await answer.text();
    if (swallow > 0) {
      swallow -= 1;
      await hub.kill();
      hub.start();
      response.destroy();
      return;
    }
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" }).end(text);
  } catch {
    response.destroy();
  }
};

/** How often each was done, as the audit log has it. */
async function doneTimes(verb: string): Promise<Readonly<Record<string, number>>> {
  await hub.ready();
  const times: Record<string, number> = {};
  for await (const entry of direct.audit.all({}, never))
    if (entry.verb === verb && entry.result === "done") times[entry.name] = (times[entry.name] ?? 0) + 1;
  return times;
}

test("R8: a hub that dies between its decision and the answer has decided once, and tells it when it is asked again", async () => {
  swallow = 1;
  const created = await through.tokens.create({ name: "once", roles: ["viewer"] }, never);
  swallow = 1;
  const joined = await through.clusters.join({ name: "dev-1", labels: { env: "dev" } }, never);
  swallow = 1;
  const labelled = await through.clusters.label("dev-1", { tier: "gold" }, never);
  expect(swallow).toBe(0);
  expect(labelled.labels).toMatchObject({ env: "dev", tier: "gold" });
  expect(joined.manifest).toContain(joined.token);
  await hub.ready();
  expect((await createClient({ url, token: created.token }).self(never)).name).toBe("once");
  expect(await doneTimes("create")).toMatchObject({ once: 1 });
  expect(await doneTimes("join")).toEqual({ "dev-1": 1 });
  expect(await doneTimes("label")).toEqual({ "dev-1": 1 });
});

test(
  `R8: nothing is decided twice or not at all whenever the hub dies: ${kills} kills`,
  { timeout: 30_000 + kills * 8_000 },
  async () => {
    const random = mulberry32(7);
    const names: string[] = [];
    const told: string[] = [];
    for (let round = 0; round < kills; round += 1) {
      await hub.ready();
      const batch = Array.from({ length: 8 }, (_, index) => `t${round}-${index}`);
      names.push(...batch);
      const asked = Promise.allSettled(
        batch.map(async (name) => direct.tokens.create({ name, roles: ["viewer"] }, never)),
      );
      await new Promise((resolve) => {
        setTimeout(resolve, Math.floor(random() * 40));
      });
      await hub.kill();
      hub.start();
      for (const [index, outcome] of (await asked).entries()) {
        const name = batch[index] ?? "";
        if (outcome.status === "fulfilled") told.push(name);
        // It never went out, or the hub was away for too long: nothing was said of it.
        else expect(outcome.reason).toMatchObject({ code: "api_unreachable" });
      }
    }
    const times = await doneTimes("create");
    expect(told.map((name) => [name, times[name]])).toEqual(told.map((name) => [name, 1]));
    expect(names.filter((name) => (times[name] ?? 0) > 1)).toEqual([]);
    expect((await direct.audit.check(never)).broken).toBe(0);
  },
);
