import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openDatabase } from "./database.ts";
import { migrations } from "./migrations.ts";
import { openSqliteStore } from "./sqlite.ts";

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

describe("R25: a store of an earlier version", () => {
  let folder = "";
  let file = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "drover-migrations-"));
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
  });

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
