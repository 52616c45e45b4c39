import { expect, it } from "vitest";

import type { ApiUnderTest } from "./under-test.ts";

interface ResourceList {
  readonly resources: readonly { readonly name: string; readonly verbs: readonly string[] }[];
}

export function discovery(api: ApiUnderTest): void {
  it("answers its health paths with ok", async () => {
    for (const path of ["/healthz", "/livez", "/readyz"]) {
      const { status, text } = await api.client.get(path);
      expect({ path, status, text }).toEqual({ path, status: 200, text: "ok" });
    }
  });

  it("names its version as major and minor", async () => {
    const { status, body } = await api.client.get("/version");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      major: "1",
      minor: expect.stringMatching(/^\d+\+?$/),
      gitVersion: expect.stringMatching(/^v1\.\d+\.\d+/),
    });
  });

  it("lists the legacy group's versions", async () => {
    const { status, body } = await api.client.get("/api");
    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: "APIVersions", versions: ["v1"] });
  });

  it.each([
    "apps",
    "batch",
    "networking.k8s.io",
    "rbac.authorization.k8s.io",
    "apiextensions.k8s.io",
    "storage.k8s.io",
  ])("lists group %s with v1 preferred", async (name) => {
    const { body } = await api.client.get("/apis");
    expect(body.kind).toBe("APIGroupList");
    // batch/v1 stands beside batch/v1beta1 on 1.20 and alone on newer servers, so only the preferred one is compared.
    const group = expect.objectContaining({
      name,
      preferredVersion: { groupVersion: `${name}/v1`, version: "v1" },
      versions: expect.arrayContaining([{ groupVersion: `${name}/v1`, version: "v1" }]),
    });
    expect(body).toMatchObject({ groups: expect.arrayContaining([group]) });
    const alone = await api.client.get(`/apis/${name}`);
    expect(alone.body).toMatchObject({ kind: "APIGroup", apiVersion: "v1", name });
  });

  it.each([
    ["/api/v1", "configmaps", { kind: "ConfigMap", namespaced: true, shortNames: ["cm"] }],
    ["/api/v1", "namespaces", { kind: "Namespace", namespaced: false, shortNames: ["ns"] }],
    ["/api/v1", "nodes", { kind: "Node", namespaced: false }],
    ["/api/v1", "pods", { kind: "Pod", namespaced: true, shortNames: ["po"], categories: ["all"] }],
    ["/api/v1", "secrets", { kind: "Secret", namespaced: true }],
    ["/api/v1", "serviceaccounts", { kind: "ServiceAccount", namespaced: true, shortNames: ["sa"] }],
    ["/api/v1", "services", { kind: "Service", namespaced: true, shortNames: ["svc"] }],
    ["/api/v1", "persistentvolumeclaims", { kind: "PersistentVolumeClaim", namespaced: true, shortNames: ["pvc"] }],
    ["/apis/apps/v1", "deployments", { kind: "Deployment", namespaced: true, shortNames: ["deploy"] }],
    ["/apis/apps/v1", "statefulsets", { kind: "StatefulSet", namespaced: true, shortNames: ["sts"] }],
    ["/apis/apps/v1", "daemonsets", { kind: "DaemonSet", namespaced: true, shortNames: ["ds"] }],
    ["/apis/batch/v1", "jobs", { kind: "Job", namespaced: true }],
    ["/apis/networking.k8s.io/v1", "ingresses", { kind: "Ingress", namespaced: true, shortNames: ["ing"] }],
    ["/apis/rbac.authorization.k8s.io/v1", "clusterroles", { kind: "ClusterRole", namespaced: false }],
    ["/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", { kind: "CustomResourceDefinition" }],
  ])("describes %s %s", async (path, name, expected) => {
    const { body } = await api.client.get(path);
    expect(body).toMatchObject({ kind: "APIResourceList", groupVersion: path.replace(/^\/apis?\//, "") });
    const resource = (body as unknown as ResourceList).resources.find((resource) => resource.name === name);
    expect(resource).toMatchObject(expected);
    expect(resource?.verbs).toEqual(
      expect.arrayContaining(["create", "delete", "get", "list", "patch", "update", "watch"]),
    );
  });

  it("lists status and scale as subresources with their own kinds", async () => {
    const { body } = await api.client.get("/apis/apps/v1");
    expect(body).toMatchObject({
      resources: expect.arrayContaining([
        expect.objectContaining({ name: "deployments/scale", kind: "Scale", group: "autoscaling", version: "v1" }),
        expect.objectContaining({ name: "deployments/status", kind: "Deployment" }),
      ]),
    });
  });

  it("gives the old document to a client that also takes the aggregated one", async () => {
    // Servers since 1.26 may answer with APIGroupDiscoveryList; 1.20 does not know it. Either names apps.
    const accept =
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
    const { status, text } = await api.client.get("/apis", {}, accept);
    expect(status).toBe(200);
    expect(text).toContain('"apps"');
  });

  it.each(["/apis/none.example.org", "/apis/none.example.org/v1", "/apis/none.example.org/v1/widgets"])(
    "answers %s, of a group that nobody serves, with a plain 404",
    async (path) => {
      const { status, text, headers } = await api.client.get(path);
      expect(status).toBe(404);
      expect(text.trim()).toBe("404 page not found");
      expect(headers["content-type"]).toContain("text/plain");
    },
  );

  it.each(["/apis/apps/v9", "/api/v2", "/apis/apps/v1/widgets", "/api/v1/namespaces/default/widgets/a"])(
    "answers %s, which its group does not have, with a 404 that names no object",
    async (path) => {
      // Either the plain text above or a Status, by version and path.
      const { status, text, body } = await api.client.get(path);
      expect(status).toBe(404);
      expect(text).toMatch(/404 page not found|the server could not find the requested resource/);
      expect(body).not.toHaveProperty("details.name");
    },
  );

  it("serves OpenAPI v2 with the extensions that clients find kinds by", async () => {
    const { status, text } = await api.client.get("/openapi/v2");
    expect(status).toBe(200);
    const document = JSON.parse(text) as { definitions: Record<string, unknown>; swagger: string };
    expect(document.swagger).toBe("2.0");
    expect(document.definitions["io.k8s.api.apps.v1.Deployment"]).toMatchObject({
      type: "object",
      "x-kubernetes-group-version-kind": [{ group: "apps", kind: "Deployment", version: "v1" }],
    });
  });
}
