import { pageTokenHeader, sessionCookie } from "@drover/shared/api/session";
import { FakeClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { expect, test } from "vitest";

import type { KnownPerson, Logins } from "./logins.ts";
import { startApi, type RunningApi } from "./start-api.ts";

const ana: KnownPerson = {
  issuer: "https://id.example.com",
  subject: "6f1c",
  name: "ana@example.com",
  email: "",
  groups: [],
  grant: { roles: ["editor", "security-admin"], scope: "" },
};

/** An identity provider that lets Ana in, and knows one access token of hers. */
const logins: Logins = {
  begin: (returnTo) => Promise.resolve({ location: `https://id.example.com/?to=${returnTo}`, ticket: "ticket" }),
  finish: (search, ticket) =>
    ticket === "ticket" && search === "?code=1"
      ? Promise.resolve({ person: ana, returnTo: '/"><b>' })
      : Promise.reject(new DroverError("unauthorized", "no")),
  beginDevice: () => {
    const times = { expiresInSeconds: 600, intervalSeconds: 5 };
    const shown = { userCode: "ABCD", verificationUri: "https://id.example.com/device", verificationUriComplete: "" };
    return Promise.resolve({ ticket: "t", ...shown, ...times });
  },
  finishDevice: (ticket) => Promise.resolve(ticket === "t" ? ana : "pending"),
  bearer: (token) =>
    token === "a.b.c"
      ? Promise.resolve({
          name: ana.name,
          roles: ["viewer"],
          scope: "",
          expiresAtMs: 2 ** 52,
          person: { ...ana, session: "" },
        })
      : Promise.reject(new DroverError("unauthorized", "it has ended")),
};

const start = () => startApi({ logins, newTrace: () => "trace" });
const post = (api: RunningApi, path: string, headers: Record<string, string>, body?: unknown) =>
  fetch(`${api.url}${path}`, {
    method: "POST",
    headers: body === undefined ? headers : { ...headers, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** Logs in as a browser does; returns its cookie and what its pages have to show. */
async function logIn(api: RunningApi, before = ""): Promise<{ readonly cookie: string; readonly pageToken: string }> {
  const answer = await fetch(`${api.url}/auth/callback?code=1`, {
    headers: { cookie: `__Host-drover-login=ticket${before}` },
  });
  const kept = answer.headers.getSetCookie().find((line) => line.startsWith(sessionCookie)) ?? "";
  const cookie = kept.split(";")[0] ?? "";
  const session = (await (await fetch(`${api.url}/auth/session`, { headers: { cookie } })).json()) as {
    pageToken: string;
  };
  return { cookie, pageToken: session.pageToken };
}

test("T13: a browser's login is in a cookie that no page can read, no other site sends and no other host sets", async () => {
  await using api = await start();
  const begun = await fetch(`${api.url}/auth/login?returnTo=/apps`, { redirect: "manual" });
  expect([begun.status, begun.headers.get("location")]).toEqual([302, "https://id.example.com/?to=/apps"]);
  expect(begun.headers.getSetCookie()).toEqual([
    "__Host-drover-login=ticket; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600",
  ]);
  const answer = await fetch(`${api.url}/auth/callback?code=1`, { headers: { cookie: "__Host-drover-login=ticket" } });
  expect(answer.headers.getSetCookie()).toEqual([
    expect.stringMatching(/^__Host-drover-session=drs_\w+_[\w-]+; Path=\/; Secure; HttpOnly; SameSite=Strict$/u),
    "__Host-drover-login=; Path=/; Secure; HttpOnly; Max-Age=0; SameSite=Lax",
  ]);
  expect(await answer.text()).toContain('content="0;url=/&quot;>&lt;b>"');
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
});

test("T13: what changes something needs the token of a page beside the cookie; what reads does not", async () => {
  await using api = await start();
  const { cookie, pageToken } = await logIn(api);
  expect((await fetch(`${api.url}/api/v1/sources`, { headers: { cookie } })).status).toBe(200);
  const sync = (headers: Record<string, string>) => post(api, "/api/v1/sources/platform/sync", { cookie, ...headers });
  const statuses = await Promise.all([
    sync({}).then(({ status }) => status),
    sync({ [pageTokenHeader]: "" }).then(({ status }) => status),
    sync({ [pageTokenHeader]: pageToken.slice(1) }).then(({ status }) => status),
    sync({ [pageTokenHeader]: pageToken, origin: "https://evil.example.com" }).then(({ status }) => status),
    sync({ [pageTokenHeader]: pageToken }).then(({ status }) => status),
  ]);
  expect(statuses).toEqual([403, 403, 403, 403, 202]);
});

test("a login of a browser is worth nothing as a token, nor one of the command as a cookie, nor two cookies", async () => {
  await using api = await start();
  const { cookie } = await logIn(api);
  const [, secret = ""] = cookie.split("=");
  const done = (await (await post(api, "/auth/device/session", {}, { ticket: "t" })).json()) as { token: string };
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${api.url}/api/v1/sources`, { headers })).status;
  expect(await status({ authorization: `Bearer ${done.token}` })).toBe(200);
  expect(await status({ authorization: `Bearer ${secret}` })).toBe(401);
  expect(await status({ cookie: `${sessionCookie}=${done.token}` })).toBe(401);
  expect(await status({ cookie: `${cookie}; ${sessionCookie}=x` })).toBe(401);
  expect(await status({ cookie: `${cookie.slice(0, -1)}~` })).toBe(401);
});

test("logging in again ends the login before, and logging out the one that there is", async () => {
  await using api = await start();
  const first = await logIn(api);
  const second = await logIn(api, `; ${first.cookie}`);
  const status = async (cookie: string): Promise<number> =>
    (await fetch(`${api.url}/auth/session`, { headers: { cookie } })).status;
  expect([await status(first.cookie), await status(second.cookie)]).toEqual([401, 200]);
  const headers = { cookie: second.cookie, [pageTokenHeader]: second.pageToken };
  expect((await post(api, "/auth/logout", headers)).status).toBe(204);
  expect(await status(second.cookie)).toBe(401);
  expect((await api.call("/auth/logout", { method: "POST" })).status).toBe(409);
});

test("T15: a stream ends within seconds when its login is ended by somebody else", async () => {
  const clock = new FakeClock(1);
  await using api = await startApi({ logins, clock });
  const { cookie } = await logIn(api);
  const stream = await fetch(`${api.url}/api/v1/events/stream`, { headers: { cookie } });
  let ended = false;
  void stream.body?.pipeTo(new WritableStream()).finally(() => (ended = true));
  await expect.poll(() => clock.sleeping).toBe(2);
  const { items } = (await (await api.call("/api/v1/sessions")).json()) as { items: { id: string; name: string }[] };
  expect(items).toMatchObject([{ name: "ana@example.com", kind: "browser", subject: "6f1c" }]);
  expect((await api.call(`/api/v1/sessions/${items[0]?.id}`, { method: "DELETE" })).status).toBe(204);
  await clock.advance(5_000);
  await expect.poll(() => ended).toBe(true);
});

test("an access token says who it is at every request; one that does not fit is counted as a wrong token", async () => {
  await using api = await start();
  const status = async (token: string): Promise<number> =>
    (await fetch(`${api.url}/api/v1/self`, { headers: { authorization: `Bearer ${token}` } })).status;
  const self = await fetch(`${api.url}/api/v1/self`, { headers: { authorization: "Bearer a.b.c" } });
  expect(await self.json()).toMatchObject({ name: "ana@example.com", person: { subject: "6f1c", session: "" } });
  for (let index = 0; index < 5; index += 1) expect(await status("x.y.z")).toBe(401);
  expect([await status("x.y.z"), await status("a.b.c")]).toEqual([429, 200]);
});

test("who logged in, out and was turned away is in the audit log", async () => {
  await using api = await start();
  const { cookie, pageToken } = await logIn(api);
  await fetch(`${api.url}/auth/callback?code=2`, { headers: { cookie: "__Host-drover-login=ticket" } });
  await post(api, "/auth/device/session", {}, { ticket: "not yet" });
  await post(api, "/auth/logout", { cookie, [pageTokenHeader]: pageToken });
  expect(api.backend.entries).toEqual([
    "ana@example.com login session  done",
    " login session  unauthorized",
    "ana@example.com logout session  done",
  ]);
});

test("without an identity provider, and after thirty logins a minute, nobody begins one", async () => {
  await using without = await startApi();
  expect((await post(without, "/auth/device", {})).status).toBe(409);
  await using api = await start();
  const statuses = await Promise.all(
    Array.from({ length: 32 }, async () => (await post(api, "/auth/device", {})).status),
  );
  expect(statuses.filter((status) => status === 429)).toHaveLength(2);
});
