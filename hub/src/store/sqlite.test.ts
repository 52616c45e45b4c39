import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { noFacts } from "@drover/shared/link/link";
import { describe, expect, it } from "vitest";

import { readMark } from "./mark.ts";
import { migrations } from "./migrations.ts";
import { openSqliteStore } from "./sqlite.ts";
import { describeStore } from "./store.contract.ts";
import { clusterDefaults, sourceDefaults } from "./store.ts";

describeStore("sqlite", () => {
  const folder = mkdtempSync(join(tmpdir(), "drover-store-"));
  return {
    open: () => openSqliteStore(join(folder, "hub.db")),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
});

describe("sqlite file", () => {
  const withFile = (body: (file: string) => void): void => {
    const folder = mkdtempSync(join(tmpdir(), "drover-store-"));
    try {
      body(join(folder, "hub.db"));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  it("refuses a store of a newer Drover and leaves it as it is", () => {
    withFile((file) => {
      const database = new DatabaseSync(file);
      database.exec("PRAGMA user_version = 999");
      database.close();
      expect(() => openSqliteStore(file)).toThrow(expect.objectContaining({ code: "store_failed" }));
      expect(new DatabaseSync(file).prepare("PRAGMA user_version").get()).toEqual({ user_version: 999 });
    });
  });

  it("refuses a damaged store instead of starting empty", () => {
    withFile((file) => {
      writeFileSync(file, "this is not a database, but it was here".repeat(100));
      expect(() => openSqliteStore(file)).toThrow(expect.objectContaining({ code: "store_failed" }));
    });
  });

  it("reads the sources of earlier versions, which knew fewer fields", () => {
    withFile((file) => {
      const database = new DatabaseSync(file);
      for (const step of migrations.slice(0, 3)) database.exec(step);
      database.exec("PRAGMA user_version = 3");
      database.prepare("INSERT INTO sources VALUES (?, ?)").run("a", JSON.stringify({ name: "a", url: "/srv/a" }));
      database.close();
      const store = openSqliteStore(file);
      expect(store.source("a")).toEqual({ ...sourceDefaults, name: "a", url: "/srv/a" });
      store.close();
    });
  });

  it("reads the clusters of earlier versions, whose placements went by the facts that they had", () => {
    withFile((file) => {
      const database = new DatabaseSync(file);
      for (const step of migrations.slice(0, 3)) database.exec(step);
      database.exec("PRAGMA user_version = 3");
      const facts = { agentVersion: "0.0.9", kubernetesVersion: "v1.31.2", nodes: 3 };
      const old = { name: "a", uid: "u", labels: { env: "dev" }, generation: 4, facts, seenAtMs: 5 };
      database.prepare("INSERT INTO clusters VALUES (?, ?, ?)").run("a", 4, JSON.stringify(old));
      database.close();
      const store = openSqliteStore(file);
      const known = { ...noFacts, ...facts };
      expect(store.cluster("a")).toEqual({ ...clusterDefaults, ...old, facts: known, settled: known });
      store.close();
    });
  });

  it("waits for the disk for decisions only: what is told again when it is lost counts as no commit", () => {
    withFile((file) => {
      const store = openSqliteStore(file);
      store.putCluster({ ...clusterDefaults, name: "dev-1" });
      const decided = readMark(file);
      store.touchCluster("dev-1", { seenAtMs: 7 });
      store.appendEvent({ at: 1, type: "connected", app: "", cluster: "dev-1", message: "" });
      store.flush();
      store.putRollouts([]);
      expect(readMark(file)).toBe(decided);
      store.close();
      const again = openSqliteStore(file);
      expect(again.cluster("dev-1")?.seenAtMs).toBe(7);
      expect(again.events()).toHaveLength(1);
      again.close();
    });
  });

  it("is readable by its owner only, since it holds credentials", () => {
    withFile((file) => {
      openSqliteStore(file).close();
      expect(statSync(file).mode & 0o077).toBe(0);
    });
  });
});
