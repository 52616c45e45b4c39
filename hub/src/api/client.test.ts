import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { StreamItem } from "@drover/shared/api/client";
import { createClient } from "@drover/shared/api/client";
import { DroverError } from "@drover/shared/errors";
import { describe, expect, test } from "vitest";

import { MemoryBackend } from "./memory-backend.ts";
import { sampleFleet } from "./sample-fleet.ts";
import { sampleToken, startApi } from "./start-api.ts";

/** Long enough for a machine that does much else. */
const patience = { timeout: 10_000 };

const { signal } = new AbortController();

async function failure(promise: Promise<unknown>): Promise<DroverError> {
  const reason: unknown = await promise.then(
    () => new Error("it worked"),
    (cause: unknown) => cause,
  );
  if (!(reason instanceof DroverError)) throw reason;
  return reason;
}

describe("client", () => {
  test("reads and asks for everything that the API has", async () => {
    await using api = await startApi();
    const client = createClient({ url: `${api.url}/`, token: sampleToken });
    const target = { app: "shop", cluster: "prod-eu-1" };
    expect((await client.version(signal)).hub).toBe("hub-test");
    expect((await client.clusters.list({ labelSelector: "env=prod" }, signal)).total).toBe(3);
    expect((await client.clusters.get("dev-1", signal)).labels).toEqual({ env: "dev" });
    expect((await client.clusters.label("dev-1", { env: null }, signal)).labels).toEqual({});
    expect((await client.clusters.join({ name: "new" }, signal)).name).toBe("new");
    expect(await client.clusters.remove("dev-1", signal)).toBeUndefined();
    expect((await client.applications.list({}, signal)).total).toBe(3);
    expect((await client.applications.get("billing", signal)).problems).toHaveLength(1);
    expect((await client.applications.sync("shop", signal)).targets).toHaveLength(3);
    expect((await client.targets.get(target, signal)).drifted).toBe(1);
    expect((await client.targets.sync(target, signal)).targets).toEqual(["shop@prod-eu-1"]);
    expect((await client.targets.diff(target, signal)).objects).toHaveLength(2);
    expect((await client.targets.tree(target, signal)).nodes).toHaveLength(2);
    const failed = { app: "shop", cluster: "prod-eu-3" };
    expect((await client.targets.why(failed, signal)).overrides).toHaveLength(2);
    expect((await client.targets.blame(failed, { object: "cm/shop", namespace: "shop" }, signal)).fields).toHaveLength(
      4,
    );
    expect(api.backend.asked).toContain("blame cm/shop shop");
    expect((await client.sources.add({ url: "/srv/config.git", name: "config" }, signal)).name).toBe("config");
    expect((await client.sources.get("config", signal)).url).toBe("/srv/config.git");
    expect((await client.sources.sync("config", signal)).name).toBe("config");
    expect(await client.sources.remove("config", signal)).toBeUndefined();
    const parts = { for: "https://git.example.com", password: "s" };
    expect((await client.credentials.add({ name: "git", ...parts }, signal)).name).toBe("git");
    expect((await client.credentials.replace("git", parts, signal)).for).toBe(parts.for);
    expect((await client.credentials.get("corp", signal)).state).toBe("degraded");
    expect((await client.credentials.list({}, signal)).total).toBe(3);
    expect(await client.credentials.remove("git", signal)).toBeUndefined();
    const created = await client.tokens.create({ name: "ci", roles: ["viewer"], expiresInSeconds: 60 }, signal);
    expect(created.token).toMatch(/^drv_[0-9a-f]{16}_[\w-]{43}$/u);
    expect((await client.tokens.list({}, signal)).items).toHaveLength(1);
    expect(await client.tokens.revoke("ci", signal)).toBeUndefined();
    expect((await client.self(signal)).roles).toEqual(["owner"]);
    expect((await client.can({ verb: "read", kind: "audit" }, signal)).allowed).toBe(true);
    expect((await client.audit.list({ after: 1 }, signal)).items[0]?.id).toBe(2);
    expect((await client.audit.check(signal)).broken).toBe(0);
    const backup = await client.backups.make(signal);
    expect((await client.backups.list(signal)).items).toEqual([backup]);
    expect((await client.recovery.get(signal)).held).toEqual([]);
    expect((await client.recovery.confirm({ force: true }, signal)).unread).toEqual([]);
    expect(api.backend.asked).toContain("confirm recovery by force");
    expect((await client.events.list({}, signal)).items).toEqual([]);
  });

  test("goes through all pages, fetching them as they are asked for", async () => {
    await using api = await startApi();
    let calls = 0;
    const counting: typeof fetch = (input, init) => {
      calls += 1;
      return fetch(input, init);
    };
    const client = createClient({ url: api.url, token: sampleToken, fetch: counting });
    const names: string[] = [];
    for await (const cluster of client.clusters.all({ limit: 1 }, signal)) {
      names.push(cluster.name);
      expect(calls).toBe(names.length);
    }
    expect(names).toEqual(["dev-1", "prod-ap-1", "prod-eu-1", "prod-eu-3"]);
  });

  test("takes names that need escaping for what they are", async () => {
    await using api = await startApi();
    const client = createClient({ url: api.url, token: sampleToken });
    const error = await failure(client.clusters.get("../sources/platform?x#y", signal));
    expect([error.code, error.message]).toEqual(["not_found", 'there is no cluster "../sources/platform?x#y"']);
  });

  test("throws the hub's errors with code, hint and trace", async () => {
    await using api = await startApi({ newTrace: () => "trace-7" });
    const client = createClient({ url: api.url, token: sampleToken });
    expect(await failure(client.applications.get("shp", signal))).toMatchObject({
      code: "not_found",
      message: 'there is no app "shp"',
      hint: "did you mean shop?",
      trace: "trace-7",
    });
    const stranger = createClient({ url: api.url, token: "wrong" });
    expect((await failure(stranger.version(signal))).code).toBe("unauthorized");
  });

  test("says api_unreachable when nobody or somebody else answers", async () => {
    const server = createServer((request, response) => {
      if (request.url?.includes("version") === true) response.end("<html>");
      else if (request.url?.includes("clusters") === true) response.writeHead(302, { location: "/x" }).end();
      else response.writeHead(502, { "content-type": "text/html" }).end("bad gateway");
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = createClient({ url, token: "t" });
    expect((await failure(client.version(signal))).code).toBe("api_unreachable");
    expect((await failure(client.clusters.list({}, signal))).code).toBe("api_unreachable");
    expect((await failure(client.sources.list({}, signal))).code).toBe("api_unreachable");
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
    const error = await failure(client.version(signal));
    expect([error.code, error.message.includes(url), error.hint !== undefined]).toEqual([
      "api_unreachable",
      true,
      true,
    ]);
  });

  test("says canceled when the caller gave up", async () => {
    await using api = await startApi({ limits: { agentTimeoutMs: 60_000 } });
    const client = createClient({ url: api.url, token: sampleToken });
    const caller = new AbortController();
    const asking = failure(client.targets.diff({ app: "shop", cluster: "prod-eu-3" }, caller.signal));
    await expect.poll(() => api.backend.asked, patience).not.toEqual([]);
    caller.abort();
    expect((await asking).code).toBe("canceled");
  });
});

describe("client following events", () => {
  test("resumes without a gap when the hub goes away and comes back", async () => {
    const backend = new MemoryBackend(sampleFleet());
    let api = await startApi({ backend });
    const first = new URL(api.url).port;
    // The second hub listens elsewhere; to the client it is the same address.
    const client = createClient({
      url: `http://127.0.0.1:${first}`,
      token: sampleToken,
      fetch: (input, init) => fetch(input.replace(`:${first}/`, `:${new URL(api.url).port}/`), init),
      random: () => 0,
    });
    const stop = new AbortController();
    const items: StreamItem[] = [];
    const following = (async () => {
      for await (const item of client.events.follow({ after: 0 }, stop.signal)) items.push(item);
    })();
    const ids = (): readonly number[] => items.flatMap((item) => (item.kind === "event" ? [item.event.id] : []));
    const happen = (): void => backend.events.add({ at: 1, type: "applied", app: "shop", cluster: "c1", message: "" });
    happen();
    await expect.poll(ids, patience).toEqual([1]);
    await api[Symbol.asyncDispose]();
    happen();
    happen();
    api = await startApi({ backend });
    await expect.poll(ids, patience).toEqual([1, 2, 3]);
    expect(items.some((item) => item.kind === "lost")).toBe(true);
    stop.abort();
    await following;
    await api[Symbol.asyncDispose]();
  });

  test("passes a reset on", async () => {
    await using api = await startApi({ backend: new MemoryBackend({}, 1) });
    for (const type of ["a", "b", "c"]) api.backend.events.add({ at: 1, type, app: "", cluster: "", message: "" });
    const client = createClient({ url: api.url, token: sampleToken });
    const kinds: string[] = [];
    for await (const item of client.events.follow({ after: 1 }, signal)) {
      kinds.push(item.kind);
      if (item.kind === "event") break;
    }
    expect(kinds).toEqual(["open", "reset", "event"]);
    await expect.poll(() => api.backend.events.followers, patience).toBe(0);
  });

  test("ends with the hub's refusal instead of asking for ever", async () => {
    await using api = await startApi();
    const stranger = createClient({ url: api.url, token: "wrong" });
    expect((await failure(stranger.events.follow({}, signal).next())).code).toBe("unauthorized");
  });
});
