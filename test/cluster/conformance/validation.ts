import { expect, it } from "vitest";

import { configMap, deployment, job, service, statefulSet } from "./objects.ts";
import { type ApiUnderTest, freshName, freshNamespace, type Namespace } from "./under-test.ts";

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

function storageClass(more: object): Manifest {
  const apiVersion = "storage.k8s.io/v1";
  return Object.assign(
    { apiVersion, kind: "StorageClass", metadata: { name: "x" }, ...more },
    { provisioner: "a.b/p" },
  );
}

function clusterRoleBinding(role: string): Manifest & { readonly roleRef: object } {
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role };
  const apiVersion = "rbac.authorization.k8s.io/v1";
  return { apiVersion, kind: "ClusterRoleBinding", metadata: { name: "x" }, roleRef };
}

const frozenSecret = (value: string): Manifest =>
  Object.assign(secret("Opaque"), { immutable: true, data: { k: Buffer.from(value).toString("base64") } });

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
    title: "a StatefulSet's service",
    path: (ns) => ns.apps("statefulsets"),
    first: statefulSet("x", { replicas: 0 }),
    change: { ...statefulSet("x"), spec: { ...statefulSet("x", { replicas: 0 }).spec, serviceName: "y" } },
    field: /^spec$/,
  },
  {
    title: "a StatefulSet's selector",
    path: (ns) => ns.apps("statefulsets"),
    first: statefulSet("x", { replicas: 0, app: "a" }),
    change: statefulSet("x", { replicas: 0, app: "b" }),
    field: /^spec$/,
  },
  {
    title: "an immutable Secret's data",
    path: (ns) => ns.core("secrets"),
    first: frozenSecret("1"),
    change: frozenSecret("2"),
    field: /^data$/,
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

const storageClasses = "/apis/storage.k8s.io/v1/storageclasses";
const first = storageClass({});

/** Like `immutable`, of kinds without a namespace. */
const immutableClusterWide: readonly {
  readonly title: string;
  readonly path: string;
  readonly first: Manifest;
  readonly change: object;
}[] = [
  { title: "provisioner", path: storageClasses, first, change: { provisioner: "example.org/q" } },
  { title: "parameters", path: storageClasses, first, change: { parameters: { a: "b" } } },
  { title: "volumeBindingMode", path: storageClasses, first, change: { volumeBindingMode: "WaitForFirstConsumer" } },
  {
    title: "roleRef",
    path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    first: clusterRoleBinding("a"),
    change: { roleRef: clusterRoleBinding("b").roleRef },
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

  it.each(immutable)(
    "case 34: takes a dry run of $title under another name, unless it is invalid as well",
    async (attempt) => {
      const { path, first, change } = attempt;
      const ns = await freshNamespace(api.client);
      await api.client.apply(`${path(ns)}/${first.metadata.name}`, first);
      const other = { ...first, ...change, metadata: { name: "y" } };
      const dry = { dryRun: "All" };
      expect(await api.client.apply(`${path(ns)}/y`, other, dry)).toMatchObject({ status: 201 });
      const broken = { ...other, metadata: { name: "y", labels: { a: "not valid!" } } };
      expect(await api.client.apply(`${path(ns)}/y`, broken, dry)).toMatchObject({ status: 422 });
      expect(await api.client.get(`${path(ns)}/y`)).toMatchObject({ status: 404 });
    },
  );

  it.each(immutableClusterWide)("refuses to change $title of $first.kind", async ({ title, change, ...attempt }) => {
    const name = freshName("x");
    const first = { ...attempt.first, metadata: { name } };
    const path = `${attempt.path}/${name}`;
    expect(await api.client.apply(path, first)).toMatchObject({ status: 201 });
    const { status, body } = await api.client.apply(path, { ...first, ...change });
    expect(status).toBe(422);
    expect(body).toMatchObject({ reason: "Invalid", details: { causes: [{ field: title }] } });
    await api.client.delete(path);
  });

  it("case 54: gives no node port and no cluster IP twice", async () => {
    const ns = await freshNamespace(api.client);
    const ports = [{ port: 80, protocol: "TCP", nodePort: 30_471 }];
    const first = await api.client.apply(ns.core("services/a"), service("a", ports, { type: "NodePort" }));
    expect(first.status).toBe(201);
    const { clusterIP } = first.body.spec;
    const outside = [{ ...ports[0], nodePort: 80 }];
    for (const [spec, wanted, field] of [
      [{ type: "NodePort" }, ports, /^spec\.ports\[0\]\.nodePort$/],
      [{ type: "NodePort" }, outside, /^spec\.ports\[0\]\.nodePort$/],
      [{ clusterIP }, [{ port: 80, protocol: "TCP" }], /^spec\.clusterIPs?$/],
    ] as const) {
      const { status, body } = await api.client.apply(ns.core("services/b"), service("b", wanted, spec));
      expect(status).toBe(422);
      const cause = { reason: "FieldValueInvalid", field: expect.stringMatching(field) };
      expect(body).toMatchObject({ details: { causes: [cause] } });
    }
    await api.client.delete(ns.core("services/a"));
    const freed = async (): Promise<number> =>
      (await api.client.apply(ns.core("services/b"), service("b", ports, { type: "NodePort" }))).status;
    await expect.poll(freed).toBeLessThan(300);
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
