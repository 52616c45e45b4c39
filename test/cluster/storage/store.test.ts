import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Store } from "./store.ts";
import { WatchSource, type WatchItem } from "./watch.ts";

const collection = "/configmaps";
const object = (name: string, value: string, labels: Record<string, string> = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default", labels },
  data: { value },
});

const writes = fc.array(
  fc.record({
    name: fc.constantFrom("a", "b", "c"),
    value: fc.constantFrom("1", "2", "3"),
    remove: fc.boolean(),
  }),
  { maxLength: 40 },
);

function write(store: Store, { name, value, remove }: { name: string; value: string; remove: boolean }): void {
  if (remove) store.remove(collection, object(name, value));
  else store.put(collection, object(name, value));
}

describe("Store", () => {
  it("shows every past revision in its window as it was", () => {
    fc.assert(
      fc.property(writes, (steps) => {
        const store = new Store({ windowSize: 1000 });
        const seen = new Map([[store.revision, store.collection(collection).list()]]);
        for (const step of steps) {
          write(store, step);
          seen.set(store.revision, store.collection(collection).list());
        }
        for (const [revision, objects] of seen) {
          expect(store.collection(collection).listAsOf(revision)).toEqual(objects);
        }
      }),
    );
  });

  it("forgets what was compacted", () => {
    const store = new Store({ windowSize: 10 });
    const before = store.revision;
    store.put(collection, object("a", "1"));
    store.compact();
    expect(store.collection(collection).listAsOf(before)).toBeUndefined();
    expect(store.collection(collection).listAsOf(store.revision)).toHaveLength(1);
  });

  it("keeps no more events than its window, trimmed in halves", () => {
    const store = new Store({ windowSize: 10 });
    const before = store.revision;
    for (let i = 0; i < 100; i += 1) store.put(collection, object("a", String(i)));
    expect(store.collection(collection).eventsAfter(before, 1000)).toBeUndefined();
    expect(store.collection(collection).eventsAfter(store.revision - 10, 1000)).toHaveLength(10);
  });
});

describe("WatchSource", () => {
  const watch = (store: Store, selected: string | undefined) =>
    new WatchSource({
      collection: store.collection(collection),
      namespace: undefined,
      selector: (each) => selected === undefined || each.metadata.labels?.["set"] === selected,
      revision: store.revision,
      initial: [],
      initialEventsEnd: false,
    });
  const types = (items: readonly WatchItem[]): string[] => items.map(({ type }) => type);

  it("leads any reader to the state of the store", () => {
    fc.assert(
      fc.property(writes, fc.integer({ min: 1, max: 5 }), (steps, batch) => {
        const store = new Store({ windowSize: 1000 });
        const source = watch(store, undefined);
        for (const step of steps) write(store, step);
        const view = new Map<string, unknown>();
        for (let items = source.read(batch); items.length > 0; items = source.read(batch)) {
          for (const item of items) {
            if (item.type === "DELETED") view.delete(item.object.metadata.name ?? "");
            else if (item.type === "ADDED" || item.type === "MODIFIED")
              view.set(item.object.metadata.name ?? "", item.object);
          }
        }
        expect([...view.values()]).toEqual(expect.arrayContaining(store.collection(collection).list()));
        expect(view.size).toBe(store.collection(collection).size);
      }),
    );
  });

  it("shows an object that leaves the selection as deleted, in its previous state at the new version", () => {
    const store = new Store({ windowSize: 10 });
    const source = watch(store, "x");
    store.put(collection, object("a", "1", { set: "x" }));
    store.put(collection, object("a", "2", { set: "y" }));
    store.put(collection, object("a", "3", { set: "x" }));
    const items = source.read(10);
    expect(types(items)).toEqual(["ADDED", "DELETED", "ADDED"]);
    expect(items[1]).toMatchObject({
      object: { data: { value: "1" }, metadata: { resourceVersion: String(store.revision - 1) } },
    });
  });

  it("fails once when the window has moved past it", () => {
    const store = new Store({ windowSize: 5 });
    const source = watch(store, undefined);
    for (let i = 0; i < 20; i += 1) store.put(collection, object("a", String(i)));
    expect(types(source.read(10))).toEqual(["ERROR"]);
    expect(source.ended).toBe(true);
    expect(source.read(10)).toEqual([]);
  });
});
