import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { OwnSession } from "@drover/shared/api/session";
import { afterAll, beforeAll, expect, test } from "vitest";

import { startIdentityProvider, type IdentityProvider } from "../rig/identity-provider.ts";
import { freePort } from "../rig/ports.ts";
import { bundle } from "./bundle.ts";
import { drover, type Outcome } from "./cli.ts";
import { startProgram, type Program } from "./program.ts";

const people = {
  "u-ana": { preferred_username: "ana", email: "ana@example.com", email_verified: true, groups: ["platform"] },
  "u-bo": { preferred_username: "bo@example.com", groups: ["shop", "guests"] },
  "u-cy": { preferred_username: "cy", groups: [] },
};

let folder = "";
let hub: Program;
let provider: IdentityProvider;
let url = "";
let providerPort = 0;

const startProvider = async (): Promise<IdentityProvider> =>
  startIdentityProvider({ port: providerPort, hubUrl: url, people });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "drover-login-"));
  providerPort = await freePort();
  const api = `127.0.0.1:${await freePort()}`;
  url = `http://${api}`;
  provider = await startProvider();
  const oidcFile = join(folder, "oidc.yaml");
  await writeFile(join(folder, "secret"), `${provider.clientSecret}\n`);
  await writeFile(
    oidcFile,
    `issuer: ${provider.issuer}
clientId: ${provider.clientId}
clientSecretFile: secret
publicUrl: ${url}
audience: ${provider.audience}
grants:
  - { group: platform, roles: [owner] }
  - { group: shop, roles: [viewer], scope: env=prod }
`,
  );
  const dataDir = join(folder, "hub");
  const addresses = ["--api-address", api, "--link-address", `127.0.0.1:${await freePort()}`];
  hub = startProgram({
    file: bundle("hub"),
    args: ["--data-dir", dataDir, ...addresses, "--oidc-file", oidcFile],
    logFile: join(folder, "hub.log"),
    probes: api,
  });
  await hub.ready();
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const home = (name: string): Record<string, string> => ({ XDG_CONFIG_HOME: join(folder, name), COLUMNS: "200" });
const run = async (name: string, line: string): Promise<Outcome> =>
  drover("", line.split(" "), { env: home(name), now: Date.now });

/** Logs in as a person does: the command says where, they say yes there. */
async function logIn(name: string, person: string, deny = false): Promise<Outcome> {
  const output = { stdout: "", stderr: "" };
  const outcome = drover("", ["login", url, "--context", "rig"], { env: home(name), now: Date.now, output });
  await expect.poll(() => output.stderr).toContain("waiting for you");
  const address = /open (?<address>\S+)/u.exec(output.stderr)?.groups?.["address"] ?? "";
  const code = /type it in there: (?<code>\S+)/u.exec(output.stderr)?.groups?.["code"] ?? "";
  await provider.enterCode(address, code, person, deny);
  return outcome;
}

test("logs the command in with a code, keeps that for its owner, and says who it is and until when", async () => {
  const outcome = await logIn("ana", "u-ana");
  expect([outcome.code, outcome.stderr]).toEqual([0, expect.stringContaining("ana@127.0.0.1:")]);
  expect(outcome.stderr).toContain("is logged in: owner everywhere");
  const file = join(folder, "ana", "drover", "contexts.yaml");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, "utf8")).toMatch(/token: drs_[\s\S]*expires: \d{13}/u);
  const self = await run("ana", "auth whoami");
  expect(self.stdout).toMatch(/^ana@127\.0\.0\.1:\d+: owner everywhere, for /u);
  expect(self.stderr).toContain(`known to ${provider.issuer} as u-ana`);
});

test("turns away who says no, and who has no grant, and says so", async () => {
  const denied = await logIn("denied", "u-ana", true);
  expect([denied.code, denied.stderr]).toEqual([4, expect.stringContaining("access_denied")]);
  const stranger = await logIn("cy", "u-cy");
  expect([stranger.code, stranger.stderr]).toEqual([4, expect.stringContaining("may do nothing here")]);
});

test("a person does what their groups' grant says, on its clusters only", async () => {
  await logIn("bo", "u-bo");
  expect((await run("bo", "auth whoami")).stdout).toContain("bo@example.com: viewer on clusters with env=prod");
  expect((await run("bo", "join prod-1 -l env=prod")).stderr).toContain("bo@example.com may not join clusters");
  expect((await run("ana", "join dev-1 -l env=dev")).code).toBe(0);
  expect((await run("bo", "describe cluster dev-1")).code).toBe(5);
});

test("T15: ends a login for its owner and for whoever may end others', at once", async () => {
  await logIn("gone", "u-bo");
  const ids = (await run("ana", "session list -o name")).stdout.trim().split("\n");
  expect((await run("ana", `session end ${ids.at(-1)}`)).code).toBe(0);
  const over = await run("gone", "auth whoami");
  expect([over.code, over.stderr]).toEqual([
    4,
    expect.stringMatching(/your login has ended\n {2}hint: .*drover login/u),
  ]);
  expect((await run("bo", "logout")).stderr).toContain("logged out of rig");
  expect((await run("bo", "auth whoami")).stderr).toContain("drover login rig");
  const late = await drover("", ["auth", "whoami"], { env: home("ana"), now: () => Date.now() + 9 * 3_600_000 });
  expect(late.stderr).toMatch(/the login of the context "rig" ended 1h ago\n {2}hint: log in again: drover login rig/u);
});

interface Page {
  readonly cookie: string;
  readonly pageToken: string;
}

/** The beginning of a login: what the browser keeps, and where it is sent back to once its person has logged in. */
async function begin(person: string): Promise<{ readonly ticket: string; readonly back: URL }> {
  const begun = await fetch(`${url}/auth/login`, { redirect: "manual" });
  const ticket = begun.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  return { ticket, back: await provider.visit(begun.headers.get("location") ?? "", person) };
}

const comeBack = async (back: URL, cookie: string): Promise<Response> => fetch(back, { headers: { cookie } });

async function openPage(person: string): Promise<Page> {
  const { ticket, back } = await begin(person);
  const answer = await comeBack(back, ticket);
  const cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const session = await fetch(`${url}/auth/session`, { headers: { cookie } });
  return { cookie, pageToken: ((await session.json()) as OwnSession).pageToken };
}

test("T13: logs a browser in, and takes no answer that is another's, of another login, or was used before", async () => {
  const { cookie, pageToken } = await openPage("u-ana");
  const post = (headers: Record<string, string>) =>
    fetch(`${url}/api/v1/tokens`, {
      method: "POST",
      headers: { cookie, "content-type": "application/json", ...headers },
      body: JSON.stringify({ name: "from-a-page", roles: ["viewer"] }),
    });
  expect([(await post({})).status, (await post({ "x-drover-page-token": pageToken })).status]).toEqual([403, 201]);

  const one = await begin("u-ana");
  const other = await begin("u-bo");
  const changed = (name: string, value: string): URL => {
    const back = new URL(one.back);
    back.searchParams.set(name, value);
    return back;
  };
  const refused = await Promise.all(
    [
      comeBack(one.back, ""),
      comeBack(one.back, other.ticket),
      comeBack(other.back, one.ticket),
      comeBack(one.back, `${one.ticket}x`),
      comeBack(changed("state", "x"), one.ticket),
      comeBack(changed("iss", "https://evil.example.com"), one.ticket),
      comeBack(changed("code", "x"), one.ticket),
      comeBack(changed("error", "access_denied"), one.ticket),
      comeBack(new URL(`${url}/auth/callback`), one.ticket),
    ].map(async (answer) => `${(await answer).status} ${(await answer).headers.getSetCookie().length}`),
  );
  expect(refused).toEqual(refused.map(() => "401 0"));
  expect((await comeBack(one.back, one.ticket)).status).toBe(200);
  expect((await comeBack(one.back, one.ticket)).status).toBe(401);
});

test("an access token that was made for the hub is as good as a login; one for others is none", async () => {
  const token = await provider.accessToken("u-bo");
  const self = async (authorization: string) => fetch(`${url}/api/v1/self`, { headers: { authorization } });
  expect(await (await self(`Bearer ${token}`)).json()).toMatchObject({
    name: "bo@example.com",
    roles: ["viewer"],
    person: { issuer: provider.issuer, subject: "u-bo", session: "" },
  });
  expect((await self(`Bearer ${token.slice(0, -4)}`)).status).toBe(401);
});

test("without the identity provider nobody logs in, and who is logged in stays so, over a restart too", async () => {
  const { cookie } = await openPage("u-ana");
  await provider[Symbol.asyncDispose]();
  const refused = await run("new", `login ${url}`);
  expect([refused.code, refused.stderr]).toEqual([7, expect.stringContaining("nobody can log in now")]);
  await hub.kill();
  hub.start();
  await hub.ready();
  expect((await run("ana", "auth whoami")).code).toBe(0);
  expect((await fetch(`${url}/auth/session`, { headers: { cookie } })).status).toBe(200);
  expect((await run("new", `login ${url}`)).code).toBe(7);
  provider = await startProvider();
  // It has other keys now, as after a rotation.
  expect((await logIn("again", "u-ana")).code).toBe(0);
});

test("the audit log says who it was whatever they are called, and nothing secret is on the disk", async () => {
  const { items } = JSON.parse((await run("ana", "audit -o json")).stdout) as { items: Record<string, unknown>[] };
  const joined = items.find(({ verb, result }) => verb === "join" && result === "done");
  expect(joined).toMatchObject({
    actor: expect.stringMatching(/^ana@/u),
    person: { issuer: provider.issuer, subject: "u-ana", session: expect.stringMatching(/^[0-9a-f]{16}$/u) },
  });
  expect(items.map(({ verb, result }) => `${String(verb)} ${String(result)}`)).toEqual(
    expect.arrayContaining(["login done", "login unauthorized", "login forbidden", "logout done", "delete done"]),
  );
  expect((await run("ana", "audit verify")).code).toBe(0);
  const contexts = await readFile(join(folder, "ana", "drover", "contexts.yaml"), "utf8");
  const secret = /drs_\w+?_(?<secret>[\w-]{43})/u.exec(contexts)?.groups?.["secret"] ?? expect.unreachable();
  for (const file of ["hub/hub.db", "hub/hub.db-wal", "hub.log"]) {
    const bytes = await readFile(join(folder, file)).catch(() => Buffer.alloc(0));
    expect([file, bytes.includes(secret), bytes.includes(provider.clientSecret)]).toEqual([file, false, false]);
  }
});
