import { maxHistory } from "@drover/shared/link/link";
import { expect, it } from "vitest";

import { extendHistory } from "./history.ts";

const removed = (app: string) => ({ put: [], forget: [{ app, cluster: "dev-1" }] });

it("T30, R15, E70: two stores that count on from one copy differ from their first own change on", () => {
  const common = extendHistory([], 1, removed("a"));
  const one = extendHistory(common, 2, removed("b"));
  const other = extendHistory(common, 2, removed("c"));
  expect(one.slice(1)).toEqual(common);
  expect(other.slice(1)).toEqual(common);
  expect(one[0]).not.toBe(other[0]);
  // The same change on top does not bring them together again.
  expect(extendHistory(one, 3, removed("d"))[0]).not.toBe(extendHistory(other, 3, removed("d"))[0]);
  expect(extendHistory(common, 2, removed("b"))).toEqual(one);
});

it("goes back a bounded number of generations", () => {
  let history: readonly string[] = [];
  for (let generation = 1; generation <= 100; generation += 1) {
    history = extendHistory(history, generation, removed("a"));
  }
  expect(history).toHaveLength(maxHistory);
  expect(new Set(history).size).toBe(maxHistory);
});
