import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createReserve } from "./reserve.ts";
import { openSqliteStore } from "./sqlite.ts";
import { clusterDefaults, type Store } from "./store.ts";

const folder = mkdtempSync(join(tmpdir(), "drover-full-"));
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]).status === 0;
afterAll(() => {
  if (mounted) spawnSync("umount", [folder]);
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!mounted)("R23: a store whose disk is full (needs leave to mount a tmpfs)", () => {
  const filler = join(folder, "filler");
  const reserve = createReserve(join(folder, "reserve"), 512 * 1024);
  let store: Store;
  beforeAll(async () => {
    await reserve.refill();
    store = openSqliteStore(join(folder, "hub.db"), { reserve });
  });
  afterAll(() => store.close());

  const fillDisk = (): void => {
    for (let kib = 1024; kib >= 4; kib /= 2) {
      for (;;) {
        try {
          writeFileSync(filler, new Uint8Array(kib * 1024), { flag: "a" });
        } catch {
          break;
        }
      }
    }
    const { bavail } = statfsSync(folder);
    expect(bavail).toBeLessThan(2);
  };
  /** Until the store takes no more; returns the names that it acknowledged. */
  const writeUntilRefused = (round: number): readonly string[] => {
    const taken: string[] = [];
    for (let n = 0; n < 2000; n += 1) {
      const name = `c-${round}-${n}`;
      try {
        store.putCluster({ ...clusterDefaults, name, cordon: "x".repeat(4000) });
      } catch (cause) {
        expect(cause).toMatchObject({ code: "store_full" });
        return taken;
      }
      taken.push(name);
    }
    throw new Error("the disk never got full");
  };

  it("takes what it can from the reserve, keeps what it acknowledged, and goes on when there is room", async () => {
    for (const round of [1, 2, 3]) {
      expect(reserve.held).toBe(true);
      fillDisk();
      const taken = writeUntilRefused(round);
      expect(taken.length).toBeGreaterThan(0);
      expect(reserve.held).toBe(false);
      expect(taken.every((name) => store.cluster(name) !== undefined)).toBe(true);
      await reserve.refill();
      expect(reserve.held).toBe(false);

      rmSync(filler);
      for (const name of taken.slice(1)) store.deleteCluster(name);
      await reserve.refill();
      expect(reserve.held).toBe(true);
      store.close();
      store = openSqliteStore(join(folder, "hub.db"), { reserve });
      expect(store.cluster(taken[0] ?? "")).toBeDefined();
    }
    expect(store.clusters()).toHaveLength(3);
  });

  it("is opened, read and closed while the disk is full", () => {
    fillDisk();
    writeUntilRefused(4);
    store.touchCluster("c-1-0", { seenAtMs: 5 });
    try {
      store.close();
    } catch (cause) {
      expect(cause).toMatchObject({ code: "store_full" });
    }
    store = openSqliteStore(join(folder, "hub.db"), { reserve });
    expect(store.cluster("c-1-0")).toBeDefined();
    rmSync(filler);
  });
});
