import { expect, it } from "vitest";

import { applyEntry } from "./apply.ts";
import { type CustomKind, customResourceDefinition } from "./objects.ts";
import { type ApiUnderTest, freshName, freshNamespace } from "./under-test.ts";

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

interface Installed {
  readonly name: string;
  readonly apiVersion: string;
  /** Path of the group's version. */
  readonly path: string;
  readonly widget: (name: string, spec: object, more?: object) => object;
}

const schema = {
  type: "object",
  required: ["size"],
  properties: {
    size: { type: "integer", minimum: 1 },
    colour: { type: "string", default: "red", enum: ["red", "green"] },
    tags: { type: "array", items: { type: "string" } },
    set: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
    ports: {
      type: "array",
      items: {
        type: "object",
        required: ["name"],
        properties: { name: { type: "string" }, port: { type: "integer" } },
      },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
    },
    free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  },
};

/** Definitions of kinds, and objects of such kinds. */
export function customResources(api: ApiUnderTest): void {
  /** Installs a kind of its own group and waits as an agent does: by the condition, then by what discovery says. */
  async function install(more: Partial<CustomKind> = {}): Promise<Installed> {
    const group = `${freshName("g")}.example.org`;
    const definition = customResourceDefinition({ group, plural: "widgets", kind: "Widget", spec: schema, ...more });
    const { name } = definition.metadata;
    const { status, text } = await api.client.apply(`${definitions}/${name}`, definition);
    expect({ status, text }).toMatchObject({ status: 201 });
    const established = async (): Promise<unknown> => (await api.client.get(`${definitions}/${name}`)).body.status;
    const condition = (type: string): unknown => expect.objectContaining({ type, status: "True" });
    const conditions = expect.arrayContaining([condition("NamesAccepted"), condition("Established")]);
    await expect.poll(established, { timeout: 10_000 }).toMatchObject({ conditions });
    const path = `/apis/${group}/v1`;
    await expect.poll(async () => (await api.client.get(path)).status, { timeout: 10_000 }).toBe(200);
    const apiVersion = `${group}/v1`;
    const widget = (name: string, spec: object, more = {}): object => ({
      apiVersion,
      kind: "Widget",
      metadata: { name },
      spec,
      ...more,
    });
    return { name, apiVersion, path, widget };
  }

  it("serves a kind once its definition is established, and says so in discovery", async () => {
    const ns = await freshNamespace(api.client);
    const { apiVersion, path, widget } = await install();
    const widgets = ns.in(path)("widgets");
    const { body: resources } = await api.client.get(path);
    expect(resources).toMatchObject({
      groupVersion: apiVersion,
      resources: expect.arrayContaining([
        expect.objectContaining({ name: "widgets", kind: "Widget", namespaced: true, singularName: "widget" }),
      ]),
    });
    const groups = async (): Promise<string> => (await api.client.get("/apis")).text;
    await expect.poll(groups, { timeout: 10_000 }).toContain(`"${apiVersion}"`);
    const { status, body } = await api.client.apply(`${widgets}/a`, widget("a", { size: 1 }));
    expect(status).toBe(201);
    expect(body).toMatchObject({ apiVersion, kind: "Widget", metadata: { generation: 1 } });
    const list = await api.client.get(widgets);
    expect(list.body).toMatchObject({ apiVersion, kind: "WidgetList", items: [{ kind: "Widget", apiVersion }] });
  });

  it("records how the names were accepted", async () => {
    const { name } = await install();
    const { body } = await api.client.get(`${definitions}/${name}`);
    expect(body.status).toMatchObject({
      acceptedNames: { plural: "widgets", kind: "Widget", singular: "widget", listKind: "WidgetList" },
      storedVersions: ["v1"],
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: "NamesAccepted", status: "True", reason: "NoConflicts" }),
        expect.objectContaining({ type: "Established", status: "True", reason: "InitialNamesAccepted" }),
      ]),
    });
  });

  it("changes nothing when the same definition is applied again", async () => {
    const { name } = await install();
    const { body: before } = await api.client.get(`${definitions}/${name}`);
    const group = name.replace("widgets.", "");
    const definition = customResourceDefinition({ group, plural: "widgets", kind: "Widget", spec: schema });
    const { status, body } = await api.client.apply(`${definitions}/${name}`, definition);
    expect(status).toBe(200);
    expect(body.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  it("refuses a definition whose name does not follow from its kind", async () => {
    const definition = customResourceDefinition({ group: "bad.example.org", plural: "widgets", kind: "Widget" });
    const wrong = { ...definition, metadata: { name: "things.bad.example.org" } };
    const { status, body } = await api.client.post(definitions, wrong);
    expect(status).toBe(422);
    expect(body).toMatchObject({
      details: { causes: expect.arrayContaining([expect.objectContaining({ field: "metadata.name" })]) },
    });
  });

  it("fills in defaults, drops unknown fields and keeps free-form ones", async () => {
    const ns = await freshNamespace(api.client);
    const { path, widget } = await install();
    const spec = { size: 1, unknown: true, free: { any: { thing: 1 } } };
    const { status, body } = await api.client.post(ns.in(path)("widgets"), widget("a", spec, { extra: 1 }));
    expect(status).toBe(201);
    expect(body.spec).toEqual({ size: 1, colour: "red", free: { any: { thing: 1 } } });
    expect(body).not.toHaveProperty("extra");
  });

  it("takes a number or a text where the schema allows both", async () => {
    const ns = await freshNamespace(api.client);
    // 1.20 applies such kinds without their schema, every list as a whole; so no other test's kind has this field.
    const limit = { "x-kubernetes-int-or-string": true };
    const { path, widget } = await install({ spec: { type: "object", properties: { limit } } });
    for (const [name, value] of [
      ["a", 5],
      ["b", "50%"],
    ] as const) {
      const { status, body } = await api.client.apply(
        `${ns.in(path)("widgets")}/${name}`,
        widget(name, { limit: value }),
      );
      expect({ status, spec: body.spec }).toEqual({ status: 201, spec: { limit: value } });
    }
    const wrong = await api.client.post(ns.in(path)("widgets"), widget("c", { limit: true }));
    expect(wrong.status).toBe(422);
  });

  it.each([
    ["a missing field", {}, "spec.size", "FieldValueRequired"],
    ["a wrong type", { size: "big" }, "spec.size", "FieldValueInvalid"],
    ["a number out of range", { size: 0 }, "spec.size", "FieldValueInvalid"],
    ["a value that is not listed", { size: 1, colour: "blue" }, "spec.colour", "FieldValueNotSupported"],
  ])("refuses %s with 422 and the field", async (_, spec, field, reason) => {
    const ns = await freshNamespace(api.client);
    const { path, widget } = await install();
    const { status, body } = await api.client.post(ns.in(path)("widgets"), widget("a", spec));
    expect(status).toBe(422);
    // Versions differ in how they call a wrong type.
    const reasons =
      reason === "FieldValueInvalid" ? /^FieldValue(Invalid|TypeInvalid)$|^FieldTypeInvalid$/ : new RegExp(reason);
    const cause = expect.objectContaining({ field, reason: expect.stringMatching(reasons) });
    expect(body).toMatchObject({ reason: "Invalid", details: { causes: expect.arrayContaining([cause]) } });
  });

  it("refuses invalid objects by server-side apply as well", async () => {
    const ns = await freshNamespace(api.client);
    const { path, widget } = await install();
    const { status } = await api.client.apply(`${ns.in(path)("widgets")}/a`, widget("a", { size: 0 }));
    expect(status).toBe(422);
    // 1.20 cannot type a wrong value (500); newer servers call it the client's fault.
    const typed = await api.client.apply(`${ns.in(path)("widgets")}/a`, widget("a", { size: "big" }));
    expect([400, 422, 500]).toContain(typed.status);
    expect(await api.client.get(`${ns.in(path)("widgets")}/a`)).toMatchObject({ status: 404 });
  });

  it("merges applied lists by what the schema says of them", async () => {
    const ns = await freshNamespace(api.client);
    const { path, widget } = await install();
    const object = `${ns.in(path)("widgets")}/a`;
    const ports = [{ name: "http", port: 80 }];
    const { body } = await api.client.apply(object, widget("a", { size: 1, tags: ["a"], set: ["a"], ports }));
    expect(applyEntry(body)?.fieldsV1).toEqual({
      "f:spec": {
        "f:ports": { 'k:{"name":"http"}': { ".": {}, "f:name": {}, "f:port": {} } },
        "f:set": { 'v:"a"': {} },
        "f:size": {},
        "f:tags": {},
      },
    });
    const other = { size: 1, set: ["b"], ports: [{ name: "https", port: 443 }] };
    const merged = await api.client.apply(object, widget("a", other), { fieldManager: "other" });
    expect(merged.status).toBe(200);
    expect(merged.body.spec).toMatchObject({ tags: ["a"], set: ["a", "b"], ports: [...ports, ...other.ports] });
    const atomic = await api.client.apply(object, widget("a", { size: 1, tags: ["b"] }), { fieldManager: "third" });
    expect(atomic).toMatchObject({ status: 409, body: { details: { causes: [{ field: ".spec.tags" }] } } });
  });

  it("loses an atomic list to a foreign item in it", async () => {
    const ns = await freshNamespace(api.client);
    const { path, widget } = await install();
    const object = `${ns.in(path)("widgets")}/a`;
    await api.client.apply(object, widget("a", { size: 1, tags: ["a"] }));
    const { body } = await api.client.patch(object, "merge", { spec: { tags: ["a", "b"] } }, { fieldManager: "user" });
    expect(applyEntry(body)?.fieldsV1).toEqual({ "f:spec": { "f:size": {} } });
  });

  it("takes no strategic merge patch", async () => {
    const ns = await freshNamespace(api.client);
    const { path, widget } = await install();
    const object = `${ns.in(path)("widgets")}/a`;
    await api.client.post(ns.in(path)("widgets"), widget("a", { size: 1 }));
    const { status, body } = await api.client.patch(object, "strategic", { spec: { size: 2 } });
    expect(status).toBe(415);
    expect(body).toMatchObject({ reason: "UnsupportedMediaType" });
    expect(await api.client.patch(object, "merge", { spec: { size: 2 } })).toMatchObject({ status: 200 });
    const json = [{ op: "replace", path: "/spec/size", value: 3 }];
    expect(await api.client.patch(object, "json", json)).toMatchObject({ status: 200, body: { spec: { size: 3 } } });
  });

  it("needs a resourceVersion to replace", async () => {
    const ns = await freshNamespace(api.client);
    const { path, widget } = await install();
    const object = `${ns.in(path)("widgets")}/a`;
    await api.client.post(ns.in(path)("widgets"), widget("a", { size: 1 }));
    const { status, body } = await api.client.put(object, widget("a", { size: 2 }));
    expect(status).toBe(422);
    expect(body).toMatchObject({
      details: { causes: expect.arrayContaining([expect.objectContaining({ field: "metadata.resourceVersion" })]) },
    });
  });

  it("keeps spec and status apart when the kind has a status subresource", async () => {
    const ns = await freshNamespace(api.client);
    const status = {
      type: "object",
      properties: { phase: { type: "string" }, observedGeneration: { type: "integer" } },
    };
    const { path, widget } = await install({ status });
    const object = `${ns.in(path)("widgets")}/a`;
    const created = await api.client.post(ns.in(path)("widgets"), widget("a", { size: 1 }, { status: { phase: "x" } }));
    expect(created.body).not.toHaveProperty("status");
    const patch = { spec: { size: 2 }, status: { phase: "Ready" } };
    const reported = await api.client.patch(`${object}/status`, "merge", patch);
    expect(reported.body).toMatchObject({ spec: { size: 1 }, status: { phase: "Ready" }, metadata: { generation: 1 } });
    const changed = await api.client.patch(object, "merge", { spec: { size: 3 }, status: { phase: "Lost" } });
    expect(changed.body).toMatchObject({ spec: { size: 3 }, status: { phase: "Ready" }, metadata: { generation: 2 } });
    const labelled = await api.client.patch(object, "merge", { metadata: { labels: { a: "b" } } });
    expect(labelled.body.metadata.generation).toBe(2);
  });

  it("counts a generation for every change but of metadata when it has none", async () => {
    const ns = await freshNamespace(api.client);
    const { path, widget } = await install();
    const object = `${ns.in(path)("widgets")}/a`;
    await api.client.post(ns.in(path)("widgets"), widget("a", { size: 1 }));
    expect(await api.client.patch(`${object}/status`, "merge", {})).toMatchObject({ status: 404 });
    const labelled = await api.client.patch(object, "merge", { metadata: { labels: { a: "b" } } });
    expect(labelled.body.metadata.generation).toBe(1);
    const changed = await api.client.patch(object, "merge", { spec: { size: 2 } });
    expect(changed.body.metadata.generation).toBe(2);
  });

  it("scales by the paths that the definition names", async () => {
    const ns = await freshNamespace(api.client);
    const scale = { specReplicasPath: ".spec.size", statusReplicasPath: ".status.size" };
    const status = { type: "object", properties: { size: { type: "integer" } } };
    const { path, widget } = await install({ status, subresources: { status: {}, scale } });
    const object = `${ns.in(path)("widgets")}/a`;
    await api.client.apply(object, widget("a", { size: 1 }));
    const read = await api.client.get(`${object}/scale`);
    expect(read.body).toMatchObject({ kind: "Scale", apiVersion: "autoscaling/v1", spec: { replicas: 1 } });
    const scaled = await api.client.patch(`${object}/scale`, "merge", { spec: { replicas: 4 } });
    expect(scaled).toMatchObject({ status: 200, body: { kind: "Scale", spec: { replicas: 4 } } });
    const { body } = await api.client.get(object);
    expect(body).toMatchObject({ spec: { size: 4 }, metadata: { generation: 2 } });
  });

  it("has cluster-wide kinds at no namespace's path", async () => {
    const ns = await freshNamespace(api.client);
    const { path, widget } = await install({ scope: "Cluster" });
    expect(await api.client.apply(`${path}/widgets/a`, widget("a", { size: 1 }))).toMatchObject({ status: 201 });
    const wrong = await api.client.apply(`${ns.in(path)("widgets")}/b`, widget("b", { size: 1 }));
    expect(wrong.status).toBe(404);
  });

  it("watches objects of the kind, metadata only as well", async () => {
    const ns = await freshNamespace(api.client);
    const { path, widget } = await install();
    const widgets = ns.in(path)("widgets");
    const { body: created } = await api.client.post(widgets, widget("a", { size: 1 }));
    const { resourceVersion } = created.metadata;
    await using watch = await api.client.watch(widgets, { resourceVersion });
    const accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    await using partial = await api.client.watch(widgets, { resourceVersion }, accept);
    await api.client.patch(`${widgets}/a`, "merge", { spec: { size: 2 } });
    expect(await watch.next()).toMatchObject({ type: "MODIFIED", object: { kind: "Widget", spec: { size: 2 } } });
    const event = await partial.next();
    expect(event).toMatchObject({ type: "MODIFIED", object: { kind: "PartialObjectMetadata" } });
    expect(event?.object).not.toHaveProperty("spec");
  });

  it("removes the objects of a kind with its definition, and serves the kind no more", async () => {
    const ns = await freshNamespace(api.client);
    const { name, path, widget } = await install();
    const widgets = ns.in(path)("widgets");
    const { body: created } = await api.client.post(widgets, widget("a", { size: 1 }));
    const { resourceVersion } = created.metadata;
    await using watch = await api.client.watch(widgets, { resourceVersion });
    const { body: deleting } = await api.client.delete(`${definitions}/${name}`);
    expect(deleting.metadata.finalizers).toEqual(["customresourcecleanup.apiextensions.k8s.io"]);
    const gone = async (): Promise<number> => (await api.client.get(`${definitions}/${name}`)).status;
    await expect.poll(gone, { timeout: 20_000 }).toBe(404);
    await expect.poll(async () => (await api.client.get(widgets)).status, { timeout: 20_000 }).toBe(404);
    expect((await api.client.get(widgets)).text).toContain("404 page not found");
    expect(await watch.until(({ type }) => type === "DELETED")).toMatchObject({ object: { metadata: { name: "a" } } });
  });

  it("has the kind again, empty, when the definition comes back", async () => {
    const ns = await freshNamespace(api.client);
    const { name, path, widget } = await install();
    const widgets = ns.in(path)("widgets");
    await api.client.post(widgets, widget("a", { size: 1 }));
    await api.client.delete(`${definitions}/${name}`);
    const gone = async (): Promise<number> => (await api.client.get(`${definitions}/${name}`)).status;
    await expect.poll(gone, { timeout: 20_000 }).toBe(404);
    const group = name.replace("widgets.", "");
    await api.client.post(
      definitions,
      customResourceDefinition({ group, plural: "widgets", kind: "Widget", spec: schema }),
    );
    const create = async (): Promise<number> =>
      (await api.client.apply(`${widgets}/b`, widget("b", { size: 1 }))).status;
    await expect.poll(create, { timeout: 20_000 }).toBe(201);
    const { body } = await api.client.get(widgets);
    expect(body.items.map(({ metadata }) => metadata.name)).toEqual(["b"]);
  });

  it("prints the columns that the definition names", async () => {
    const ns = await freshNamespace(api.client);
    const { name, path, widget } = await install();
    const columns = [{ name: "Size", type: "integer", jsonPath: ".spec.size" }];
    const patch = [{ op: "add", path: "/spec/versions/0/additionalPrinterColumns", value: columns }];
    expect(await api.client.patch(`${definitions}/${name}`, "json", patch)).toMatchObject({ status: 200 });
    const widgets = ns.in(path)("widgets");
    await api.client.post(widgets, widget("a", { size: 7 }));
    const print = async (): Promise<unknown> =>
      (await api.client.get(widgets, {}, "application/json;as=Table;v=v1;g=meta.k8s.io")).body;
    await expect.poll(print, { timeout: 10_000 }).toMatchObject({
      kind: "Table",
      columnDefinitions: [{ name: "Name" }, { name: "Size", type: "integer" }],
      rows: [{ cells: ["a", 7] }],
    });
  });
}
