import { expect, it } from "vitest";

import { configMap } from "./objects.ts";
import { type ApiUnderTest, freshNamespace } from "./under-test.ts";

/** What happens to those who come back after the server has forgotten what they missed. */
export function history(api: ApiUnderTest): void {
  it("tells watchers from before that they have to list again", async () => {
    const ns = await freshNamespace(api.client);
    const { body: first } = await api.client.post(ns.core("configmaps"), configMap("a", {}));
    await api.client.delete(ns.core("configmaps/a"));
    await api.forgetHistory();
    const { resourceVersion } = first.metadata;
    await using watch = await api.client.watch(ns.core("configmaps"), { resourceVersion });
    // As the status of the answer or as its first event, by version.
    if (watch.status === 410) return;
    expect(await watch.next()).toMatchObject({
      type: "ERROR",
      object: { kind: "Status", code: 410, reason: expect.stringMatching(/^(Expired|Gone)$/) },
    });
    expect(await watch.next()).toBeUndefined();
  });

  it("refuses to go on with a list from before, and offers to go on with what is there now", async () => {
    const ns = await freshNamespace(api.client);
    for (const name of ["a", "b", "c"]) await api.client.post(ns.core("configmaps"), configMap(name, {}));
    const { body: page } = await api.client.get(ns.core("configmaps"), { limit: 1 });
    const { continue: token = "" } = page.metadata;
    await api.client.post(ns.core("configmaps"), configMap("d", {}));
    await api.forgetHistory();
    const { status, body } = await api.client.get(ns.core("configmaps"), { limit: 10, continue: token });
    expect(status).toBe(410);
    expect(body).toMatchObject({ kind: "Status", reason: "Expired", code: 410 });
    const { continue: fresh = "" } = body.metadata;
    const rest = await api.client.get(ns.core("configmaps"), { limit: 10, continue: fresh });
    expect(rest.status).toBe(200);
    expect(rest.body.items.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(["b", "c", "d"]));
  });

  it("still serves a new list and a watch from there", async () => {
    const ns = await freshNamespace(api.client);
    await api.forgetHistory();
    const { body: list } = await api.client.get(ns.core("configmaps"));
    const { resourceVersion } = list.metadata;
    await using watch = await api.client.watch(ns.core("configmaps"), {
      resourceVersion,
      fieldSelector: "metadata.name=a",
    });
    await api.client.post(ns.core("configmaps"), configMap("a", {}));
    expect(await watch.next()).toMatchObject({ type: "ADDED", object: { metadata: { name: "a" } } });
  });

  it("case 59: keeps everything over a restart, but lets no watch go on from before it", async () => {
    const ns = await freshNamespace(api.client);
    for (const name of ["a", "b", "c"])
      await api.client.post(ns.core("configmaps"), configMap(name, {}, { labels: { own: "yes" } }));
    // A real cluster puts a ConfigMap of its own there.
    const labelSelector = "own=yes";
    const { body: before } = await api.client.get(ns.core("configmaps"), { labelSelector });
    const { body: page } = await api.client.get(ns.core("configmaps"), { limit: 1, labelSelector });
    await using cut = await api.client.watch(ns.core("configmaps"), {
      resourceVersion: before.metadata.resourceVersion,
      labelSelector,
    });
    // Moves the revision on, though not that of any ConfigMap of the namespace.
    await freshNamespace(api.client);
    await api.restart();
    await expect(cut.next()).rejects.toThrow(/aborted|ECONNRESET/);
    const { body: after } = await api.client.get(ns.core("configmaps"), { labelSelector });
    expect(after.items).toEqual(before.items);
    const { continue: token = "" } = page.metadata;
    const rest = await api.client.get(ns.core("configmaps"), { limit: 10, continue: token, labelSelector });
    expect(rest.body.items.map(({ metadata }) => metadata.name)).toEqual(["b", "c"]);
    await using late = await api.client.watch(ns.core("configmaps"), {
      resourceVersion: before.metadata.resourceVersion,
      labelSelector,
    });
    if (late.status !== 410) expect(await late.next()).toMatchObject({ type: "ERROR", object: { code: 410 } });
    await using current = await api.client.watch(ns.core("configmaps"), {
      resourceVersion: after.metadata.resourceVersion,
      labelSelector,
    });
    expect(current.status).toBe(200);
    await api.client.delete(ns.core("configmaps/a"));
    expect(await current.next()).toMatchObject({ type: "DELETED", object: { metadata: { name: "a" } } });
  });
}
