import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { digestOf } from "@drover/shared/digest";
import { expect, test } from "vitest";

import { createContentCache } from "./content-cache.ts";

test("what several write at the same time is there for each of them, and leaves nothing else behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "drover-content-"));
  try {
    const cache = createContentCache({ folder });
    const bytes = new TextEncoder().encode("chart".repeat(10_000));
    const write = async (): Promise<void> => {
      await Promise.all([cache.write(digestOf(bytes), bytes), cache.writeNote("a", { a: 1 })]);
      expect([await cache.read(digestOf(bytes)), await cache.readNote("a")]).toEqual([Buffer.from(bytes), { a: 1 }]);
    };
    await Promise.all(Array.from({ length: 10 }, write));
    expect(
      await Promise.all(["archives", "notes"].map(async (name) => (await readdir(join(folder, name))).length)),
    ).toEqual([1, 1]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
