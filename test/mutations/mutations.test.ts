import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { mutations } from "./table.ts";

const root = join(import.meta.dirname, "../..");

describe("planted bugs", () => {
  it("are at least 25, each with a name of its own", () => {
    expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
    expect(mutations.length).toBeGreaterThanOrEqual(25);
  });

  it.each(mutations)("fit the code as it is: $name", ({ file, from, to, caughtBy }) => {
    expect(readFileSync(join(root, file), "utf8").split(from)).toHaveLength(2);
    expect(to).not.toBe(from);
    const tests = "tests" in caughtBy ? caughtBy.tests : [];
    expect(tests.filter((test) => !existsSync(join(root, test)))).toEqual([]);
  });
});
