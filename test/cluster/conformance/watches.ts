import { expect, it } from "vitest";

import type { WatchEvent } from "./api-client.ts";
import { configMap } from "./objects.ts";
import { type ApiUnderTest, freshName, freshNamespace } from "./under-test.ts";

const brief = (event: WatchEvent | undefined): string => `${event?.type} ${event?.object.metadata.name}`;

/** Watches: what the agent learns drift from. */
export function watches(api: ApiUnderTest): void {
  /** A label that tells this test's objects from those that controllers put into every namespace. */
  const own = { labelSelector: "own" };
  const mine = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) =>
    configMap(name, data, { labels: { own: "", ...labels } });

  it("shows every change after a list, in order, each with a higher resourceVersion", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(ns.core("configmaps"), mine("before"));
    const { body: list } = await api.client.get(ns.core("configmaps"), own);
    const { resourceVersion } = list.metadata;
    await using watch = await api.client.watch(ns.core("configmaps"), { ...own, resourceVersion });
    expect(watch.status).toBe(200);
    await api.client.post(ns.core("configmaps"), mine("a", { k: "1" }));
    await api.client.patch(ns.core("configmaps/a"), "merge", { data: { k: "2" } });
    await api.client.delete(ns.core("configmaps/a"));
    const events = [await watch.next(), await watch.next(), await watch.next()];
    expect(events.map(brief)).toEqual(["ADDED a", "MODIFIED a", "DELETED a"]);
    const versions = [resourceVersion, ...events.map((event) => event?.object.metadata.resourceVersion)].map(Number);
    expect(versions).toEqual(versions.toSorted((left, right) => left - right));
    expect(new Set(versions).size).toBe(4);
    expect(events[0]?.object).toMatchObject({ kind: "ConfigMap", apiVersion: "v1" });
    // A deletion carries the last state, at the resourceVersion of the deletion.
    expect(events[2]?.object.data).toEqual({ k: "2" });
  });

  it("begins with what is there when no resourceVersion is given, or 0", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(ns.core("configmaps"), mine("a"));
    await api.client.post(ns.core("configmaps"), mine("b"));
    for (const query of [{}, { resourceVersion: "0" }]) {
      await using watch = await api.client.watch(ns.core("configmaps"), { ...own, ...query });
      const seen = [brief(await watch.next()), brief(await watch.next())].sort();
      expect(seen).toEqual(["ADDED a", "ADDED b"]);
      await api.client.patch(ns.core("configmaps/a"), "merge", { data: { k: freshName("v") } });
      expect(brief(await watch.next())).toBe("MODIFIED a");
    }
  });

  it("replays what happened since the given resourceVersion", async () => {
    const ns = await freshNamespace(api.client);
    const { body: first } = await api.client.post(ns.core("configmaps"), mine("a", { k: "1" }));
    await api.client.patch(ns.core("configmaps/a"), "merge", { data: { k: "2" } });
    await api.client.post(ns.core("configmaps"), mine("b"));
    const { resourceVersion } = first.metadata;
    await using watch = await api.client.watch(ns.core("configmaps"), { ...own, resourceVersion });
    expect([brief(await watch.next()), brief(await watch.next())]).toEqual(["MODIFIED a", "ADDED b"]);
  });

  it("says DELETED when an object loses the label it is watched by, and ADDED when it gets it", async () => {
    const ns = await freshNamespace(api.client);
    const { body: created } = await api.client.post(ns.core("configmaps"), mine("a", { k: "1" }));
    const { resourceVersion } = created.metadata;
    await using watch = await api.client.watch(ns.core("configmaps"), { ...own, resourceVersion });
    const path = ns.core("configmaps/a");
    const lost = await api.client.patch(path, "merge", { metadata: { labels: { own: null } }, data: { k: "2" } });
    const deleted = await watch.next();
    expect(brief(deleted)).toBe("DELETED a");
    // It shows the last state that fitted, at the resourceVersion of the change.
    expect(deleted?.object).toMatchObject({ data: { k: "1" }, metadata: { labels: { own: "" } } });
    expect(deleted?.object.metadata.resourceVersion).toBe(lost.body.metadata.resourceVersion);
    expect(deleted?.object.metadata.deletionTimestamp).toBeUndefined();
    expect(await api.client.get(path)).toMatchObject({ status: 200 });
    await api.client.patch(path, "merge", { data: { k: "3" } });
    await api.client.patch(path, "merge", { metadata: { labels: { own: "" } } });
    const added = await watch.next();
    expect(brief(added)).toBe("ADDED a");
    expect(added?.object.data).toEqual({ k: "3" });
  });

  it("sends nothing for writes that change nothing", async () => {
    const ns = await freshNamespace(api.client);
    const { body: created } = await api.client.apply(ns.core("configmaps/a"), mine("a", { k: "1" }));
    const { resourceVersion } = created.metadata;
    await using watch = await api.client.watch(ns.core("configmaps"), { ...own, resourceVersion });
    await api.client.apply(ns.core("configmaps/a"), mine("a", { k: "1" }));
    await api.client.patch(ns.core("configmaps/a"), "merge", { data: { k: "1" } });
    await api.client.post(ns.core("configmaps"), mine("last"));
    expect(brief(await watch.next())).toBe("ADDED last");
  });

  it("shows that an object waits for its finalizers before it is gone", async () => {
    const ns = await freshNamespace(api.client);
    const held = configMap("a", {}, { labels: { own: "" }, finalizers: ["example.org/hold"] });
    const { body: created } = await api.client.post(ns.core("configmaps"), held);
    const { resourceVersion } = created.metadata;
    await using watch = await api.client.watch(ns.core("configmaps"), { ...own, resourceVersion });
    await api.client.delete(ns.core("configmaps/a"));
    const waiting = await watch.next();
    expect(brief(waiting)).toBe("MODIFIED a");
    expect(waiting?.object.metadata.deletionTimestamp).toMatch(/Z$/);
    await api.client.patch(ns.core("configmaps/a"), "merge", { metadata: { finalizers: null } });
    expect(brief(await watch.until(({ type }) => type === "DELETED"))).toBe("DELETED a");
  });

  it("watches all namespaces at once, and one object by its name", async () => {
    const value = freshName("all");
    const [left, right] = [await freshNamespace(api.client), await freshNamespace(api.client)];
    const { body: list } = await api.client.get("/api/v1/configmaps", { limit: 1 });
    const { resourceVersion } = list.metadata;
    await using everywhere = await api.client.watch("/api/v1/configmaps", {
      labelSelector: `own=${value}`,
      resourceVersion,
    });
    await using byName = await api.client.watch(right.core("configmaps"), {
      fieldSelector: "metadata.name=b",
      resourceVersion,
    });
    await api.client.post(left.core("configmaps"), mine("a", {}, { own: value }));
    await api.client.post(right.core("configmaps"), mine("a", {}, { own: value }));
    await api.client.post(right.core("configmaps"), mine("b", {}, { own: value }));
    const seen = [await everywhere.next(), await everywhere.next(), await everywhere.next()];
    expect(seen.map((event) => `${event?.object.metadata.namespace}/${event?.object.metadata.name}`)).toEqual([
      `${left.name}/a`,
      `${right.name}/a`,
      `${right.name}/b`,
    ]);
    expect(brief(await byName.next())).toBe("ADDED b");
  });

  it("sends only metadata when asked to", async () => {
    const ns = await freshNamespace(api.client);
    const { body: created } = await api.client.apply(ns.core("configmaps/a"), mine("a", { k: "1" }));
    const { resourceVersion } = created.metadata;
    const accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    await using watch = await api.client.watch(ns.core("configmaps"), { ...own, resourceVersion }, accept);
    const { body: changed } = await api.client.patch(ns.core("configmaps/a"), "merge", { data: { k: "2" } });
    expect(await watch.next()).toEqual({
      type: "MODIFIED",
      object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: changed.metadata },
    });
    await api.client.delete(ns.core("configmaps/a"));
    const deleted = await watch.next();
    expect(brief(deleted)).toBe("DELETED a");
    expect(deleted?.object).not.toHaveProperty("data");
  });

  it("sends tables when asked to, with the columns in the first event only", async () => {
    const ns = await freshNamespace(api.client);
    const { body: created } = await api.client.post(ns.core("configmaps"), mine("a"));
    const { resourceVersion } = created.metadata;
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    await using watch = await api.client.watch(ns.core("configmaps"), { ...own, resourceVersion }, accept);
    await api.client.post(ns.core("configmaps"), mine("b"));
    await api.client.post(ns.core("configmaps"), mine("c"));
    const [first, second] = [await watch.next(), await watch.next()];
    expect(first).toMatchObject({
      type: "ADDED",
      object: { kind: "Table", rows: [{ cells: ["b", expect.anything(), "0s"] }] },
    });
    expect(first).toHaveProperty("object.columnDefinitions.length", 3);
    expect(second).toMatchObject({ object: { rows: [{ object: { metadata: { name: "c" } } }] } });
    expect(second).not.toHaveProperty("object.columnDefinitions.0");
  });

  it("ends the stream after timeoutSeconds, with a bookmark before it to those who ask", async () => {
    const ns = await freshNamespace(api.client);
    const { body: list } = await api.client.get(ns.core("configmaps"), own);
    const { resourceVersion } = list.metadata;
    const query = { ...own, resourceVersion, timeoutSeconds: 4, allowWatchBookmarks: true };
    await using watch = await api.client.watch(ns.core("configmaps"), query);
    // Something elsewhere moves on; the bookmark says that nothing here was missed until then.
    const { body: elsewhere } = await api.client.post("/api/v1/namespaces/default/configmaps", {
      metadata: { generateName: "elsewhere-" },
    });
    const bookmark = await watch.next();
    expect(bookmark).toMatchObject({ type: "BOOKMARK", object: { kind: "ConfigMap", apiVersion: "v1" } });
    expect(Number(bookmark?.object.metadata.resourceVersion)).toBeGreaterThanOrEqual(
      Number(elsewhere.metadata.resourceVersion),
    );
    let last = bookmark;
    while (last?.type === "BOOKMARK") last = await watch.next();
    expect(last).toBeUndefined();
  });

  it("refuses a resourceVersion that is no number", async () => {
    const { status } = await api.client.get("/api/v1/configmaps", { watch: 1, resourceVersion: "abc" });
    // 1.20 blames itself.
    expect([400, 422, 500]).toContain(status);
  });
}
