import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FakeClock } from "@drover/shared/clock";
import { digestOf } from "@drover/shared/digest";
import { createLog } from "@drover/shared/log";
import { afterEach, beforeEach, expect, it } from "vitest";

import { openSqliteStore } from "../store/sqlite.ts";
import { addStoreKey, readStoreKeys } from "../store/store-keys.ts";
import { createStoreKey } from "./store-key.ts";

let folder = "";
let keyFile = "";
let stop = new AbortController();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drover-store-key-"));
  keyFile = join(folder, "store.key");
});
afterEach(() => {
  stop.abort();
  rmSync(folder, { recursive: true, force: true });
});

function begin() {
  stop = new AbortController();
  const store = openSqliteStore(join(folder, "hub.db"), { keyFile });
  const clock = new FakeClock();
  const told: string[] = [];
  let rewraps = 0;
  const rewrap = (): Promise<void> => {
    rewraps += 1;
    return Promise.resolve();
  };
  const events = {
    append: ({ type, message }: { type: string; message: string }) => void told.push(`${type}: ${message}`),
  };
  const log = createLog("test", "silent");
  const service = createStoreKey({ store, deployKeys: { rewrap }, file: keyFile, events, clock, log });
  const running = service.run(stop.signal).catch(() => undefined);
  return {
    store,
    told,
    look: () => clock.advance(10_000),
    rewraps: () => rewraps,
    async end() {
      stop.abort();
      await running;
      store.close();
    },
  };
}
const blobs = Array.from({ length: 100 }, (_, n) => {
  const bytes = new TextEncoder().encode(`blob ${n}`);
  return { digest: digestOf(bytes), bytes };
});

it("T18: takes a new store key without a restart, tells when the old one is not needed, and needs it no more", async () => {
  const hub = begin();
  for (const blob of blobs) hub.store.keep(blob);
  await hub.look();
  expect([hub.told, hub.rewraps()]).toEqual([[], 1]);
  const { id } = addStoreKey(keyFile);
  await hub.look();
  await hub.look();
  expect(hub.store.encryption).toMatchObject({ keyId: id, isPending: false });
  expect(hub.told).toEqual([`rekeyed: everything is encrypted with store key ${id}: older ones are for older backups`]);
  expect(hub.rewraps()).toBe(2);
  await hub.end();
  writeFileSync(keyFile, readFileSync(keyFile, "utf8").split("\n")[0] ?? "");
  const again = begin();
  await again.look();
  for (const { digest, bytes } of blobs) expect(again.store.blob(digest)).toEqual(bytes);
  expect(again.told).toEqual([]);
  await again.end();
});

it("T18: goes on where it was stopped, and takes at its start a key that came while it was down", async () => {
  const hub = begin();
  for (const blob of blobs) hub.store.keep(blob);
  await hub.end();
  const { id } = addStoreKey(keyFile);
  const stopped = begin();
  expect(stopped.store.encryption).toMatchObject({ keyId: id, isPending: true });
  await stopped.end();
  const again = begin();
  expect(again.store.encryption).toMatchObject({ keyId: id, isPending: true });
  await again.look();
  await again.look();
  expect(again.told).toHaveLength(1);
  expect(again.store.encryption.isPending).toBe(false);
  await again.end();
});

it.each([
  ["is gone", () => rmSync(keyFile)],
  ["holds no key", () => writeFileSync(keyFile, "no key\n")],
  ["holds only another key", () => writeFileSync(keyFile, `${Buffer.alloc(32, 7).toString("base64")}\n`)],
])("T18: stays with its key and says so, once, when the file %s; it is well when the key is back", async (_, spoil) => {
  const hub = begin();
  for (const blob of blobs) hub.store.keep(blob);
  const [before, { keyId }] = [readFileSync(keyFile), hub.store.encryption];
  spoil();
  await hub.look();
  await hub.look();
  expect(hub.told).toEqual([expect.stringContaining(`problem: the store key file has no key ${keyId}`)]);
  expect(hub.store.encryption.keyId).toBe(keyId);
  writeFileSync(keyFile, before);
  await hub.look();
  expect(hub.told.slice(1)).toEqual(["recovered: the store key is there again"]);
  expect(readStoreKeys(keyFile)?.id).toBe(keyId);
  await hub.end();
});
