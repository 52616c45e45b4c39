import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { openSqliteStore } from "./sqlite.ts";

const kills = Number(process.env["DROVER_STORE_KILLS"] ?? 12);
// A killed process leaves the kernel all that it wrote: a disk would only be slower.
const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const powerCuts = Number(process.env["DROVER_POWER_CUTS"] ?? 0);

/** A process that makes decisions in a store; `acknowledged` is the last that it has said. */
function startWriter(file: string) {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, "writer.fixture.ts"), file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let told = "";
  const begun = new Promise<void>((resolve) => {
    child.stdout?.on("data", (bytes: Buffer) => {
      told = (told + bytes.toString()).slice(-100);
      resolve();
    });
    child.once("close", () => resolve());
  });
  const closed = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
  });
  return {
    child,
    acknowledged: () => Number(told.slice(0, told.lastIndexOf("\n")).split("\n").at(-1)),
    begun,
    kill: async () => {
      child.kill("SIGKILL");
      await closed;
    },
  };
}

function generationIn(file: string): number {
  const store = openSqliteStore(file);
  const generation = store.cluster("dev-1")?.generation ?? 0;
  store.close();
  return generation;
}

/** The one decision that may be there without having been acknowledged is the one that was being made. */
function expectKept(file: string, acknowledged: number): void {
  const kept = generationIn(file);
  expect(acknowledged).toBeGreaterThan(0);
  expect(kept - acknowledged).toBeGreaterThanOrEqual(0);
  expect(kept - acknowledged).toBeLessThanOrEqual(1);
}

describe("R7: a store whose process is killed", () => {
  it(
    `has every acknowledged decision, and none twice: ${kills} kills`,
    { timeout: 30_000 + kills * 2_000 },
    async () => {
      const lane = async (count: number): Promise<void> => {
        const folder = mkdtempSync(join(memory, "drover-kill-"));
        try {
          for (let n = 0; n < count; n += 1) {
            const writer = startWriter(join(folder, "hub.db"));
            await writer.begun;
            await pause(Math.random() * 30);
            await writer.kill();
            expectKept(join(folder, "hub.db"), writer.acknowledged());
          }
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      };
      const lanes = 3;
      await Promise.all(Array.from({ length: lanes }, async (_, index) => lane(Math.ceil((kills - index) / lanes))));
    },
  );
});

/** The file system as it is on the disk at one moment, without what the kernel has not written: needs root. */
describe.skipIf(powerCuts === 0)(`R7: a store whose power is cut (DROVER_POWER_CUTS=${powerCuts})`, () => {
  const run = (program: string, ...args: readonly string[]): void => {
    const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
  };

  it("has every acknowledged decision", { timeout: 30_000 + powerCuts * 20_000 }, async () => {
    for (let n = 0; n < powerCuts; n += 1) {
      const folder = mkdtempSync(join(tmpdir(), "drover-power-"));
      const [disk, copy, place, after] = ["disk", "copy", "place", "after"].map((name) => join(folder, name)) as [
        string,
        string,
        string,
        string,
      ];
      for (const name of [place, after]) mkdirSync(name);
      run("truncate", "-s", "96M", disk);
      run("mkfs.ext4", "-q", disk);
      run("mount", "-o", "loop", disk, place);
      const writer = startWriter(join(place, "hub.db"));
      await writer.begun;
      await pause(Math.random() * 2_000);
      writer.child.kill("SIGSTOP");
      await pause(50);
      const acknowledged = writer.acknowledged();
      copyFileSync(disk, copy);
      await writer.kill();
      run("umount", place);
      run("mount", "-o", "loop", copy, after);
      try {
        expectKept(join(after, "hub.db"), acknowledged);
      } finally {
        run("umount", after);
        rmSync(folder, { recursive: true, force: true });
      }
    }
  });
});
