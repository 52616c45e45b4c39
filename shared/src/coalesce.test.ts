import fc from "fast-check";
import { expect, it } from "vitest";

import { Coalescer } from "./coalesce.ts";

it("gives a slow reader the newest value of each key, and never loses the last", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat())), async (writes) => {
      const queue = new Coalescer<string, readonly [string, number]>();
      for (const [key, value] of writes) queue.put(key, [key, value]);
      queue.close();
      const read = new Map<string, number>();
      for await (const [key, value] of queue) read.set(key, value);
      expect(Object.fromEntries(read)).toEqual(Object.fromEntries(writes));
    }),
  );
});

it("holds no more than one value for each key", () => {
  const queue = new Coalescer<string, number>();
  for (let n = 0; n < 1_000; n += 1) queue.put(n % 2 === 0 ? "even" : "odd", n);
  expect(queue.size).toBe(2);
});

it("wakes a reader that waits", async () => {
  const queue = new Coalescer<string, number>();
  const first = queue[Symbol.asyncIterator]().next();
  queue.put("a", 1);
  await expect(first).resolves.toEqual({ done: false, value: 1 });
});

it("ends the reader on close, and takes nothing after it", async () => {
  const queue = new Coalescer<string, number>();
  const reading = queue[Symbol.asyncIterator]().next();
  queue.close();
  queue.put("a", 1);
  await expect(reading).resolves.toEqual({ done: true, value: undefined });
});
