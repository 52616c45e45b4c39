import { expect, it } from "vitest";

import { configMap, deployment, job, service, statefulSet } from "./objects.ts";
import { type ApiUnderTest, freshNamespace, type Namespace } from "./under-test.ts";

interface Attempt {
  readonly title: string;
  readonly path: (ns: Namespace) => string;
  readonly first: Manifest;
  readonly change: object;
  /** Field of the first cause; versions differ in the index or the depth that they name. */
  readonly field: RegExp;
}

const rbac = (ns: Namespace): ((resource: string) => string) => ns.in("/apis/rbac.authorization.k8s.io/v1");

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: object;
}

function roleBinding(role: string): Manifest & { readonly roleRef: object; readonly subjects: readonly object[] } {
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role };
  const subjects = [{ kind: "ServiceAccount", name: "a", namespace: "b" }];
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: "x" },
    roleRef,
    subjects,
  };
}

function claim(storage: string, accessMode = "ReadWriteOnce"): Manifest {
  const spec = { accessModes: [accessMode], resources: { requests: { storage } }, storageClassName: "none" };
  return { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "x" }, spec };
}

function withTemplate(storage: string): Manifest {
  const set = statefulSet("x", { replicas: 0 });
  const volumeClaimTemplates = [{ metadata: { name: "data" }, spec: claim(storage).spec }];
  return { ...set, spec: { ...set.spec, volumeClaimTemplates } };
}

function secret(type: string): Manifest & { readonly type: string } {
  return { apiVersion: "v1", kind: "Secret", metadata: { name: "x" }, type };
}

const fixed = (immutable: boolean, value: string): ReturnType<typeof configMap> =>
  Object.assign(configMap("x", { k: value }), { immutable });

const immutable: readonly Attempt[] = [
  {
    title: "a Deployment's selector",
    path: (ns) => ns.apps("deployments"),
    first: deployment("x", { replicas: 0, app: "a" }),
    change: deployment("x", { replicas: 0, app: "b" }),
    field: /^spec\.selector$/,
  },
  {
    title: "a StatefulSet's claim templates",
    path: (ns) => ns.apps("statefulsets"),
    first: withTemplate("1Gi"),
    change: withTemplate("2Gi"),
    field: /^spec$/,
  },
  {
    title: "a Job's template",
    path: (ns) => ns.batch("jobs"),
    first: job("x", "job:1"),
    change: job("x", "job:2"),
    field: /^spec\.template$/,
  },
  {
    title: "an immutable ConfigMap's data",
    path: (ns) => ns.core("configmaps"),
    first: fixed(true, "1"),
    change: fixed(true, "2"),
    field: /^data$/,
  },
  {
    title: "a ConfigMap's immutability",
    path: (ns) => ns.core("configmaps"),
    first: fixed(true, "1"),
    change: fixed(false, "1"),
    field: /^immutable$/,
  },
  {
    title: "a Secret's type",
    path: (ns) => ns.core("secrets"),
    first: secret("a/b"),
    change: secret("a/c"),
    field: /^type$/,
  },
  {
    title: "a Service's cluster IP",
    path: (ns) => ns.core("services"),
    first: service("x", [{ port: 80, protocol: "TCP" }]),
    change: service("x", [{ port: 80, protocol: "TCP" }], { clusterIP: "10.0.0.123" }),
    field: /^spec\.clusterIPs?(\[0\])?$/,
  },
  {
    title: "a RoleBinding's role",
    path: (ns) => rbac(ns)("rolebindings"),
    first: roleBinding("a"),
    change: roleBinding("b"),
    field: /^roleRef$/,
  },
  {
    title: "a claim's access modes",
    path: (ns) => ns.core("persistentvolumeclaims"),
    first: claim("1Gi"),
    change: claim("1Gi", "ReadOnlyMany"),
    field: /^spec$/,
  },
];

/** What the server refuses with 422, and how it says so. */
export function validation(api: ApiUnderTest): void {
  it.each(immutable)("refuses to change $title, whoever applies", async ({ path, first, change, field }) => {
    const ns = await freshNamespace(api.client);
    const object = `${path(ns)}/${first.metadata.name}`;
    const created = await api.client.apply(object, first);
    expect(created.status).toBe(201);
    const { status, body } = await api.client.apply(object, change, { force: true });
    expect(status).toBe(422);
    expect(body).toMatchObject({ kind: "Status", status: "Failure", reason: "Invalid", code: 422 });
    expect(body).toMatchObject({
      details: {
        name: "x",
        kind: created.body.kind,
        causes: expect.arrayContaining([
          expect.objectContaining({
            field: expect.stringMatching(field),
            reason: expect.stringMatching(/^FieldValue(Forbidden|Invalid)$/),
          }),
        ]),
      },
    });
    const { body: after } = await api.client.get(object);
    expect(after.metadata.uid).toBe(created.body.metadata.uid);
  });

  it.each([
    ["a Deployment without a selector", { spec: { selector: null } }, "spec.selector"],
    [
      "a Deployment without containers",
      { spec: { template: { spec: { containers: null } } } },
      "spec.template.spec.containers",
    ],
    [
      "a container without an image",
      { spec: { template: { spec: { containers: [{ name: "main" }] } } } },
      "spec.template.spec.containers[0].image",
    ],
    ["a negative number of replicas", { spec: { replicas: -1 } }, "spec.replicas"],
    [
      "labels that the selector does not match",
      { spec: { template: { metadata: { labels: { app: "other" } } } } },
      "spec.template.metadata.labels",
    ],
    ["an invalid label value", { metadata: { labels: { a: "not valid!" } } }, "metadata.labels"],
    ["an invalid annotation key", { metadata: { annotations: { "not valid!": "" } } }, "metadata.annotations"],
  ])("refuses %s, naming the field", async (_, patch, field) => {
    const ns = await freshNamespace(api.client);
    const path = ns.apps("deployments/web");
    await api.client.post(ns.apps("deployments"), deployment("web", { replicas: 0 }));
    const { status, body } = await api.client.patch(path, "merge", patch);
    expect(status).toBe(422);
    expect(body).toMatchObject({
      reason: "Invalid",
      details: {
        name: "web",
        group: "apps",
        kind: "Deployment",
        causes: expect.arrayContaining([expect.objectContaining({ field })]),
      },
    });
    expect(body.message).toMatch(/^Deployment\.apps "web" is invalid: /);
  });

  it("lists every fault of an object at once", async () => {
    const ns = await freshNamespace(api.client);
    const broken = service("x", [
      { name: "a", port: 0, protocol: "TCP" },
      { name: "b", port: 70_000, protocol: "TCP" },
    ]);
    const { status, body } = await api.client.apply(ns.core("services/x"), broken);
    expect(status).toBe(422);
    const causes = ["spec.ports[0].port", "spec.ports[1].port"].map((field) => expect.objectContaining({ field }));
    expect(body).toMatchObject({ details: { causes: expect.arrayContaining(causes) } });
  });

  it("refuses a ConfigMap above 1 MiB", async () => {
    const ns = await freshNamespace(api.client);
    const { status, body } = await api.client.apply(
      ns.core("configmaps/big"),
      configMap("big", { k: "x".repeat(1_048_577) }),
    );
    expect(status).toBe(422);
    expect(body).toMatchObject({ reason: "Invalid", details: { causes: [{ reason: "FieldValueTooLong" }] } });
  });

  it("refuses annotations above 256 KiB in all", async () => {
    const ns = await freshNamespace(api.client);
    const annotations = { a: "x".repeat(200_000), b: "x".repeat(62_144) };
    const { status, body } = await api.client.apply(ns.core("configmaps/big"), configMap("big", {}, { annotations }));
    expect(status).toBe(422);
    expect(body).toMatchObject({
      details: { causes: [{ reason: "FieldValueTooLong", field: "metadata.annotations" }] },
    });
    const fits = { a: "x".repeat(200_000), b: "x".repeat(62_142) };
    const { status: fitting } = await api.client.apply(
      ns.core("configmaps/big"),
      configMap("big", {}, { annotations: fits }),
    );
    expect(fitting).toBe(201);
  });

  it("refuses a request above 3 MiB with 413", async () => {
    const ns = await freshNamespace(api.client);
    const big = configMap("big", { k: "x".repeat(3 * 1_048_576) });
    for (const method of ["POST", "PATCH"]) {
      const { status, body } = await api.client.request(
        method,
        ns.core(method === "POST" ? "configmaps" : "configmaps/big"),
        {
          body: big,
          query: method === "POST" ? {} : { fieldManager: "drover" },
          contentType: method === "POST" ? "application/json" : "application/apply-patch+yaml",
        },
      );
      expect(status).toBe(413);
      expect(body).toMatchObject({ reason: "RequestEntityTooLarge", code: 413 });
    }
  });
}
