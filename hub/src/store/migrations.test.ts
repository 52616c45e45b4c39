import { execFile, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openDatabase } from "./database.ts";
import { migrations } from "./migrations.ts";
import { openSqliteStore } from "./sqlite.ts";

// A killed process leaves the kernel all that it wrote: a disk would only be slower.
const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const versions = migrations.map((_step, index) => index + 1);
const records: Readonly<Record<string, readonly [string, ...(string | number)[]]>> = {
  sources: ["?, ?", "config", JSON.stringify({ name: "config", url: "/srv/config.git" })],
  clusters: [
    "?, ?, ?",
    "dev-1",
    7,
    JSON.stringify({ name: "dev-1", uid: "u1", labels: {}, generation: 7, seenAtMs: 5 }),
  ],
  targets: ["?, ?, ?", "web", "dev-1", JSON.stringify({ app: "web", cluster: "dev-1", bundle: "b1", removal: "" })],
  join_tokens: ["?, ?, ?", "t1", 99, JSON.stringify({ id: "t1", cluster: "dev-1", expiresAtMs: 99, usedBy: "" })],
  observed: ["?, ?, ?", "web", "dev-1", JSON.stringify({ app: "web", cluster: "dev-1", state: "current" })],
  events: ["?, ?", 3, JSON.stringify({ id: 3, type: "commit" })],
};

/** All that was written into it before there were other versions. */
function expectWhole(file: string): void {
  const store = openSqliteStore(file);
  const id = { app: "web", cluster: "dev-1" };
  expect([store.hubId, store.era.epoch]).toEqual(["hub-1", "epoch-1"]);
  expect(store.source("config")?.url).toBe("/srv/config.git");
  expect(store.cluster("dev-1")).toMatchObject({ uid: "u1", generation: 7, seenAtMs: 5 });
  expect(store.target(id)?.bundle).toBe("b1");
  expect(store.joinToken("t1")?.expiresAtMs).toBe(99);
  expect(store.observed(id)?.state).toBe("current");
  expect(store.events()).toHaveLength(1);
  store.close();
  openSqliteStore(file).close();
}

const migrator = join(import.meta.dirname, "migrator.fixture.ts");

/** Resolves with the signal that ended it; undefined when it came to its end. */
function migrateUntilKilled(file: string, moment: number): Promise<NodeJS.Signals | undefined> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [migrator, file, String(moment)]);
    child.once("close", (_code, signal) => resolve(signal ?? undefined));
  });
}

describe("R25: a store of an earlier version", () => {
  let folder = "";
  let file = "";
  beforeEach(() => {
    folder = mkdtempSync(join(memory, "drover-migrations-"));
    file = join(folder, "hub.db");
    const database = new DatabaseSync(file);
    database.exec(`${migrations[0]}; PRAGMA user_version = 1`);
    database.prepare("INSERT INTO meta VALUES (?, ?), (?, ?)").run("hub_id", "hub-1", "epoch", "epoch-1");
    for (const [table, [places, ...values]] of Object.entries(records)) {
      database.prepare(`INSERT INTO ${table} VALUES (${places})`).run(...values);
    }
    database.close();
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(versions)("is read whole when it stopped at version %i on the way from the first", (version) => {
    openDatabase(file, { steps: migrations.slice(0, version) })[Symbol.dispose]();
    expectWhole(file);
  });

  it("R25: is whole in the next process when one is killed between any two statements or records of its migration", async () => {
    const whole = join(folder, "whole.db");
    copyFileSync(file, whole);
    const moments = Number(spawnSync(process.execPath, [migrator, whole], { encoding: "utf8" }).stdout);
    expect(moments).toBeGreaterThan(30);
    const lane = async (first: number): Promise<void> => {
      for (let moment = first; moment <= moments; moment += 2) {
        const copy = join(folder, `${moment}.db`);
        copyFileSync(file, copy);
        expect(await migrateUntilKilled(copy, moment)).toBe("SIGKILL");
        expectWhole(copy);
      }
    };
    await Promise.all([lane(1), lane(2)]);
  }, 240_000);

  it("stays as it is when a migration fails halfway, and is read by the version before", () => {
    openSqliteStore(file).close();
    const steps = [...migrations, "CREATE TABLE added (a) STRICT; UPDATE sources SET record = sealed(nothing)"];
    expect(() => openDatabase(file, { steps })).toThrow(expect.objectContaining({ code: "store_failed" }));
    const database = new DatabaseSync(file);
    expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: migrations.length });
    expect(database.prepare("SELECT name FROM sqlite_master WHERE name = 'added'").all()).toEqual([]);
    database.close();
    const store = openSqliteStore(file);
    expect(store.source("config")?.url).toBe("/srv/config.git");
    store.close();
  });
});
