import type { CreatedToken } from "@drover/shared/api/access";
import { FakeClock } from "@drover/shared/clock";
import { expect, test } from "vitest";

import { digestOf, ownerToken } from "../auth.ts";
import { sampleToken, startApi, type RunningApi } from "../start-api.ts";
import type { TokenDigest } from "./holder.ts";

const patience = { timeout: 10_000 };

const call = (api: RunningApi, token: string, path: string, init: RequestInit = {}) => {
  const headers = new Headers(init.headers);
  headers.set("authorization", `Bearer ${token}`);
  return fetch(`${api.url}/api/v1${path}`, { ...init, headers });
};

const post = (api: RunningApi, token: string, path: string, body: unknown) =>
  call(api, token, path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });

async function create(api: RunningApi, body: unknown, token?: string): Promise<CreatedToken> {
  const made = await (token === undefined
    ? api.call("/api/v1/tokens", { method: "POST", body: JSON.stringify(body) })
    : post(api, token, "/tokens", body));
  expect(made.status).toBe(201);
  return (await made.json()) as CreatedToken;
}

test("a token that was made works until it is revoked, and is told once", async () => {
  await using api = await startApi();
  const { token } = await create(api, { name: "ci", roles: ["viewer"], scope: "env=dev" });
  const self = await (await call(api, token, "/self")).json();
  expect(self).toEqual({ name: "ci", roles: ["viewer"], scope: "env=dev", expires: 0 });
  expect(await (await api.call("/api/v1/tokens")).text()).not.toContain(token);
  expect((await api.call("/api/v1/tokens/ci", { method: "DELETE" })).status).toBe(204);
  expect((await call(api, token, "/self")).status).toBe(401);
  expect((await api.call("/api/v1/tokens/ci", { method: "DELETE" })).status).toBe(404);
});

test("nobody makes a token that may do more than their own", async () => {
  await using api = await startApi();
  const { token } = await create(api, { name: "sec", roles: ["security-admin"] });
  const made = async (role: string): Promise<number> =>
    (await post(api, token, "/tokens", { name: role, roles: ["viewer", role] })).status;
  const statuses = await Promise.all(
    ["viewer", "auditor", "editor", "approver", "cluster-registrar", "owner"].map(made),
  );
  expect(statuses).toEqual([201, 201, 403, 403, 403, 403]);
});

test.each([
  ["no role", { roles: [] }],
  ["a role that is none", { roles: ["root"] }],
  ["a scope that is no selector", { scope: "a b" }],
  ["a life of more than 90 days", { expiresInSeconds: 7_776_001 }],
  ["a life of seconds", { expiresInSeconds: 59 }],
  ["a name that is none", { name: "C I" }],
])("a token is not made with %s", async (_what, over) => {
  await using api = await startApi();
  const body = { name: "ci", roles: ["viewer"], ...over };
  expect((await api.call("/api/v1/tokens", { method: "POST", body: JSON.stringify(body) })).status).toBe(400);
});

test("T15: a stream that is open ends within seconds when its token is revoked, and no other does", async () => {
  const clock = new FakeClock();
  await using api = await startApi({ clock });
  const [first, second] = [
    await create(api, { name: "a", roles: ["viewer"] }),
    await create(api, { name: "b", roles: ["viewer"] }),
  ];
  const streams = await Promise.all([first, second].map(({ token }) => call(api, token, "/events/stream")));
  const ended = [false, false];
  for (const [index, stream] of streams.entries())
    void stream.body?.pipeTo(new WritableStream()).then(
      () => (ended[index] = true),
      () => (ended[index] = true),
    );
  await expect.poll(() => clock.sleeping, patience).toBe(4);
  await api.call("/api/v1/tokens/a", { method: "DELETE" });
  await clock.advance(5000);
  await expect.poll(() => ended, patience).toEqual([true, false]);
});

test("T14: two thousand wrong tokens are turned away, whatever they say of where they come from; right ones are not", async () => {
  await using api = await startApi({ newTrace: () => "trace" });
  const attempt = async (index: number): Promise<number> => {
    const headers = { "x-forwarded-for": `10.0.${index >> 8}.${index & 255}`, forwarded: `for=10.1.0.${index & 255}` };
    const response = await call(api, `wrong-${index}`, "/clusters", { headers });
    await response.body?.cancel();
    return response.status;
  };
  const counts = new Map<number, number>();
  for (let done = 0; done < 2_000; done += 100) {
    const statuses = await Promise.all(Array.from({ length: 100 }, (_, index) => attempt(done + index)));
    for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  expect(Object.fromEntries(counts)).toEqual({ 401: 5, 429: 1_995 });
  expect((await api.call("/api/v1/clusters")).status).toBe(200);
  expect(api.backend.entries).toEqual(Array.from({ length: 5 }, () => " read cluster  unauthorized"));
}, 60_000);

test("wrong tokens are looked at again after five minutes", async () => {
  const clock = new FakeClock(1);
  await using api = await startApi({ clock });
  const statuses = async (): Promise<number> => (await call(api, "wrong", "/version")).status;
  for (let index = 0; index < 5; index += 1) expect(await statuses()).toBe(401);
  expect(await statuses()).toBe(429);
  await clock.advance(5 * 60_000);
  expect(await statuses()).toBe(401);
});

const tokens: readonly TokenDigest[] = [
  ownerToken("sample", sampleToken),
  { name: "ops", sha256: digestOf("ops"), roles: ["rollout-operator"], scope: "env=prod", expiresAtMs: 0 },
  { name: "all", sha256: digestOf("all"), roles: ["viewer", "cluster-registrar"], scope: "", expiresAtMs: 0 },
];

test.each([
  ["all", "read", "cluster", undefined, ""],
  ["all", "label", "cluster", "prod-eu-1", ""],
  ["all", "delete", "cluster", "prod-eu-1", "the token all may not delete clusters"],
  ["all", "read", "audit", undefined, "the token all may not read entries of the audit log"],
  ["ops", "pause", "application", "shop", ""],
  [
    "ops",
    "pause",
    "application",
    "metrics",
    "the token ops is for env=prod only, and metrics is on other clusters too",
  ],
  ["ops", "pause", "application", "billing", 'there is no app "billing"'],
  ["ops", "read", "application", "metrics", ""],
  ["ops", "approve", "application", "shop", "the token ops may not approve applications"],
  ["ops", "sync", "target", "shop@prod-eu-1", ""],
  ["ops", "sync", "target", "metrics@dev-1", 'there is no target "metrics@dev-1"'],
  ["ops", "read", "cluster", "dev-1", 'there is no cluster "dev-1"'],
  ["ops", "read", "source", undefined, "the token ops is for env=prod only, and sources belong to the whole hub"],
])("can-i of %s: %s %s %s", async (...[holder, verb, kind, name, reason]) => {
  await using api = await startApi({ tokens });
  const query = new URLSearchParams({ verb, kind, ...(name === undefined ? {} : { name }) });
  const answer = await (await call(api, holder, `/self/can?${query.toString()}`)).json();
  expect(answer).toMatchObject({ allowed: reason === "", reason });
});

test("can-i says which verbs and kinds there are", async () => {
  await using api = await startApi({ tokens });
  const asked = await Promise.all(
    ["verb=raed&kind=cluster", "verb=read&kind=clusters", "verb=pause&kind=cluster"].map(async (query) => {
      const response = await call(api, "all", `/self/can?${query}`);
      return `${response.status} ${((await response.json()) as { detail: string }).detail}`;
    }),
  );
  expect(asked).toEqual([
    '400 "raed" is not a verb',
    '400 "clusters" is not a kind of thing',
    "400 nothing can pause clusters",
  ]);
});

test("what was asked for is in the audit log, done or refused, and reads are only when they were refused", async () => {
  await using api = await startApi({ tokens });
  await post(api, "ops", "/applications/shop/rollout", { action: "pause" });
  await post(api, "ops", "/applications/shop/rollout", { action: "approve" });
  await post(api, "all", "/clusters", { name: "prod-eu-1" });
  await post(api, "ops", "/applications/metrics/sync", {});
  await call(api, "ops", "/clusters");
  await call(api, "ops", "/clusters/nope");
  await call(api, "ops", "/sources");
  await fetch(`${api.url}/api/v1/clusters`);
  await api.call("/api/v1/sources/legacy", { method: "DELETE" });
  expect(api.backend.entries).toEqual([
    "ops pause application shop done",
    "ops approve application shop forbidden",
    "all join cluster prod-eu-1 cluster_exists",
    "ops sync application metrics forbidden",
    "ops read source  forbidden",
    "sample delete source legacy done",
  ]);
});

test("of what fails, a holder leaves sixty entries a minute", async () => {
  const clock = new FakeClock(1);
  await using api = await startApi({ tokens, clock });
  for (let index = 0; index < 70; index += 1) await call(api, "ops", "/sources");
  expect(api.backend.entries).toHaveLength(60);
  await api.call("/api/v1/sources/legacy", { method: "DELETE" });
  expect(api.backend.entries).toHaveLength(61);
});
