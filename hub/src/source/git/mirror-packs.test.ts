import { describe, expect, test } from "vitest";

import { tidying } from "./mirror-packs.ts";

const mebibyte = 1024 * 1024;

describe("the packs of a mirror", () => {
  const cases: readonly (readonly [string, readonly number[], ReturnType<typeof tidying>])[] = [
    ["stay when there is none yet", [], "none"],
    ["stay while later ones are few and small", [40 * mebibyte, ...Array.from({ length: 20 }, () => 1000)], "none"],
    ["are merged when there are many", [40 * mebibyte, ...Array.from({ length: 21 }, () => 1000)], "merge"],
    ["are fetched anew when later ones outweigh the first", [4 * mebibyte, 3 * mebibyte, 2 * mebibyte], "fetch-anew"],
    ["stay in a small repository, whose first weighs little", [2000, ...Array.from({ length: 20 }, () => 900)], "none"],
  ];
  test.each(cases)("%s", (_title, sizes, expected) => {
    const packs = sizes.map((bytes, at) => ({ name: `pack-${at}.pack`, bytes }));
    expect(tidying(packs)).toBe(expected);
    expect(tidying(packs.toReversed())).toBe(expected);
  });
});
