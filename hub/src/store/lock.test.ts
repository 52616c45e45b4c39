import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, expect, it, onTestFinished } from "vitest";

import { lockStore } from "./lock.ts";

let store = "";
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drover-lock-"));
  store = join(folder, "hub.db");
  onTestFinished(() => rm(folder, { recursive: true }));
});

const isFree = (): boolean => {
  using lock = lockStore(store);
  return lock !== undefined;
};

/** A process that has the lock. */
async function startHolder() {
  const holder = `import { lockStore } from ${JSON.stringify(join(import.meta.dirname, "lock.ts"))};
    globalThis.held = lockStore(${JSON.stringify(store)});
    console.log(globalThis.held === undefined ? "taken" : "held");
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", holder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [said] = await once(child.stdout, "data");
  expect(String(said)).toBe("held\n");
  return child;
}

it("E71: is had by one process, until that one is killed", async () => {
  const child = await startHolder();
  expect(isFree()).toBe(false);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(isFree()).toBe(true);
});

it("E71: is had by a process that stands still: nobody takes over from what may go on", async () => {
  const child = await startHolder();
  child.kill("SIGSTOP");
  expect(isFree()).toBe(false);
  child.kill("SIGCONT");
  expect(isFree()).toBe(false);
});

it("leaves nothing but an empty file, and takes what was there before", async () => {
  {
    using lock = lockStore(store);
    expect(lock).toBeDefined();
    expect(await readdir(folder)).toEqual(["hub.db-lock"]);
    expect(isFree()).toBe(false);
  }
  expect(await readdir(folder)).toEqual(["hub.db-lock"]);
  expect(isFree()).toBe(true);
});

it("says why when it cannot be had at all", () => {
  expect(() => lockStore(join(folder, "nowhere", "hub.db"))).toThrow("cannot be locked");
});
