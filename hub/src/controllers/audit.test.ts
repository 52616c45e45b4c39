import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Decision } from "../api/backend.ts";
import { auditedStore, auditEntry } from "../backend/audited-store.ts";
import { seal, unseal } from "../store/sealed.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import { clusterDefaults, sourceDefaults, type Store } from "../store/store.ts";
import { createAuditReads } from "./audit.ts";

let folder: string;
let store: Store;
let now: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drover-audit-"));
  store = openSqliteStore(join(folder, "hub.db"));
  now = 0;
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

const decision = (verb: string, kind: string, name: string): Decision => {
  return { actor: "ci", verb, kind, name, request: "r1", address: "127.0.0.1", changes: 0 };
};
const as = (by: Decision): Store => auditedStore(store, by, () => (now += 1000));
const source = { ...sourceDefaults, name: "config", url: "https://git.example.com/config", password: "s3cret" };

function fill(count: number): void {
  for (let index = 0; index < count; index += 1)
    as(decision("label", "cluster", "dev-1")).putCluster({ ...clusterDefaults, name: "dev-1", generation: index });
}

test("R26: a change has its entry, which names the fields that changed and no value", () => {
  const by = decision("create", "source", "config");
  as(by).putSource(source);
  as(decision("update", "source", "config")).putSource({ ...source, password: "t0psecret", ref: "v2" });
  as(decision("delete", "source", "")).deleteSource("config");
  const { items } = createAuditReads(store.access).audit({});
  expect(
    items.map(({ at, actor, verb, kind, name, result }) => [at, actor, verb, kind, name, result].join(" ")),
  ).toEqual([
    "1000 ci create source config done",
    "2000 ci update source config done",
    "3000 ci delete source config done",
  ]);
  expect(items[1]?.changed).toEqual(["password", "ref"]);
  expect(JSON.stringify(items)).not.toMatch(/s3cret|t0psecret/u);
  expect(by.changes).toBe(1);
});

test("entries come in pages, and from a time on", () => {
  fill(7);
  const { audit } = createAuditReads(store.access);
  expect(audit({ limit: 3 })).toMatchObject({ next: 3, newest: 7, items: [{ id: 1 }, { id: 2 }, { id: 3 }] });
  expect(audit({ after: 7 })).toMatchObject({ next: 7, items: [] });
  for (const [since, first] of [
    [0, 1],
    [1000, 1],
    [1001, 2],
    [6500, 7],
    [7001, undefined],
  ] as const)
    expect(audit({ since }).items[0]?.id).toBe(first);
});

test.each([
  ["nothing", "SELECT 1", 0],
  ["a row that says something else", "UPDATE audit SET record = by_me(record) WHERE id = 7", 7],
  ["a row that is gone", "DELETE FROM audit WHERE id = 6", 6],
  ["the newest rows gone", "DELETE FROM audit WHERE id > 10", 11],
  ["all rows gone", "DELETE FROM audit", 1],
  ["another end", "UPDATE audit_ends SET hash = 'sha256:0' WHERE name = 'last'", 12],
])("T20: the check names the first row that does not follow: %s", async (_what, tampering, broken) => {
  fill(12);
  store.close();
  const other = new DatabaseSync(join(folder, "hub.db"));
  other.function("by_me", (record) => seal({ ...(JSON.parse(unseal(String(record)) ?? "") as object), actor: "me" }));
  other.exec(tampering);
  other.close();
  store = openSqliteStore(join(folder, "hub.db"));
  expect(await createAuditReads(store.access, 5).checkAudit()).toMatchObject({ entries: 12, last: 12, broken });
});

/** What forges lines and moves cursors, halves of characters, and what is too long. */
const hostile = fc.oneof(
  fc.string({
    unit: fc.constantFrom(
      ...Array.from('\u0000\u0007\n\r\t\u001B\u007F\u0085\u009B\u2028\u202E\u2069"\\{}:,a集🚀'),
      "\uD800",
      "\uDFFF",
    ),
    maxLength: 40,
  }),
  fc.constantFrom("x".repeat(100_000), "\u009B\n".repeat(5_000), '"}\n{"id":1}\n', "\uD83D".repeat(301)),
);
const anyDecision: fc.Arbitrary<Decision> = fc.record({
  actor: hostile,
  person: fc.option(fc.record({ issuer: hostile, subject: hostile, session: hostile }), { nil: undefined }),
  verb: hostile,
  kind: hostile,
  name: hostile,
  request: hostile,
  address: hostile,
  changes: fc.constant(0),
}) as fc.Arbitrary<Decision>;

test("T19: whatever the fields of a decision hold, it is one entry of bounded length that reads back and follows", async () => {
  let count = 0;
  fc.assert(
    fc.property(anyDecision, hostile, hostile, fc.array(hostile, { maxLength: 200 }), (by, result, reason, changed) => {
      const entry = auditEntry(by, { result, reason }, { at: 5, changed });
      store.decide(entry, () => undefined);
      const [row, ...more] = store.access.audit(count, 10);
      count += 1;
      expect(more).toEqual([]);
      expect(row).toMatchObject({ ...entry, id: count });
      const { person, changed: fields, ...own } = row ?? ({} as never);
      const texts = [...Object.values(own), ...Object.values(person ?? {}), ...fields].filter(
        (one) => typeof one === "string",
      );
      expect(Math.max(...texts.map((text) => text.length))).toBeLessThanOrEqual(300);
      expect(fields.length).toBeLessThanOrEqual(100);
    }),
    { numRuns: 200 },
  );
  expect(await createAuditReads(store.access).checkAudit()).toMatchObject({ entries: count, broken: 0 });
  store.close();
  const database = new DatabaseSync(join(folder, "hub.db"));
  const records = database
    .prepare("SELECT record FROM audit")
    .all()
    .map(({ record }) => String(record));
  database.close();
  store = openSqliteStore(join(folder, "hub.db"));
  expect(records).toHaveLength(count);
  for (const record of records) expect(record).not.toMatch(/[\n\r]/u);
});
