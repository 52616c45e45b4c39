import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, it } from "vitest";

import { auditOrigin, firstBroken } from "../core/audit.ts";
import { receiptLifeMs } from "../core/receipt.ts";
import { AccessTables } from "./access-store.ts";
import { openDatabase } from "./database.ts";
import { auditEntry } from "./records.fixture.ts";
import { openSqliteStore } from "./sqlite.ts";
import { sourceDefaults } from "./store.ts";

it("R26: writes nothing at all when the row of the audit log cannot be written", () => {
  const folder = mkdtempSync(join(tmpdir(), "drover-store-"));
  const file = join(folder, "hub.db");
  openSqliteStore(file).close();
  const other = new DatabaseSync(file);
  other.exec("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no more'); END");
  other.close();
  const store = openSqliteStore(file);
  const source = { ...sourceDefaults, name: "config", url: "https://git.example.com/config" };
  const refused = expect.objectContaining({ code: "store_failed" });
  expect(() => store.decide(auditEntry, () => store.putSource(source))).toThrow(refused);
  expect(() => store.decide(auditEntry, () => store.deleteCluster("dev-1"))).toThrow(refused);
  expect(store.source("config")).toBeUndefined();
  store.close();
  const again = openSqliteStore(file);
  expect(again.sources()).toEqual([]);
  again.close();
  rmSync(folder, { recursive: true });
});

const receipt = { id: "sha256:1", request: "sha256:2", atMs: 1_000, answer: "sealed" };

it("R8: writes what was asked for in the transaction that decides, or neither", () => {
  const store = openSqliteStore(":memory:");
  const source = { ...sourceDefaults, name: "config", url: "https://git.example.com/config" };
  store.decide(auditEntry, () => store.putSource(source), receipt);
  expect([store.source("config"), store.access.receipt("sha256:1")]).toEqual([source, receipt]);
  const fails = (): never => {
    throw new Error("no");
  };
  expect(() => store.decide(auditEntry, fails, { ...receipt, id: "sha256:3" })).toThrow("no");
  expect(store.access.receipt("sha256:3")).toBeUndefined();
  store.close();
});

it("forgets what was asked for after a day, and the oldest beyond a bound", () => {
  using database = openDatabase(":memory:");
  const tables = new AccessTables(database, 3, 2);
  for (const atMs of [1, 2, 3]) tables.putReceipt({ ...receipt, id: `sha256:${atMs}`, atMs });
  expect([1, 2, 3].map((id) => tables.receipt(`sha256:${id}`)?.atMs)).toEqual([undefined, 2, 3]);
  tables.putReceipt({ ...receipt, id: "sha256:4", atMs: 3 + receiptLifeMs });
  expect([2, 3, 4].map((id) => tables.receipt(`sha256:${id}`)?.atMs)).toEqual([undefined, 3, 3 + receiptLifeMs]);
});

it("keeps the newest rows up to its bound, and the hash that they follow from", () => {
  using database = openDatabase(":memory:");
  const tables = new AccessTables(database, 3);
  const all = [1, 2, 3, 4, 5].map((at) => {
    tables.append({ ...auditEntry, at });
    return tables.auditEnds().last;
  });
  const rows = tables.audit(0, 10);
  expect(rows.map(({ at }) => at)).toEqual([3, 4, 5]);
  expect(tables.auditEnds()).toEqual({ first: all[1], last: all[4] });
  expect(firstBroken(rows, all[1] ?? auditOrigin)).toBeUndefined();
});
