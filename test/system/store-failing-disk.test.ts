import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openSqliteStore } from "@drover/hub/store/sqlite";
import { clusterDefaults } from "@drover/hub/store/store";
import { describe, expect, it } from "vitest";

import { fillUp } from "../rig/small-disk.ts";

const run = (program: string, ...args: readonly string[]): boolean => spawnSync(program, args).status === 0;

/**
 * A file system whose device fails its writes: it is a file with holes on a tmpfs, where nothing is left to fill them
 * with. undefined without leave to mount one.
 */
function mountFailingDisk() {
  const folder = mkdtempSync(join(tmpdir(), "drover-failing-"));
  const [memory, place] = [join(folder, "memory"), join(folder, "place")] as const;
  for (const path of [memory, place]) mkdirSync(path);
  const device = join(memory, "device");
  const mounted = run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", memory);
  const plug = (): boolean => run("mount", "-o", "loop", device, place);
  const pull = (): boolean => run("umount", place);
  const dispose = (): void => {
    pull();
    run("umount", memory);
    rmSync(folder, { recursive: true, force: true });
  };
  if (mounted && run("truncate", "-s", "64M", device) && run("mkfs.ext4", "-q", device) && plug()) {
    const filler = join(memory, "filler");
    return {
      file: join(place, "hub.db"),
      fail: () => fillUp(filler),
      /** Another device with what had reached this one. */
      replace: () => {
        rmSync(filler);
        return pull() && plug();
      },
      [Symbol.dispose]: dispose,
    };
  }
  dispose();
  return undefined;
}

const disk = mountFailingDisk();
describe.skipIf(disk === undefined)("R7: a store whose disk fails (needs leave to mount a loop device)", () => {
  it("refuses with a code, and has every acknowledged decision once the disk is replaced", () => {
    using failing = disk;
    if (failing === undefined) return;
    const taken: string[] = [];
    /** Until the store takes no more: the code that it says so with. */
    const decide = (store: ReturnType<typeof openSqliteStore>, count: number): string => {
      for (let n = 0; n < count; n += 1) {
        const name = `c-${taken.length}`;
        try {
          store.putCluster({ ...clusterDefaults, name, cordon: "x".repeat(4_000) });
        } catch (cause) {
          return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
        }
        taken.push(name);
      }
      return "";
    };
    const store = openSqliteStore(failing.file);
    expect(decide(store, 50)).toBe("");
    failing.fail();
    expect(decide(store, 5_000)).toBe("store_failed");
    // It says so again, and goes on reading.
    expect(decide(store, 1)).toBe("store_failed");
    expect(store.cluster("c-0")?.name).toBe("c-0");
    try {
      store.close();
    } catch (cause) {
      expect(cause).toBeInstanceOf(Error);
    }
    expect(failing.replace()).toBe(true);
    const again = openSqliteStore(failing.file);
    const names = again.clusters().map(({ name }) => name);
    expect(taken.filter((name) => !names.includes(name))).toEqual([]);
    expect(decide(again, 1)).toBe("");
    again.close();
  });
});
