import { dayMs } from "@drover/shared/api/access";
import { FakeClock } from "@drover/shared/clock";
import { afterEach, beforeEach, expect, test } from "vitest";

import { digestOf } from "../api/auth.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { createTokens } from "./tokens.ts";

const clock = (): FakeClock => new FakeClock(1_000_000_000_000);
const admin = { name: "admin" };
let store: Store;
beforeEach(() => void (store = openSqliteStore(":memory:")));
afterEach(() => store.close());

const open = (at = clock()) => ({
  at,
  tokens: createTokens({ store, clock: at }),
});
const idOf = (token: string): string => token.split("_")[1] ?? "";

test("a token lives for a day unless told otherwise, and only its hash is kept", async () => {
  const { at, tokens } = open();
  const { token, expires } = await tokens.createToken({ name: "ci", roles: ["viewer"] }, admin);
  expect(expires - at.now()).toBe(dayMs);
  expect(tokens.issuedToken(idOf(token))?.sha256).toBe(digestOf(token));
  expect(JSON.stringify([store.access.tokens(), tokens.tokens()])).not.toContain(token);
  expect(tokens.issuedToken("0000000000000000")).toBeUndefined();
});

test("its last use is told to five minutes", async () => {
  const { at, tokens } = open();
  const { token } = await tokens.createToken({ name: "ci", roles: ["viewer"] }, admin);
  expect(tokens.tokens()[0]?.used).toBe(0);
  const first = at.now();
  tokens.issuedToken(idOf(token));
  await at.advance(4 * 60_000);
  tokens.issuedToken(idOf(token));
  expect(tokens.tokens()[0]?.used).toBe(first);
  await at.advance(60_000);
  tokens.issuedToken(idOf(token));
  expect(tokens.tokens()[0]?.used).toBe(first + 5 * 60_000);
});

test("a name is for one token at a time, and that of the hub's file for none", async () => {
  const { at, tokens } = open();
  const make = (name: string) => tokens.createToken({ name, roles: ["viewer"], expiresInSeconds: 60 }, admin);
  await make("ci");
  await expect(make("ci")).rejects.toMatchObject({ code: "precondition_failed" });
  await expect(make("admin")).rejects.toMatchObject({ code: "precondition_failed" });
  await at.advance(60_000);
  expect(tokens.tokens()[0]).toMatchObject({ state: "failed", reason: "it has ended" });
  await make("ci");
  expect(tokens.tokens()).toHaveLength(1);
  await tokens.revokeToken("ci");
  await expect(tokens.revokeToken("ci")).rejects.toMatchObject({ code: "not_found" });
});
