import { expect, it } from "vitest";

import { DroverError } from "./errors.ts";
import { createLog } from "./log.ts";
import { runAll, type Service } from "./service.ts";

const untilAborted = (name: string, ended: string[]): Service => ({
  name,
  run: (signal) =>
    new Promise((resolve) => {
      const end = (): void => {
        ended.push(name);
        resolve();
      };
      if (signal.aborted) end();
      signal.addEventListener("abort", end);
    }),
});

it("ends all services when one fails, and says which failure it was", async () => {
  const ended: string[] = [];
  const failing: Service = { name: "bad", run: () => Promise.reject(new DroverError("store_failed", "disk full")) };
  await expect(runAll([untilAborted("good", ended), failing], new AbortController().signal)).rejects.toMatchObject({
    code: "store_failed",
  });
  expect(ended).toEqual(["good"]);
});

it("ends without an error when it is asked to", async () => {
  const ended: string[] = [];
  const stop = new AbortController();
  const run = runAll([untilAborted("a", ended), untilAborted("b", ended)], stop.signal);
  stop.abort();
  await run;
  expect(ended.toSorted()).toEqual(["a", "b"]);
});

it("starts nothing when it was asked to end before", async () => {
  const started: string[] = [];
  const deaf: Service = {
    name: "deaf",
    run: (signal) =>
      new Promise((resolve) => {
        started.push("deaf");
        signal.addEventListener("abort", () => resolve());
      }),
  };
  await runAll([deaf], AbortSignal.abort());
  expect(started).toEqual([]);
});

it("keeps tokens, passwords and credentials in addresses out of the log", () => {
  const lines: string[] = [];
  const log = createLog("test", "info", { write: (line) => void lines.push(line) });
  log.info({ token: "t0p", source: { password: "p4ss" }, url: "https://ana:s3cret@git.example" }, "fetching");
  expect(lines.join("")).not.toMatch(/t0p|p4ss|s3cret/u);
  expect(lines.join("")).toContain("git.example");
});
