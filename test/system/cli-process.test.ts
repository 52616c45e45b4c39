import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { sampleToken, startApi, type RunningApi } from "@drover/hub/api/start-api";
import { writeContext } from "@drover/shared/api/contexts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startDrover, type Outcome } from "./cli.ts";

/** Long enough for a machine that does much else. */
const patience = { timeout: 10_000 };

let api: RunningApi;
let folder: string;
beforeAll(async () => {
  api = await startApi({ newTrace: () => "9d1c0001", limits: { agentTimeoutMs: 100 } });
  folder = await mkdtemp(join(tmpdir(), "drover-cli-"));
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const connected = () => ({ DROVER_SERVER: api.url, DROVER_TOKEN: sampleToken, HOME: folder });

function drover(line: string, env: Readonly<Record<string, string>> = connected()): Promise<Outcome> {
  return startDrover(line.split(" "), env).outcome;
}

/** An address where nobody listens. */
async function deadUrl(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}`;
}

describe("exit codes", () => {
  test.each([
    ["get apps", 0],
    ["diff metrics@dev-1 --exit-code", 0],
    ["diff shop@prod-eu-1", 0],
    ["diff shop@prod-eu-1 --exit-code", 10],
    ["diff shop@prod-ap-1 --exit-code", 1],
    ["get nothing", 2],
    ["gte apps", 2],
    ["get apps --heders", 2],
    ["get apps -o xml", 2],
    ["get targets shop", 2],
    ["get clusters -l a~b", 2],
    ["diff shop@prod-eu-3", 3],
    ["sync shop@prod-eu-3 --wait --timeout 0s", 3],
    ["describe cluster prod-eu-2", 5],
    ["get targets shop@nowhere", 5],
    ["join dev-1", 6],
    ["cluster remove dev-1", 6],
  ])("drover %s: %i", async (line, code) => {
    const outcome = await drover(line);
    expect(outcome.code).toBe(code);
    expect(outcome.stderr.startsWith("error[")).toBe(code !== 0 && code !== 10);
  });

  test("4 when the token is wrong, 7 when nobody answers, 2 when no hub is known", async () => {
    expect((await drover("get apps", { ...connected(), DROVER_TOKEN: "wrong" })).code).toBe(4);
    expect((await drover("get apps", { ...connected(), DROVER_SERVER: await deadUrl() })).code).toBe(7);
    const { code, stderr } = await drover("get apps", { HOME: folder });
    expect([code, stderr]).toEqual([
      2,
      "error[config_invalid]: no hub is configured\n" +
        "  hint: start one here with npm start, or name one: drover context add NAME --server URL --token-file FILE\n",
    ]);
  });
});

describe("errors", () => {
  test("are one sentence, a hint and the trace, on stderr", async () => {
    expect(await drover("describe app shp")).toEqual({
      code: 5,
      stdout: "",
      stderr: 'error[not_found]: there is no app "shp"\n  hint: did you mean shop?\n  trace: 9d1c0001\n',
    });
  });

  test("never show a token", async () => {
    const secret = "drv_do-not-print-me";
    for (const line of ["get apps", "version", "events -w"]) {
      const { stdout, stderr } = await drover(line, { ...connected(), DROVER_TOKEN: secret });
      expect(stdout + stderr).not.toContain(secret);
    }
  });
});

describe("contexts", () => {
  test("are for their owner only, and the token of one never goes to another server", async () => {
    const home = await mkdtemp(join(folder, "home-"));
    const env = { XDG_CONFIG_HOME: home };
    await writeContext("local", { server: api.url, token: sampleToken }, { env });
    const file = join(home, "drover", "contexts.yaml");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await drover("get apps -o name", env)).stdout).toBe("shop\nbilling\nmetrics\n");
    const elsewhere = await drover(`get apps --server ${api.url}`, env);
    expect([elsewhere.code, elsewhere.stderr.includes("no token for")]).toEqual([4, true]);
  });

  test("are added, listed, used and suggested", async () => {
    const home = await mkdtemp(join(folder, "home-"));
    const env = { XDG_CONFIG_HOME: home };
    const tokenFile = join(home, "token");
    await writeFile(tokenFile, `${sampleToken}\n`);
    expect((await drover(`context add here --server ${api.url} --token-file ${tokenFile}`, env)).code).toBe(0);
    expect((await drover("context add there --server http://127.0.0.1:1", env)).code).toBe(0);
    expect((await drover("get clusters -o name", env)).code).toBe(0);
    expect((await drover("context use tehre", env)).stderr).toContain("did you mean there?");
    expect((await drover("context use there", env)).code).toBe(0);
    const { items } = JSON.parse((await drover("context ls -o json", env)).stdout) as { items: unknown[] };
    expect(items).toEqual([
      { name: "here", server: api.url, current: false },
      { name: "there", server: "http://127.0.0.1:1", current: true },
    ]);
    expect((await drover("get clusters -o name --context here", env)).code).toBe(0);
    expect((await drover("get clusters -o name", { ...env, DROVER_CONTEXT: "here" })).code).toBe(0);
    expect(await readFile(join(home, "drover", "contexts.yaml"), "utf8")).not.toContain(sampleToken);
  });

  test("that cannot be read say so instead of being replaced", async () => {
    const home = await mkdtemp(join(folder, "home-"));
    const env = { XDG_CONFIG_HOME: home };
    await writeContext("local", { server: api.url }, { env });
    const file = join(home, "drover", "contexts.yaml");
    await writeFile(file, "contexts: [1, 2");
    const { code, stderr } = await drover("context use local", env);
    expect([code, stderr.includes(`${file} is not a list of contexts`)]).toEqual([2, true]);
    expect(await readFile(file, "utf8")).toBe("contexts: [1, 2");
  });
});

describe("following events", () => {
  test("prints them as they happen, and where to resume on Ctrl-C", async () => {
    const command = startDrover(["events", "-w", "--app", "shop"], connected());
    await expect.poll(() => api.backend.events.followers, patience).toBe(1);
    const at = Date.UTC(2026, 10, 21, 10, 53, 2);
    api.backend.events.add({ at, type: "failed", app: "shop", cluster: "prod-eu-3", message: "ImagePullBackOff" });
    api.backend.events.add({ at, type: "failed", app: "metrics", cluster: "prod-eu-3", message: "not asked for" });
    await expect
      .poll(() => command.output.stdout, patience)
      .toBe("10:53:02 failed       shop@prod-eu-3 ImagePullBackOff\n");
    command.interrupt();
    expect(await command.outcome).toMatchObject({ code: 0, stderr: "resume: drover events -w --after 1\n" });
    await expect.poll(() => api.backend.events.followers, patience).toBe(0);
  });

  test("ends with the refusal when the hub does not know the token", async () => {
    const { code, stderr } = await drover("events -w", { ...connected(), DROVER_TOKEN: "wrong" });
    expect([code, stderr.startsWith("error[unauthorized]:")]).toEqual([4, true]);
  });
});
