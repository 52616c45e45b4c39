import type { ReplaceCredential } from "@drover/shared/api/credential";
import { FakeClock } from "@drover/shared/clock";
import { createAuthority } from "@drover/shared/trust/authority";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { PackageRef } from "../core/package.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import { sourceDefaults, type Store } from "../store/store.ts";
import { createCredentials, credentialFor } from "./credentials.ts";

const now = Date.UTC(2026, 10, 27);
const secret = "s3cret-token";
const input: ReplaceCredential = { for: "https://git.example.org/team/", username: "ci", password: secret };

let store: Store;
let changed: string[];
let told: string[];
beforeEach(() => {
  store = openSqliteStore(":memory:");
  changed = [];
  told = [];
});
afterEach(() => store.close());

const open = (packages: readonly (readonly [string, PackageRef])[] = []) =>
  createCredentials({
    store,
    world: {
      *packageRefs() {
        yield* packages;
      },
    },
    events: { append: ({ message }) => void told.push(message) },
    clock: new FakeClock(now),
    changed: (name) => void changed.push(name),
  });
const charts: PackageRef = {
  kind: "chart",
  repository: "oci://registry.example.org/charts",
  name: "podinfo",
  version: "6.x",
  tag: "",
  digest: "",
  credential: "team",
  intervalMs: 1000,
};

test("tell what a credential is for, of what it consists and who names it, but nothing secret", async () => {
  store.putSource({ ...sourceDefaults, name: "shop", url: "https://git.example.org/team/shop", credential: "team" });
  store.putSource({ ...sourceDefaults, name: "free", url: "https://git.example.org/free" });
  const credentials = open([
    ["podinfo", charts],
    ["open", { ...charts, credential: "" }],
  ]);
  const shown = {
    name: "team",
    for: "https://git.example.org/team",
    state: "current",
    reason: "",
    since: now,
    parts: ["username", "password"],
    expires: 0,
    usedBy: ["app/podinfo", "source/shop"],
  };
  expect(await credentials.addCredential("team", input)).toEqual(shown);
  expect(credentials.credentials()).toEqual([shown]);
  expect(credentials.credential("team")).toEqual(shown);
  expect(credentials.credential("other")).toBeUndefined();
  expect(JSON.stringify([shown, told])).not.toContain(secret);
});

test("take a name once, replace all of it, and have what names it looked at", async () => {
  const credentials = open();
  await credentials.addCredential("team", input);
  await expect(credentials.addCredential("team", input)).rejects.toMatchObject({ code: "precondition_failed" });
  await credentials.replaceCredential("team", { for: input.for, password: "new" });
  expect(store.credential("team")).toMatchObject({ username: "", password: "new" });
  await credentials.replaceCredential("second", input);
  await credentials.removeCredential("team");
  expect(store.credentials().map(({ name }) => name)).toEqual(["second"]);
  expect(changed).toEqual(["team", "team", "second", "team"]);
  expect(told).toEqual([
    "credential team was added for https://git.example.org/team",
    "credential team was replaced for https://git.example.org/team",
    "credential second was added for https://git.example.org/team",
    "credential team was removed",
  ]);
});

test("are shown to addresses below their prefix alone", async () => {
  await open().addCredential("team", input);
  const find = credentialFor(store);
  expect(find("team", "https://git.example.org/team/shop.git")?.password).toBe(secret);
  expect(find("team", "https://git.example.org/teamx/shop.git")).toBeUndefined();
  expect(find("team", "http://git.example.org/team/shop.git")).toBeUndefined();
  expect(find("other", "https://git.example.org/team/shop.git")).toBeUndefined();
});

test.each<[string, Partial<ReplaceCredential>]>([
  ["an address that is none", { for: "git.example.org" }],
  ["nothing in them", { username: "", password: "" }],
])("are refused with %s, and leave what there was", async (_what, change) => {
  const credentials = open();
  await credentials.addCredential("team", input);
  await expect(credentials.replaceCredential("team", { ...input, ...change })).rejects.toMatchObject({ code: "usage" });
  expect(store.credential("team")?.password).toBe(secret);
  expect(changed).toEqual(["team"]);
});

test("say when their certificates end, and are refused with some where nothing is encrypted", async () => {
  const authority = await createAuthority({ clock: new FakeClock(now - 86_400_000) });
  const { chain, privateKey } = await authority.issueServer(["git.example.org"]);
  const parts = { for: "https://git.example.org", clientCertificate: chain, clientKey: privateKey };
  expect(await open().addCredential("soon", parts)).toMatchObject({
    state: "degraded",
    reason: expect.stringMatching(/^a certificate of the credential soon expires on 2026-12-0\d$/u),
    parts: ["client-certificate"],
  });
  await expect(open().addCredential("http", { ...parts, for: "http://git.example.org" })).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining("nothing is encrypted"),
  });
});

test("are a thousand at most", async () => {
  const credentials = open();
  for (let n = 0; n < 1_000; n += 1) await credentials.addCredential(`c${n}`, input);
  await expect(credentials.addCredential("more", input)).rejects.toMatchObject({ code: "precondition_failed" });
  expect(await credentials.replaceCredential("c1", input)).toMatchObject({ name: "c1" });
});
