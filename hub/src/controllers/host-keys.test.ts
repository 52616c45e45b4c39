import { expect, test } from "vitest";

import { openSqliteStore } from "../store/sqlite.ts";
import { sourceDefaults } from "../store/store.ts";
import { createPin } from "./host-keys.ts";

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPvvCGlvmfS2eSf3XPqcIDq69CaGeVhBOQqYeqWKhzrZ";
const url = "git@git.example:a.git";
const record = { ...sourceDefaults, name: "a", url };

test("the first key that a server shows is written down, and told", () => {
  const store = openSqliteStore(":memory:");
  const told: string[] = [];
  store.putSource(record);
  createPin({ store, events: { append: ({ message }) => void told.push(message) } })(record, key);
  expect(store.source("a")?.hostKeys).toEqual([key]);
  expect(told).toEqual([expect.stringContaining("SHA256:rnnrsMi5u2dCCgHNUokK3jJnU0Dbwqm4Yiu2/OWqFhM")]);
});

test.each([
  ["was removed", undefined],
  ["has another address by now", { ...record, url: "git@other.example:a.git" }],
  ["has keys that a person gave", { ...record, hostKeys: ["ssh-ed25519 AAAA"] }],
])("nothing is pinned for a source that %s", (_what, now) => {
  const store = openSqliteStore(":memory:");
  if (now !== undefined) store.putSource(now);
  const pin = createPin({ store, events: { append: () => expect.unreachable() } });
  expect(() => pin(record, key)).toThrow(expect.objectContaining({ code: "canceled" }));
  expect(store.source("a")).toEqual(now);
});
