import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { encodeBundle } from "@drover/shared/bundle";
import { canonicalJson } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { targetRecord } from "./records.fixture.ts";
import { openSqliteStore } from "./sqlite.ts";
import { clusterDefaults, sourceDefaults, type Store } from "./store.ts";

const trials = Number(process.env["DROVER_STORE_TRIALS"] ?? 200);
// What a disk does is not asked here, and a thousand syncs take long.
const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const files = ["hub.db", "hub.db-wal", "hub.db-mark"] as const;

describe("R24: a store that was damaged while its hub was down", () => {
  let folder = "";
  let written: ReadonlyMap<string, Uint8Array>;
  let acknowledged = "";
  let blobs: ReadonlyMap<string, Uint8Array>;

  beforeAll(() => {
    folder = mkdtempSync(join(memory, "drover-damage-"));
    const store = openSqliteStore(join(folder, "hub.db"));
    blobs = decide(store, 0, 60);
    store.close();
    // The second half stays in the write-ahead log, as after a crash.
    const again = openSqliteStore(join(folder, "hub.db"));
    decide(again, 60, 90);
    acknowledged = contentOf(again);
    written = new Map(files.map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]));
    again.close();
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens a copy of the store, of which some files are replaced. */
  const open = (changed: ReadonlyMap<string, Uint8Array | undefined>): Store => {
    const copy = join(folder, "copy");
    rmSync(copy, { recursive: true, force: true });
    mkdirSync(copy);
    for (const [name, bytes] of new Map([...written, ...changed])) {
      if (bytes !== undefined) writeFileSync(join(copy, name), bytes);
    }
    return openSqliteStore(join(copy, "hub.db"), { keyFile: join(folder, "keys", "store.key") });
  };
  const bytesOf = (name: string): Uint8Array => written.get(name) ?? new Uint8Array();

  it(
    `has every acknowledged record, or is refused: ${trials} pages and bits`,
    { timeout: 60_000 + trials * 50 },
    () => {
      const outcomes = { whole: 0, refused: 0 };
      fc.assert(
        fc.property(
          fc.constantFrom(...files),
          fc.constantFrom(...damages),
          fc.nat(),
          fc.nat(),
          (name, damage, at, bit) => {
            const changed = damage(bytesOf(name), at, bit);
            let store: Store | undefined;
            try {
              store = open(new Map([[name, changed]]));
              expect(contentOf(store) === acknowledged).toBe(true);
              for (const [digest, bytes] of blobs) expectWholeOrRefused(store, digest, bytes);
              outcomes.whole += 1;
            } catch (cause) {
              if (!(cause instanceof DroverError)) throw cause;
              expect(cause.code).toBe("store_failed");
              expect(readFileSync(join(folder, "copy", name)).equals(changed)).toBe(true);
              outcomes.refused += 1;
            } finally {
              store?.close();
            }
          },
        ),
        { numRuns: trials },
      );
      // The test would pass with either alone.
      expect(outcomes.whole).toBeGreaterThan(0);
      expect(outcomes.refused).toBeGreaterThan(0);
    },
  );

  it("opens whole when nothing is damaged", () => {
    const store = open(new Map());
    expect(contentOf(store) === acknowledged).toBe(true);
    store.close();
  });

  it.each(files)("is refused without %s, and what is left stays as it is", (missing) => {
    expect(() => open(new Map([[missing, undefined]]))).toThrow(expect.objectContaining({ code: "store_failed" }));
    const left = readdirSync(join(folder, "copy")).filter((name) => name !== "hub.db-shm" && name !== missing);
    expect(left.toSorted()).toEqual(files.filter((name) => name !== missing).toSorted());
  });

  it("is refused with the file of another day, which has fewer commits", () => {
    const old = join(folder, "old");
    mkdirSync(old);
    const store = openSqliteStore(join(old, "hub.db"));
    decide(store, 0, 3);
    store.close();
    const other = new Map([
      ["hub.db", readFileSync(join(old, "hub.db"))],
      ["hub.db-wal", undefined],
    ]);
    expect(() => open(other)).toThrow(expect.objectContaining({ code: "store_failed" }));
  });

  it("names its newest backup", () => {
    const place = join(folder, "with-backups");
    mkdirSync(join(place, "backups"), { recursive: true });
    for (const name of ["hub-20260101T000000000Z.db", "hub-20260102T000000000Z.db", "x.part"]) {
      writeFileSync(join(place, "backups", name), "");
    }
    copyFileSync(join(folder, "hub.db"), join(place, "hub.db"));
    truncateSync(join(place, "hub.db"), 5000);
    expect(() => openSqliteStore(join(place, "hub.db"))).toThrow(
      expect.objectContaining({ code: "store_failed", hint: expect.stringContaining("hub-20260102T000000000Z.db") }),
    );
  });
});

const damages: readonly ((bytes: Uint8Array, at: number, bit: number) => Uint8Array)[] = [
  function flip(bytes, at, bit) {
    const changed = bytes.slice();
    const index = at % bytes.length;
    changed[index] = (changed[index] ?? 0) ^ (1 << (bit % 8));
    return changed;
  },
  function zeroPage(bytes, at) {
    const start = (at % Math.ceil(bytes.length / 4096)) * 4096;
    return bytes.slice().fill(0, start, start + 4096);
  },
  function truncate(bytes, at) {
    return bytes.slice(0, at % bytes.length);
  },
  function swapPages(bytes, at, bit) {
    const pages = Math.floor(bytes.length / 4096);
    if (pages < 2) return bytes.slice(0, -1);
    const [from, to] = [(at % pages) * 4096, (bit % pages) * 4096];
    const changed = bytes.slice();
    changed.set(bytes.subarray(from, from + 4096), to);
    changed.set(bytes.subarray(to, to + 4096), from);
    return changed;
  },
];

/** Makes decisions, each of which is acknowledged, and returns the blobs that they need. */
function decide(store: Store, from: number, to: number): ReadonlyMap<string, Uint8Array> {
  const needed = new Map<string, Uint8Array>();
  for (let n = from; n < to; n += 1) {
    const cluster = `cluster-${n}`;
    const { bundle, blobs } = encodeBundle([
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `c${n}` }, data: { text: "x".repeat((n % 5) * 1000) } },
    ]);
    store.putCluster({ ...clusterDefaults, name: cluster, labels: { number: String(n) } });
    store.putSource({ ...sourceDefaults, name: `source-${n}`, url: `https://git.example.org/${n}` });
    store.assign({ put: [targetRecord("web", cluster, bundle.digest)], forget: [], blobs });
    for (const [digest, bytes] of blobs) needed.set(digest, bytes);
  }
  return needed;
}

function contentOf(store: Store): string {
  const targets = store.targetsOf("web").toSorted((a, b) => (a.cluster < b.cluster ? -1 : 1));
  return canonicalJson([store.era, store.hubId, store.sources(), store.clusters(), targets]);
}

function expectWholeOrRefused(store: Store, digest: string, bytes: Uint8Array): void {
  let found: Uint8Array | undefined;
  try {
    found = store.blob(digest);
  } catch (cause) {
    if (DroverError.from(cause).code === "blob_corrupt") return;
    throw cause;
  }
  expect(found !== undefined && Buffer.from(found).equals(bytes)).toBe(true);
}
