import { expect, it } from "vitest";

import type { ApiBody } from "./api-client.ts";
import { configMap } from "./objects.ts";
import { type ApiUnderTest, freshName, freshNamespace, type Namespace } from "./under-test.ts";

const partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const partialList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const table = "application/json;as=Table;v=v1;g=meta.k8s.io";

const names = (list: ApiBody): readonly string[] => list.items.map(({ metadata }) => metadata.name);

export function lists(api: ApiUnderTest): void {
  async function withConfigMaps(count: number): Promise<Namespace> {
    const ns = await freshNamespace(api.client);
    for (let index = 0; index < count; index += 1) {
      const labels = { parity: index % 2 === 0 ? "even" : "odd", [`only-${index}`]: "" };
      await api.client.post(ns.core("configmaps"), configMap(`c${index}`, { index: `${index}` }, { labels }));
    }
    return ns;
  }
  /** Newer servers put a ConfigMap of their own (kube-root-ca.crt) into every namespace; so does 1.20 with controllers. */
  const own = { labelSelector: "parity" };

  it("lists in the order of names and says at which resourceVersion", async () => {
    const ns = await withConfigMaps(3);
    const { status, body } = await api.client.get(ns.core("configmaps"), own);
    expect(status).toBe(200);
    expect(body).toMatchObject({ apiVersion: "v1", kind: "ConfigMapList" });
    expect(names(body)).toEqual(["c0", "c1", "c2"]);
    expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(0);
    // Items of a list do not repeat what the list is of.
    expect(body.items[0]).not.toHaveProperty("kind");
    expect(body.items[0]).not.toHaveProperty("apiVersion");
  });

  it("has an empty list where nothing is, never null", async () => {
    const ns = await freshNamespace(api.client);
    const { body } = await api.client.get(ns.apps("deployments"));
    expect(body).toMatchObject({ kind: "DeploymentList", apiVersion: "apps/v1", items: [] });
  });

  it("lists across namespaces", async () => {
    const value = freshName("across");
    const spaces = [await freshNamespace(api.client), await freshNamespace(api.client)];
    for (const ns of spaces) {
      await api.client.post(ns.core("configmaps"), configMap("a", {}, { labels: { across: value } }));
    }
    const { body } = await api.client.get("/api/v1/configmaps", { labelSelector: `across=${value}` });
    expect(body.items.map(({ metadata }) => metadata.namespace)).toEqual(spaces.map(({ name }) => name).sort());
  });

  it("pages through everything exactly once, at one resourceVersion", async () => {
    const ns = await withConfigMaps(5);
    const seen: string[] = [];
    const versions = new Set<string>();
    let query: Record<string, string | number> = { limit: 2 };
    for (let page = 0; page < 10; page += 1) {
      const { status, body } = await api.client.get(ns.core("configmaps"), query);
      expect(status).toBe(200);
      expect(body.items.length).toBeLessThanOrEqual(2);
      seen.push(...names(body));
      versions.add(body.metadata.resourceVersion);
      if (page === 0) {
        // Somebody writes in the middle: the pages that follow still show the first page's moment.
        expect(body.metadata.remainingItemCount).toBeGreaterThanOrEqual(3);
        await api.client.post(ns.core("configmaps"), configMap("c9", {}));
      }
      const { continue: next = "" } = body.metadata;
      if (next === "") break;
      query = { limit: 2, continue: next };
    }
    expect(seen.filter((name) => name.startsWith("c"))).toEqual(["c0", "c1", "c2", "c3", "c4"]);
    expect(versions.size).toBe(1);
  });

  it("refuses a continue token that it did not make", async () => {
    const ns = await freshNamespace(api.client);
    const { status, body } = await api.client.get(ns.core("configmaps"), { limit: 1, continue: "nonsense" });
    expect(status).toBe(400);
    expect(body).toMatchObject({ reason: "BadRequest" });
    expect(body.message).toContain("continue key is not valid");
  });

  it.each([
    ["parity=even", ["c0", "c2"]],
    ["parity==odd", ["c1", "c3"]],
    ["parity!=odd,parity", ["c0", "c2"]],
    ["parity in (even,none)", ["c0", "c2"]],
    ["parity,parity notin (even)", ["c1", "c3"]],
    ["only-1", ["c1"]],
    ["!only-1,parity=odd", ["c3"]],
    ["parity=even,only-2", ["c2"]],
    ["parity=neither", []],
  ])("selects by labels: %s", async (labelSelector, expected) => {
    const ns = await withConfigMaps(4);
    const { body } = await api.client.get(ns.core("configmaps"), { labelSelector });
    expect(names(body)).toEqual(expected);
  });

  it("selects by the fields name and namespace", async () => {
    const ns = await withConfigMaps(3);
    const byName = await api.client.get(ns.core("configmaps"), { fieldSelector: "metadata.name=c1" });
    expect(names(byName.body)).toEqual(["c1"]);
    const across = await api.client.get("/api/v1/configmaps", {
      ...own,
      fieldSelector: `metadata.namespace=${ns.name},metadata.name!=c1`,
    });
    expect(names(across.body)).toEqual(["c0", "c2"]);
  });

  it("refuses selectors that it cannot read or does not support with 400", async () => {
    const ns = await freshNamespace(api.client);
    const label = await api.client.get(ns.core("configmaps"), { labelSelector: "a in (" });
    expect(label).toMatchObject({ status: 400, body: { reason: "BadRequest" } });
    const field = await api.client.get(ns.core("configmaps"), { fieldSelector: "data.index=1" });
    expect(field).toMatchObject({ status: 400, body: { reason: "BadRequest" } });
    expect(field.body.message).toMatch(/not a known field selector|field label not supported/);
  });

  it("serves a list from the past of its cache with resourceVersion=0", async () => {
    const ns = await withConfigMaps(2);
    const list = (): Promise<readonly string[]> =>
      api.client.get(ns.core("configmaps"), { ...own, resourceVersion: "0", limit: 1 }).then(({ body }) => names(body));
    // The cache may lag, and 1.20 ignores the limit when it answers from it.
    await expect.poll(async () => (await list())[0]).toBe("c0");
  });

  it("lists at least as new as asked", async () => {
    const ns = await freshNamespace(api.client);
    const { body: created } = await api.client.post(
      ns.core("configmaps"),
      configMap("a", {}, { labels: { parity: "odd" } }),
    );
    const { resourceVersion } = created.metadata;
    const query = { ...own, resourceVersion, resourceVersionMatch: "NotOlderThan" };
    const { body } = await api.client.get(ns.core("configmaps"), query);
    expect(names(body)).toEqual(["a"]);
  });

  it("lists exactly the past that is asked for", async () => {
    const ns = await withConfigMaps(2);
    const { body: list } = await api.client.get(ns.core("configmaps"), own);
    const { resourceVersion } = list.metadata;
    await api.client.delete(ns.core("configmaps/c0"));
    const query = { ...own, resourceVersion, resourceVersionMatch: "Exact" };
    const { status, body } = await api.client.get(ns.core("configmaps"), query);
    expect(status).toBe(200);
    expect(names(body)).toEqual(["c0", "c1"]);
    expect(body.metadata.resourceVersion).toBe(resourceVersion);
  });

  it("asks for patience with a resourceVersion of the future, as after a restored backup", async () => {
    const { status, body } = await api.client.get("/api/v1/configmaps", { resourceVersion: "999999999" });
    expect(status).toBe(504);
    expect(body).toMatchObject({
      reason: "Timeout",
      details: { retryAfterSeconds: 1, causes: [{ reason: "ResourceVersionTooLarge" }] },
    });
  });

  it("refuses resourceVersionMatch without a resourceVersion", async () => {
    const ns = await freshNamespace(api.client);
    const { status } = await api.client.get(ns.core("configmaps"), { resourceVersionMatch: "NotOlderThan" });
    expect([400, 422]).toContain(status);
  });

  it("gives only metadata when asked to", async () => {
    const ns = await withConfigMaps(2);
    const one = await api.client.get(ns.core("configmaps/c0"), {}, partial);
    expect(one.status).toBe(200);
    expect(one.body).toMatchObject({ apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata" });
    expect(Object.keys(one.body).sort()).toEqual(["apiVersion", "kind", "metadata"]);
    expect(one.body.metadata).toEqual((await api.client.get(ns.core("configmaps/c0"))).body.metadata);
    expect(one.headers["content-type"]).toContain("application/json");
    const list = await api.client.get(ns.core("configmaps"), own, `${partialList},application/json`);
    expect(list.body).toMatchObject({ apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadataList" });
    expect(names(list.body)).toEqual(["c0", "c1"]);
    expect(list.body.items[0]).not.toHaveProperty("data");
    expect(list.body.metadata.resourceVersion).toMatch(/^\d+$/);
  });

  it("pages metadata-only lists", async () => {
    const ns = await withConfigMaps(3);
    const first = await api.client.get(ns.core("configmaps"), { ...own, limit: 2 }, partialList);
    expect(names(first.body)).toEqual(["c0", "c1"]);
    const query = { ...own, limit: 2, continue: first.body.metadata.continue ?? "" };
    const second = await api.client.get(ns.core("configmaps"), query, partialList);
    expect(names(second.body)).toEqual(["c2"]);
  });

  it("prints tables with columns, cells and the objects' metadata", async () => {
    const ns = await withConfigMaps(1);
    const { body } = await api.client.get(ns.core("configmaps/c0"), {}, table);
    expect(body).toMatchObject({
      kind: "Table",
      apiVersion: "meta.k8s.io/v1",
      columnDefinitions: [
        { name: "Name", type: "string", format: "name" },
        { name: "Data", type: "string" },
        { name: "Age", type: "string" },
      ],
      rows: [
        {
          cells: ["c0", expect.anything(), expect.stringMatching(/^\d+s$/)],
          object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: { name: "c0" } },
        },
      ],
    });
    const whole = await api.client.get(ns.core("configmaps/c0"), { includeObject: "Object" }, table);
    expect(whole.body).toMatchObject({ rows: [{ object: { kind: "ConfigMap", data: { index: "0" } } }] });
    const none = await api.client.get(ns.core("configmaps"), { ...own, includeObject: "None" }, table);
    expect(none.body).toMatchObject({ rows: [{ object: null }] });
  });
}
