import { roles } from "@drover/shared/api/access";
import { systemClock } from "@drover/shared/clock";
import { silentLog } from "@drover/shared/log";
import { describe, expect, test } from "vitest";

import { digestOf } from "../auth.ts";
import { createHttpServer } from "../http-server.ts";
import { defaultLimits } from "../limits.ts";
import { MemoryBackend } from "../memory-backend.ts";
import { sampleFleet } from "../sample-fleet.ts";
import { startApi, type RunningApi } from "../start-api.ts";
import { guard } from "./guard.ts";
import { nobody, type TokenDigest } from "./holder.ts";
import { accessTable } from "./table.ts";

const token = (name: string, over: Partial<TokenDigest> = {}): TokenDigest => {
  return { name, sha256: digestOf(`drv-${name}`), roles: ["owner"], scope: "", expiresAtMs: 0, ...over };
};

/** One of every role, and some with a scope. Their tokens are `drv-NAME`. */
const tokens: readonly TokenDigest[] = [
  token("expired", { expiresAtMs: 1 }),
  ...roles.map((role) => token(role, { roles: [role] })),
  token("owner-of-prod", { scope: "env=prod" }),
  token("owner-of-dev", { scope: "env=dev" }),
  token("viewer-of-dev", { roles: ["viewer"], scope: "env=dev" }),
];

const send = (api: RunningApi, holder: string, [method, path]: readonly [string, string], body?: unknown) => {
  const headers = new Headers(holder === "nobody" ? {} : { authorization: `Bearer drv-${holder}` });
  if (body !== undefined) headers.set("content-type", "application/json");
  return fetch(`${api.url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
};

/** Of the sample fleet, in prod. */
const examples: Readonly<Record<string, unknown>> = {
  "POST /api/v1/clusters": { name: "prod-new", labels: { env: "prod" } },
  "PATCH /api/v1/clusters/:name/labels": { labels: { tier: "gold" } },
  "PATCH /api/v1/clusters/:name/cordon": { cordoned: true },
  "POST /api/v1/applications/:name/rollout": { action: "approve" },
  "POST /api/v1/applications/:name/confirm-placement": { digest: "sha256:12" },
  "POST /api/v1/targets/:app/:cluster/confirm-prune": { digest: "sha256:1" },
  "POST /api/v1/targets/:app/:cluster/signatures": {
    bundle: "sha256:1",
    keyId: "0123456789abcdef",
    cluster: "",
    expiresAtMs: 1,
    signature: `${"A".repeat(86)}==`,
  },
  "POST /api/v1/sources": { url: "https://git.example.com/new" },
  "PUT /api/v1/sources/:name/host-keys": { hostKeys: ["ssh-ed25519 AAAA"] },
  "PUT /api/v1/sources/:name/signers": { signedBy: [] },
  "PUT /api/v1/sources/:name/webhook": { forge: "gitlab" },
  "POST /api/v1/credentials": { name: "new", for: "https://git.example.com/" },
  "POST /api/v1/recovery": {},
  "POST /api/v1/clusters/:name/revoke": {},
  "POST /auth/device/session": { ticket: "none" },
  "POST /api/v1/tokens": { name: "new", roles: ["viewer"] },
  "PUT /api/v1/credentials/:name": { for: "https://git.example.com/" },
};

function pathOf(route: string): string {
  const named = { clusters: "prod-eu-1", applications: "shop", sources: "platform", credentials: "corp", tokens: "ci" };
  return (
    route
      .replace(":app/:cluster", "shop/prod-eu-1")
      .replace(/(?<kind>\w+)\/:name/u, (_text, kind: keyof typeof named) => `${kind}/${named[kind]}`)
      // Of these two the sample fleet has answers for another one.
      .replace("prod-eu-1/why", "prod-eu-3/why")
      .replace("prod-eu-1/blame", "prod-eu-3/blame?object=cm/shop&namespace=shop")
      .replace("sessions/:id", "sessions/s")
      .replace("self/can", "self/can?verb=read&kind=cluster")
      .replace(":source", "platform")
  );
}

/** What a caller gets of a route: 401, 403, 404 for what it does not see, or `+`, whatever the route then answers. */
async function verdict(api: RunningApi, holder: string, route: string): Promise<string> {
  const [method = "", path = ""] = route.split(" ");
  const response = await send(api, holder, [method, pathOf(path)], examples[route]);
  await response.body?.cancel();
  return path.startsWith("/webhooks") || ![401, 403, 404].includes(response.status) ? "+" : String(response.status);
}

/** The sample fleet, of which nothing is ever taken away. */
function lastingFleet(): MemoryBackend {
  const backend = new MemoryBackend(sampleFleet());
  void backend.createToken({ name: "ci", roles: ["viewer"] }, { name: "owner" });
  backend.sessionById.set("s", { ...nobody, kind: "command", name: "ana@example.com", sha256: "" });
  const keep = (): Promise<void> => Promise.resolve();
  return Object.assign(backend, {
    removeCluster: keep,
    removeSource: keep,
    removeCredential: keep,
    revokeToken: keep,
    endSession: keep,
  });
}

test("T11: every route times every credential", async () => {
  const holders = ["nobody", "wrong", ...tokens.map(({ name }) => name)];
  await using api = await startApi({ tokens, backend: lastingFleet(), limits: { wrongTokens: 1000 } });
  const lines: string[] = [holders.join(" ")];
  for (const route of Object.keys(accessTable)) {
    const verdicts = await Promise.all(holders.map((holder) => verdict(api, holder, route)));
    lines.push(`${verdicts.map((text) => text.padEnd(3)).join(" ")} ${route}`);
  }
  expect(lines.join("\n")).toMatchInlineSnapshot(`
    "nobody wrong expired viewer editor approver rollout-operator cluster-registrar security-admin auditor owner owner-of-prod owner-of-dev viewer-of-dev
    +   +   +   +   +   +   +   +   +   +   +   +   +   +   GET /healthz
    +   +   +   +   +   +   +   +   +   +   +   +   +   +   GET /readyz
    +   +   +   +   +   +   +   +   +   +   +   +   +   +   GET /metrics
    +   +   +   +   +   +   +   +   +   +   +   +   +   +   GET /openapi.json
    +   +   +   +   +   +   +   +   +   +   +   +   +   +   POST /webhooks/:source
    +   +   +   +   +   +   +   +   +   +   +   +   +   +   GET /auth/login
    +   +   +   +   +   +   +   +   +   +   +   +   +   +   GET /auth/callback
    +   +   +   +   +   +   +   +   +   +   +   +   +   +   POST /auth/device
    +   +   +   +   +   +   +   +   +   +   +   +   +   +   POST /auth/device/session
    401 401 401 +   +   +   +   +   +   +   +   +   +   +   GET /auth/session
    401 401 401 +   +   +   +   +   +   +   +   +   +   +   POST /auth/logout
    401 401 401 +   +   +   +   +   +   +   +   +   +   +   GET /api/v1/version
    401 401 401 +   +   +   +   +   +   +   +   +   +   +   GET /api/v1/self
    401 401 401 +   +   +   +   +   +   +   +   +   +   +   GET /api/v1/self/can
    401 401 401 +   +   +   +   +   +   +   +   +   +   +   GET /api/v1/clusters
    401 401 401 403 403 403 403 +   403 403 +   +   403 403 POST /api/v1/clusters
    401 401 401 +   +   +   +   +   +   +   +   +   404 404 GET /api/v1/clusters/:name
    401 401 401 403 403 403 403 403 +   403 +   +   404 403 DELETE /api/v1/clusters/:name
    401 401 401 403 403 403 403 403 +   403 +   +   404 403 POST /api/v1/clusters/:name/uninstall
    401 401 401 403 403 403 403 +   403 403 +   +   404 403 PATCH /api/v1/clusters/:name/labels
    401 401 401 403 403 403 403 +   403 403 +   +   404 403 PATCH /api/v1/clusters/:name/cordon
    401 401 401 403 403 403 403 +   403 403 +   +   404 403 POST /api/v1/clusters/:name/accept
    401 401 401 403 403 403 403 +   403 403 +   +   404 403 POST /api/v1/clusters/:name/reject
    401 401 401 403 403 403 403 403 +   403 +   +   404 403 POST /api/v1/clusters/:name/rotate
    401 401 401 403 403 403 403 403 +   403 +   +   404 403 POST /api/v1/clusters/:name/revoke
    401 401 401 +   +   +   +   403 +   +   +   +   +   +   GET /api/v1/applications
    401 401 401 +   +   +   +   403 +   +   +   +   404 404 GET /api/v1/applications/:name
    401 401 401 403 +   403 +   403 403 403 +   +   404 403 POST /api/v1/applications/:name/sync
    401 401 401 403 403 +   403 403 403 403 +   +   404 403 POST /api/v1/applications/:name/rollout
    401 401 401 403 403 +   403 403 403 403 +   +   404 403 POST /api/v1/applications/:name/confirm-placement
    401 401 401 +   +   +   +   403 +   +   +   +   +   +   GET /api/v1/targets
    401 401 401 +   +   +   +   403 +   +   +   +   404 404 GET /api/v1/targets/:app/:cluster
    401 401 401 403 +   403 +   403 403 403 +   +   404 403 POST /api/v1/targets/:app/:cluster/sync
    401 401 401 403 403 +   403 403 403 403 +   +   404 403 POST /api/v1/targets/:app/:cluster/confirm-prune
    401 401 401 403 403 +   403 403 403 403 +   +   404 403 POST /api/v1/targets/:app/:cluster/signatures
    401 401 401 +   +   +   +   403 +   +   +   +   404 404 GET /api/v1/targets/:app/:cluster/why
    401 401 401 +   +   +   +   403 +   +   +   +   404 404 GET /api/v1/targets/:app/:cluster/blame
    401 401 401 +   +   +   +   403 +   +   +   +   404 404 GET /api/v1/targets/:app/:cluster/diff
    401 401 401 +   +   +   +   403 +   +   +   +   404 404 GET /api/v1/targets/:app/:cluster/tree
    401 401 401 +   +   +   +   403 +   +   +   +   404 404 GET /api/v1/targets/:app/:cluster/rbac
    401 401 401 +   +   +   +   403 +   +   +   403 403 403 GET /api/v1/sources
    401 401 401 403 +   403 403 403 403 403 +   403 403 403 POST /api/v1/sources
    401 401 401 +   +   +   +   403 +   +   +   403 403 403 GET /api/v1/sources/:name
    401 401 401 403 +   403 403 403 403 403 +   403 403 403 DELETE /api/v1/sources/:name
    401 401 401 403 +   403 403 403 403 403 +   403 403 403 POST /api/v1/sources/:name/sync
    401 401 401 +   +   +   +   403 +   +   +   403 403 403 GET /api/v1/sources/:name/identity
    401 401 401 403 403 403 403 403 +   403 +   403 403 403 PUT /api/v1/sources/:name/host-keys
    401 401 401 403 403 403 403 403 +   403 +   403 403 403 PUT /api/v1/sources/:name/signers
    401 401 401 403 +   403 403 403 403 403 +   403 403 403 PUT /api/v1/sources/:name/webhook
    401 401 401 403 +   403 403 403 +   +   +   403 403 403 GET /api/v1/credentials
    401 401 401 403 403 403 403 403 +   403 +   403 403 403 POST /api/v1/credentials
    401 401 401 403 +   403 403 403 +   +   +   403 403 403 GET /api/v1/credentials/:name
    401 401 401 403 403 403 403 403 +   403 +   403 403 403 PUT /api/v1/credentials/:name
    401 401 401 403 403 403 403 403 +   403 +   403 403 403 DELETE /api/v1/credentials/:name
    401 401 401 403 403 403 403 403 +   +   +   403 403 403 GET /api/v1/tokens
    401 401 401 403 403 403 403 403 +   403 +   403 403 403 POST /api/v1/tokens
    401 401 401 403 403 403 403 403 +   403 +   403 403 403 DELETE /api/v1/tokens/:name
    401 401 401 403 403 403 403 403 +   +   +   403 403 403 GET /api/v1/sessions
    401 401 401 403 403 403 403 403 +   403 +   403 403 403 DELETE /api/v1/sessions/:id
    401 401 401 403 403 403 403 403 +   +   +   403 403 403 GET /api/v1/backups
    401 401 401 403 403 403 403 403 403 403 +   403 403 403 POST /api/v1/backups
    401 401 401 403 403 403 403 403 +   +   +   403 403 403 GET /api/v1/recovery
    401 401 401 403 403 403 403 403 403 403 +   403 403 403 POST /api/v1/recovery
    401 401 401 403 403 403 403 403 +   +   +   403 403 403 GET /api/v1/audit
    401 401 401 403 403 403 403 403 +   +   +   403 403 403 GET /api/v1/audit/check
    401 401 401 +   +   +   +   403 +   +   +   +   +   +   GET /api/v1/events
    401 401 401 +   +   +   +   403 +   +   +   +   +   +   GET /api/v1/events/stream"
  `);
});

describe("the table", () => {
  test("T11: a route that it does not name keeps the server from starting", () => {
    const app = createHttpServer({ log: silentLog, limits: defaultLimits, tls: undefined, newTrace: undefined });
    guard(app, { backend: new MemoryBackend(), authenticate: () => Promise.resolve(nobody), now: () => 0 });
    expect(() => app.get("/api/v1/secrets", () => "all of them")).toThrow(
      "nothing says who may use GET /api/v1/secrets",
    );
    expect(() => app.get("/healthz", () => "ok")).not.toThrow();
  });

  test("names no route that there is not", async () => {
    await using api = await startApi({ tokens });
    const { paths } = (await (await fetch(`${api.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    const served = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/gu, ":$1")}`),
    );
    expect(Object.keys(accessTable).toSorted()).toEqual([...served, "GET /openapi.json"].toSorted());
  });
});

describe("a scope", () => {
  const read = async (api: RunningApi, holder: string, path: string): Promise<string> =>
    (await send(api, holder, ["GET", `/api/v1${path}`])).text();

  test("T16: answers for what is out of it as for what is not there", async () => {
    await using api = await startApi({ tokens, newTrace: () => "trace" });
    for (const [out, missing] of [
      ["/clusters/prod-eu-1", "/clusters/prod-eu-9"],
      ["/applications/shop", "/applications/nope"],
      ["/targets/shop/prod-eu-1", "/targets/nope/prod-eu-1"],
      ["/targets/shop/prod-eu-1/diff", "/targets/nope/prod-eu-1/diff"],
      ["/targets/metrics/prod-eu-1/why", "/targets/metrics/prod-eu-9/why"],
    ] as const) {
      const name = /(?:prod-eu-\d|shop|nope)/gu;
      const mask = (text: string): string => text.replaceAll(name, "NAME");
      expect(mask(await read(api, "viewer-of-dev", out))).toBe(mask(await read(api, "viewer-of-dev", missing)));
    }
  });

  test("shows lists and counts without what is out of it", async () => {
    await using api = await startApi({ tokens });
    for (const [path, names, hidden] of [
      ["/clusters", '"total":1', "prod-"],
      ["/applications", '"name":"metrics"', '"name":"shop"'],
      ["/targets", '"cluster":"dev-1"', "prod-"],
    ] as const) {
      const text = await read(api, "viewer-of-dev", path);
      expect(text).toContain(names);
      expect(text).not.toContain(hidden);
    }
    expect(JSON.parse(await read(api, "owner-of-prod", "/applications/shop"))).toMatchObject({
      held: [],
      rollouts: [{ waiting: [] }],
    });
  });

  test("hides events of others", async () => {
    await using api = await startApi({ tokens });
    for (const [app, cluster] of [
      ["shop", ""],
      ["", "prod-eu-1"],
      ["metrics", ""],
      ["", "dev-1"],
      ["", ""],
    ] as const)
      api.backend.events.add({ at: 1, type: "t", app, cluster, message: "m" });
    const seen = JSON.parse(await read(api, "viewer-of-dev", "/events")) as { items: { id: number }[] };
    expect(seen.items.map(({ id }) => id)).toEqual([3, 4]);
  });

  test("T22: lets nobody take a cluster in or out by its labels, or join as one that is there", async () => {
    await using api = await startApi({ tokens });
    const join = (body: unknown) => send(api, "owner-of-dev", ["POST", "/api/v1/clusters"], body);
    const label = (name: string, labels: unknown) =>
      send(api, "owner-of-dev", ["PATCH", `/api/v1/clusters/${name}/labels`], { labels });
    expect((await label("prod-eu-1", { env: "dev" })).status).toBe(404);
    expect((await label("dev-1", { env: "prod" })).status).toBe(403);
    expect((await label("dev-1", { env: null })).status).toBe(403);
    expect((await label("dev-1", { tier: "gold" })).status).toBe(200);
    expect((await join({ name: "dev-2" })).status).toBe(403);
    expect((await join({ name: "prod-eu-1", labels: { env: "dev" } })).status).toBe(409);
    expect((await join({ name: "dev-2", labels: { env: "dev" } })).status).toBe(201);
  });

  test("changes an application only when it is on no other clusters", async () => {
    await using api = await startApi({ tokens });
    const sync = (holder: string, app: string) => send(api, holder, ["POST", `/api/v1/applications/${app}/sync`]);
    expect((await sync("owner-of-prod", "shop")).status).toBe(202);
    expect((await sync("owner-of-prod", "metrics")).status).toBe(403);
    expect((await sync("owner-of-dev", "shop")).status).toBe(404);
  });
});

test("a role that may approve may not pause, though the route is one", async () => {
  await using api = await startApi({ tokens });
  const act = async (holder: string, action: string): Promise<number> =>
    (await send(api, holder, ["POST", "/api/v1/applications/shop/rollout"], { action })).status;
  expect(await Promise.all([act("approver", "approve"), act("approver", "pause")])).toEqual([200, 403]);
  expect(await Promise.all([act("rollout-operator", "approve"), act("rollout-operator", "pause")])).toEqual([403, 200]);
});

test("a token ends by the hub's clock", async () => {
  const clock = { ...systemClock, now: () => 500 };
  await using api = await startApi({ tokens: [token("short", { expiresAtMs: 501 })], clock });
  expect((await send(api, "short", ["GET", "/api/v1/version"])).status).toBe(200);
  clock.now = () => 501;
  expect((await send(api, "short", ["GET", "/api/v1/version"])).status).toBe(401);
});
