import { expect, it } from "vitest";

import { configMap } from "./objects.ts";
import { type ApiUnderTest, freshNamespace } from "./under-test.ts";

/** Status codes and Status bodies: what an agent decides by when a request fails. */
export function errors(api: ApiUnderTest): void {
  it.each(["no-such-token", ""])("refuses a request with token %j", async (token) => {
    const { status, body } = await api.client.request("GET", "/api/v1/namespaces", { token });
    if (token === "" && status === 403) {
      // A server that lets anonymous requests in refuses them by authorization.
      expect(body).toMatchObject({ kind: "Status", reason: "Forbidden", code: 403 });
      return;
    }
    expect(status).toBe(401);
    expect(body).toMatchObject({
      kind: "Status",
      apiVersion: "v1",
      status: "Failure",
      reason: "Unauthorized",
      message: "Unauthorized",
      code: 401,
    });
  });

  it("says of a missing object which one it is", async () => {
    const ns = await freshNamespace(api.client);
    const { status, body } = await api.client.get(ns.core("configmaps/none"));
    expect(status).toBe(404);
    expect(body).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: 'configmaps "none" not found',
      reason: "NotFound",
      details: { name: "none", kind: "configmaps" },
      code: 404,
    });
  });

  it("names the group of a missing object outside the legacy group", async () => {
    const ns = await freshNamespace(api.client);
    const { body } = await api.client.get(ns.apps("deployments/none"));
    expect(body).toMatchObject({
      message: 'deployments.apps "none" not found',
      details: { name: "none", group: "apps", kind: "deployments" },
    });
  });

  it("tells an unknown resource from a missing namespace", async () => {
    const ns = await freshNamespace(api.client);
    // 1.20 says "404 page not found"; newer servers send a Status without details' name. Neither names an object.
    const unknown = await api.client.get(ns.apps("widgets"));
    expect(unknown.status).toBe(404);
    expect(unknown.body).not.toMatchObject({ details: { kind: "namespaces" } });
    expect(unknown.text).not.toContain("namespaces");
    const missing = await api.client.post("/api/v1/namespaces/none/configmaps", configMap("a", {}));
    expect(missing.status).toBe(404);
    expect(missing.body).toMatchObject({
      message: 'namespaces "none" not found',
      reason: "NotFound",
      details: { name: "none", kind: "namespaces" },
    });
  });

  it("answers a read in a missing namespace without mentioning the namespace", async () => {
    const list = await api.client.get("/api/v1/namespaces/none/configmaps");
    expect(list.status).toBe(200);
    expect(list.body.items).toEqual([]);
    const get = await api.client.get("/api/v1/namespaces/none/configmaps/a");
    expect(get.body).toMatchObject({ code: 404, details: { name: "a", kind: "configmaps" } });
    const remove = await api.client.delete("/api/v1/namespaces/none/configmaps/a");
    expect(remove.body).toMatchObject({ code: 404, details: { name: "a", kind: "configmaps" } });
  });

  it("refuses a second object of the same name with AlreadyExists", async () => {
    const ns = await freshNamespace(api.client);
    expect(await api.client.post(ns.core("configmaps"), configMap("a", {}))).toMatchObject({ status: 201 });
    const { status, body } = await api.client.post(ns.core("configmaps"), configMap("a", {}));
    expect(status).toBe(409);
    expect(body).toMatchObject({
      reason: "AlreadyExists",
      message: 'configmaps "a" already exists',
      details: { name: "a", kind: "configmaps" },
      code: 409,
    });
  });

  it("refuses a body that is not JSON with 400", async () => {
    const ns = await freshNamespace(api.client);
    const { status, body } = await api.client.post(ns.core("configmaps"), "{not json");
    expect(status).toBe(400);
    expect(body).toMatchObject({ kind: "Status", reason: "BadRequest", code: 400 });
  });

  it("refuses a body of another kind or version than the path's with 400", async () => {
    const ns = await freshNamespace(api.client);
    for (const wrong of [{ kind: "Secret" }, { apiVersion: "apps/v1" }]) {
      const { status, body } = await api.client.post(ns.core("configmaps"), { ...configMap("a", {}), ...wrong });
      expect(status).toBe(400);
      expect(body).toMatchObject({ reason: "BadRequest", code: 400 });
    }
  });

  it("refuses a name or namespace that differs from the path's with 400", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(ns.core("configmaps"), configMap("a", {}));
    const name = await api.client.put(ns.core("configmaps/a"), configMap("b", {}));
    expect(name).toMatchObject({ status: 400, body: { reason: "BadRequest" } });
    expect(name.body.message).toContain("the name of the object (b) does not match the name on the URL (a)");
    const elsewhere = configMap("c", {}, { namespace: "default" });
    const namespace = await api.client.post(ns.core("configmaps"), elsewhere);
    expect(namespace).toMatchObject({ status: 400, body: { reason: "BadRequest" } });
    expect(namespace.body.message).toContain("does not match the namespace");
  });

  it("refuses an object without a name with 422 and the field", async () => {
    const ns = await freshNamespace(api.client);
    const { status, body } = await api.client.post(ns.core("configmaps"), {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {},
    });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      reason: "Invalid",
      details: { kind: "ConfigMap", causes: [{ reason: "FieldValueRequired", field: "metadata.name" }] },
    });
  });

  it("refuses a name that is no DNS name with 422", async () => {
    const ns = await freshNamespace(api.client);
    const { status, body } = await api.client.post(ns.core("configmaps"), configMap("Not_Good", {}));
    expect(status).toBe(422);
    expect(body).toMatchObject({
      reason: "Invalid",
      details: { name: "Not_Good", causes: [{ reason: "FieldValueInvalid", field: "metadata.name" }] },
    });
  });

  it("refuses a verb that the path does not take with 405", async () => {
    const { status, body } = await api.client.put("/api/v1/namespaces", {});
    expect(status).toBe(405);
    expect(body).toMatchObject({ reason: "MethodNotAllowed", code: 405 });
  });

  it("refuses a content type that it cannot read with 415", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(ns.core("configmaps"), configMap("a", {}));
    const patch = await api.client.request("PATCH", ns.core("configmaps/a"), {
      body: {},
      contentType: "application/json",
    });
    expect(patch.status).toBe(415);
    const create = await api.client.request("POST", ns.core("configmaps"), { body: "a", contentType: "text/csv" });
    expect(create).toMatchObject({ status: 415, body: { reason: "UnsupportedMediaType" } });
  });

  it("refuses an Accept header that it cannot satisfy with 406", async () => {
    const { status, body } = await api.client.get("/api/v1/namespaces", {}, "text/csv");
    expect(status).toBe(406);
    expect(body).toMatchObject({ reason: "NotAcceptable", code: 406 });
  });
}
