import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Quarantine } from "./quarantine.ts";

const sync = "drover sync source/it";

/** What a process leaves behind, however it ends. */
class Disk {
  before = "";

  /** The word that a process that starts now finds, and replaces. */
  start(): Quarantine {
    return new Quarantine({ before: this.before, write: (line) => (this.before = line) });
  }
}

/** One life of a hub, which begins everything at once: ended by the culprit when it runs, unless it is put aside. */
async function live(disk: Disk, names: readonly string[], isCulprit: (name: string) => boolean): Promise<boolean> {
  const quarantine = disk.start();
  const { promise: death, resolve: die } = Promise.withResolvers<boolean>();
  // Whatever a process that has ended would still do is not done.
  let word = "";
  const work = names
    .filter((name) => quarantine.refusal(name, "v", sync) === "")
    .map(async (name, index) =>
      quarantine.run(name, "v", async () => {
        for (let turn = 0; turn < index % 3; turn += 1) await Promise.resolve();
        if (!isCulprit(name)) return;
        word ||= disk.before;
        die(true);
        await new Promise(() => undefined);
      }),
    );
  const ended = await Promise.race([death, Promise.all(work).then(() => false)]);
  if (ended) disk.before = word;
  return ended;
}

describe("T8: what ends the process", () => {
  it("is put aside after three ends, and nothing that ran beside it is", async () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(names, fc.nat(), async (all, pick) => {
        const culprit = all[pick % all.length] ?? "";
        const disk = new Disk();
        let ends = 0;
        while (await live(disk, all, (name) => name === culprit)) ends += 1;
        expect(ends).toBe(3);
        const quarantine = disk.start();
        expect(all.filter((name) => quarantine.refusal(name, "v", sync) !== "")).toEqual([culprit]);
      }),
      { numRuns: 200 },
    );
  });

  it("is put aside when there are several of it, each after its own ends", async () => {
    const all = ["a", "b", "c", "d", "e", "f"];
    const disk = new Disk();
    let ends = 0;
    while (await live(disk, all, (name) => name === "b" || name === "e")) ends += 1;
    expect(ends).toBeLessThanOrEqual(6);
    const quarantine = disk.start();
    expect(all.filter((name) => quarantine.refusal(name, "v", sync) !== "")).toEqual(["b", "e"]);
  });

  it("is tried once more when a person asks, and again when it is another version", async () => {
    const disk = new Disk();
    while (await live(disk, ["a"], () => true));
    expect(disk.start().refusal("a", "w", sync)).toBe("");
    expect(disk.start().refusal("a", "v", sync)).toContain(sync);
    expect(disk.start().retry("a")).toBe(true);
    expect(await live(disk, ["a"], () => true)).toBe(true);
    expect(disk.start().refusal("a", "v", sync)).not.toBe("");
    disk.start().retry("a");
    expect(await live(disk, ["a"], () => false)).toBe(false);
    expect(disk.start().retry("a")).toBe(false);
    expect(disk.before).toBe("[]");
  });
});

it("what is broken off or fails leaves no word, and keeps the strikes that it had", async () => {
  const disk = new Disk();
  const fail = (): Promise<void> => Promise.reject(new Error("no"));
  await expect(disk.start().run("a", "v", fail)).rejects.toThrow("no");
  expect(disk.before).toBe("[]");
  await live(disk, ["a"], () => true);
  await live(disk, ["a"], () => true);
  await expect(disk.start().run("a", "v", fail)).rejects.toThrow("no");
  await live(disk, ["a"], () => true);
  expect(disk.start().refusal("a", "v", sync)).not.toBe("");
});

it("word that cannot be read charges nobody", () => {
  for (const before of ["", "[", "{}", '[{"key":1}]', "[null]"]) {
    const quarantine = new Quarantine({ before, write: () => undefined });
    expect(quarantine.refusal("a", "v", sync)).toBe("");
  }
});
