import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createInventory, type ConfigMap, type ConfigMaps, type InventoryEntry } from "./inventory.ts";

const never = new AbortController().signal;

/** ConfigMaps in memory. */
function createMaps() {
  const stored = new Map<string, ConfigMap>();
  const calls: string[] = [];
  const maps: ConfigMaps = {
    list: () => Promise.resolve([...stored.values()]),
    apply(map) {
      calls.push(`apply ${map.name}`);
      stored.set(map.name, map);
      return Promise.resolve();
    },
    remove(name) {
      calls.push(`remove ${name}`);
      stored.delete(name);
      return Promise.resolve();
    },
  };
  return { maps, stored, calls };
}

function entry(name: string, fields: Partial<InventoryEntry> = {}): InventoryEntry {
  const key = { group: "apps", kind: "Deployment", namespace: "shop", name };
  return { key, version: "v1", uid: "u", created: false, confirmed: false, ...fields };
}

const owned = (entries: readonly InventoryEntry[], account = "") => ({ account, entries });

const byName = (entries: readonly InventoryEntry[] = []): readonly InventoryEntry[] =>
  entries.toSorted((a, b) => (a.key.name < b.key.name ? -1 : 1));

describe("the inventory", () => {
  it("is read as it was written, in any number of shards", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1_600 }), async (size) => {
        const { maps, stored } = createMaps();
        const entries = Array.from({ length: size }, (_, index) =>
          entry(`d${index}`, { created: index % 2 === 0, confirmed: index % 3 === 0 }),
        );
        await createInventory(maps).write("shop", owned(entries), never);
        expect(stored.size).toBe(Math.ceil(size / 500));
        const found = await createInventory(maps).read(never);
        expect(byName(found.get("shop")?.entries)).toEqual(byName(entries));
      }),
      { numRuns: 20 },
    );
  });

  it("costs no request when it has not changed, also after a restart", async () => {
    const { maps, calls } = createMaps();
    await createInventory(maps).write("shop", owned([entry("a"), entry("b")]), never);
    const restarted = createInventory(maps);
    await restarted.read(never);
    calls.length = 0;
    await restarted.write("shop", owned([entry("b"), entry("a")]), never);
    expect(calls).toEqual([]);
  });

  it("remembers whose rights are used, and writes when that alone changes", async () => {
    const { maps, calls } = createMaps();
    const inventory = createInventory(maps);
    await inventory.write("shop", owned([entry("a")], "shop/deployer"), never);
    expect((await createInventory(maps).read(never)).get("shop")?.account).toBe("shop/deployer");
    calls.length = 0;
    await inventory.write("shop", owned([entry("a")], "shop/deployer"), never);
    expect(calls).toEqual([]);
    await inventory.write("shop", owned([entry("a")]), never);
    expect((await createInventory(maps).read(never)).get("shop")?.account).toBe("");
  });

  it("removes shards that are not needed any more, and all of them in the end", async () => {
    const { maps, stored } = createMaps();
    const inventory = createInventory(maps);
    await inventory.write("shop", owned(Array.from({ length: 501 }, (_, index) => entry(`d${index}`))), never);
    await inventory.write("shop", owned([entry("a")]), never);
    expect([...stored.keys()]).toEqual(["drover-inventory-shop"]);
    await inventory.remove("shop", never);
    expect(stored.size).toBe(0);
  });

  it("does not stop at an inventory that somebody has spoilt", async () => {
    const { maps, stored } = createMaps();
    const labels = { "drover.dev/inventory": "shop" };
    stored.set("one", { name: "one", labels, data: { entries: "{" } });
    stored.set("two", { name: "two", labels, data: { entries: '[null,1,["",1],["","ConfigMap","v1","ns","m","u"]]' } });
    const found = await createInventory(maps).read(never);
    expect(found.get("shop")?.entries.map(({ key }) => key.name)).toEqual(["m"]);
  });
});
