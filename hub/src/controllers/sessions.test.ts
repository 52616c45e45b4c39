import { FakeClock } from "@drover/shared/clock";
import { afterEach, beforeEach, expect, test } from "vitest";

import { digestOf } from "../api/auth.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { createSessions } from "./sessions.ts";

const minute = 60_000;
let store: Store;
let clock: FakeClock;
beforeEach(() => {
  store = openSqliteStore(":memory:");
  clock = new FakeClock(1_000_000_000_000);
});
afterEach(() => store.close());

const ana = {
  issuer: "https://id.example.com",
  subject: "6f1c",
  name: "ana@example.com",
  email: "ana@example.com",
  groups: ["ops"],
  grant: { roles: ["viewer"], scope: "" },
} as const;

const begin = async (over: { kind?: "browser" | "command"; follows?: string; subject?: string } = {}) => {
  const { kind = "browser", follows = "", subject = ana.subject } = over;
  return createSessions({ store, clock }).beginSession({ person: { ...ana, subject }, kind, follows });
};
const isOpen = (id: string, used = false): boolean => createSessions({ store, clock }).session(id, used) !== undefined;

test("a login is kept as a hash, says who it is, and lives for 8 hours", async () => {
  const { id, secret, expiresAtMs } = await begin({ kind: "command" });
  expect(expiresAtMs - clock.now()).toBe(8 * 60 * minute);
  expect(createSessions({ store, clock }).session(id, false)).toMatchObject({
    sha256: digestOf(secret),
    person: { issuer: ana.issuer, subject: ana.subject, session: id },
    principal: { id: "https://id.example.com 6f1c", email: "ana@example.com" },
    roles: ["viewer"],
  });
  expect(JSON.stringify(store.access.sessions())).not.toContain(secret.split("_")[2]);
  await clock.advance(8 * 60 * minute - 1);
  expect(isOpen(id)).toBe(true);
  await clock.advance(1);
  expect(isOpen(id)).toBe(false);
});

test("one of a browser ends after 30 minutes without a request; being looked at is none", async () => {
  const { id } = await begin();
  await clock.advance(29 * minute);
  expect(isOpen(id, true)).toBe(true);
  await clock.advance(29 * minute);
  expect(isOpen(id)).toBe(true);
  await clock.advance(minute);
  expect(isOpen(id)).toBe(false);
  expect(createSessions({ store, clock }).sessions()).toEqual([]);
});

test("logging in again ends what the browser had, and takes away what is over", async () => {
  const first = await begin();
  const other = await begin({ subject: "bo" });
  const second = await begin({ follows: first.id });
  expect([isOpen(first.id), isOpen(other.id), isOpen(second.id)]).toEqual([false, true, true]);
  expect(second.secret).not.toBe(first.secret);
  await clock.advance(31 * minute);
  const third = await begin();
  expect(store.access.sessions().map(({ id }) => id)).toEqual([third.id]);
});

test("a person has at most twenty, of which the oldest makes room", async () => {
  const first = await begin({ kind: "command" });
  await clock.advance(1);
  for (let index = 0; index < 20; index += 1) await begin({ kind: "command" });
  expect(store.access.sessions()).toHaveLength(20);
  expect(isOpen(first.id)).toBe(false);
});

test("an ended one is worth nothing, and cannot be ended again", async () => {
  const { id } = await begin();
  const { endSession } = createSessions({ store, clock });
  await endSession(id);
  expect(isOpen(id)).toBe(false);
  await expect(endSession(id)).rejects.toMatchObject({ code: "not_found" });
});
