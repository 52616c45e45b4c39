import { expect, it } from "vitest";

import { createLimit } from "./limit.ts";

it("runs no more at once than it may, everything in the end, and in order", async () => {
  const limit = createLimit(() => 3);
  let running = 0;
  let most = 0;
  const started: number[] = [];
  const work = Array.from({ length: 20 }, (_, index) =>
    limit(async () => {
      started.push(index);
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      if (index === 5) throw new Error("this one fails");
      return index;
    }),
  );
  const results = await Promise.allSettled(work);
  expect(most).toBe(3);
  expect(started).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(results.filter((result) => result.status === "rejected")).toHaveLength(1);
});

it("follows a bound that goes up and down", async () => {
  let bound = 2;
  const limit = createLimit(() => bound);
  const release: (() => void)[] = [];
  const work = Array.from({ length: 12 }, () =>
    limit(() => new Promise<void>((resolve) => void release.push(resolve))),
  );
  const endOne = async (): Promise<void> => {
    release.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  expect(release).toHaveLength(2);
  bound = 5;
  await endOne();
  expect(release).toHaveLength(5);
  bound = 1;
  for (let running = 4; running > 0; running -= 1) {
    await endOne();
    expect(release).toHaveLength(running);
  }
  await endOne();
  expect(release).toHaveLength(1);
  bound = 100;
  await endOne();
  while (release.length > 0) await endOne();
  await Promise.all(work);
});
