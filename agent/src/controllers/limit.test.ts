import { expect, it } from "vitest";

import { createLimit } from "./limit.ts";

it("runs no more at once than it may, everything in the end, and in order", async () => {
  const limit = createLimit(3);
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
