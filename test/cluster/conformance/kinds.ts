import { readFileSync } from "node:fs";

import { expect, it } from "vitest";

import type { ApiBody, ApiClient } from "./api-client.ts";
import { applyEntry } from "./apply.ts";
import { daemonSet, deployment, job, type Named, service, statefulSet } from "./objects.ts";
import { type ApiUnderTest, freshName, freshNamespace } from "./under-test.ts";

/** What the real server made of each manifest below: `node test/cluster/conformance/record-kinds.ts` writes it. */
const recordedPath = new URL("kinds.recorded.json", import.meta.url);

export interface RecordedKind {
  /** Field set of our managedFields entry. */
  readonly fieldsV1: unknown;
  /** The object without metadata and status, with every default filled in. */
  readonly content: Readonly<Record<string, unknown>>;
}

interface Sample {
  readonly groupPath: string;
  readonly resource: string;
  readonly namespaced: boolean;
  readonly object: Named & Readonly<Record<string, unknown>>;
}

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const admission = "/apis/admissionregistration.k8s.io/v1";
const networking = "/apis/networking.k8s.io/v1";
const storage = "/apis/storage.k8s.io/v1";
const rules = [{ apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list"] }];
const subjects = [{ kind: "ServiceAccount", name: "agent", namespace: "drover" }];
const noPods = { replicas: 0 };
const client = { url: "https://127.0.0.1:1/hook" };
const webhook = {
  name: "hook.example.org",
  clientConfig: client,
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  rules: [{ apiGroups: ["none.example.org"], apiVersions: ["v1"], resources: ["nothings"], operations: ["CREATE"] }],
};

const backend = { service: { name: "web", port: { name: "http" } } };
const claimSpec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, storageClassName: "" };

function sample(groupPath: string, resource: string, kind: string, content: object): Sample {
  const apiVersion = groupPath.replace(/^\/apis?\//, "");
  return { groupPath, resource, namespaced: true, object: { apiVersion, kind, metadata: { name: "x" }, ...content } };
}

const clusterWide = (sample: Sample): Sample => ({ ...sample, namespaced: false });

const workload = (resource: string, object: Named): Sample => ({
  groupPath: object.apiVersion === "v1" ? "/api/v1" : `/apis/${object.apiVersion}`,
  resource,
  namespaced: true,
  object: { ...object, metadata: { name: "x" } },
});

const fullContainer = {
  name: "main",
  image: "web",
  ports: [{ containerPort: 80, protocol: "TCP" }],
  resources: { requests: { cpu: "100m", memory: "64Mi" } },
  livenessProbe: { httpGet: { path: "/", port: 80 } },
  readinessProbe: { tcpSocket: { port: "http" } },
  env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
  envFrom: [{ configMapRef: { name: "c" } }],
  volumeMounts: [{ name: "data", mountPath: "/data" }],
};
const fullPod = {
  containers: [fullContainer],
  initContainers: [{ name: "init", image: "init:1", command: ["true"] }],
  volumes: [
    { name: "data", emptyDir: { medium: "Memory" } },
    { name: "config", configMap: { name: "c" } },
    { name: "secret", secret: { secretName: "s" } },
  ],
  tolerations: [{ key: "a", operator: "Exists" }],
  nodeSelector: { "kubernetes.io/os": "linux" },
  securityContext: { runAsNonRoot: true, fsGroup: 1000 },
};
const fullSpec = {
  replicas: 0,
  selector: { matchLabels: { app: "x" } },
  strategy: { rollingUpdate: { maxSurge: 1 } },
  template: { metadata: { labels: { app: "x" }, annotations: { a: "b" } }, spec: fullPod },
};

/** One manifest of each built-in kind that applications are made of, where 1.20 and current servers have the version. */
export const samples: Readonly<Record<string, Sample>> = {
  ServiceAccount: sample("/api/v1", "serviceaccounts", "ServiceAccount", { automountServiceAccountToken: false }),
  Secret: sample("/api/v1", "secrets", "Secret", { data: { k: "dg==" } }),
  LimitRange: sample("/api/v1", "limitranges", "LimitRange", {
    spec: { limits: [{ type: "Container", default: { cpu: "1" } }] },
  }),
  ResourceQuota: sample("/api/v1", "resourcequotas", "ResourceQuota", { spec: { hard: { pods: "100" } } }),
  PersistentVolumeClaim: sample("/api/v1", "persistentvolumeclaims", "PersistentVolumeClaim", { spec: claimSpec }),
  Endpoints: sample("/api/v1", "endpoints", "Endpoints", {
    subsets: [{ addresses: [{ ip: "10.1.2.3" }], ports: [{ name: "http", port: 80, protocol: "TCP" }] }],
  }),
  Service: workload("services", service("x", [{ name: "http", port: 80, protocol: "TCP", targetPort: "http" }])),
  "a full Deployment": sample("/apis/apps/v1", "deployments", "Deployment", { spec: fullSpec }),
  Deployment: workload("deployments", deployment("x", noPods)),
  ReplicaSet: workload("replicasets", { ...deployment("x", noPods), kind: "ReplicaSet" }),
  StatefulSet: workload("statefulsets", statefulSet("x", noPods)),
  DaemonSet: workload("daemonsets", daemonSet("x")),
  Job: workload("jobs", job("x")),
  Ingress: sample(networking, "ingresses", "Ingress", {
    spec: {
      rules: [{ host: "x.example.org", http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
      tls: [{ hosts: ["x.example.org"], secretName: "x" }],
    },
  }),
  NetworkPolicy: sample(networking, "networkpolicies", "NetworkPolicy", {
    spec: {
      podSelector: {},
      ingress: [{ ports: [{ port: 80 }], from: [{ podSelector: { matchLabels: { a: "b" } } }] }],
    },
  }),
  HorizontalPodAutoscaler: sample("/apis/autoscaling/v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler", {
    spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "none" } },
  }),
  Lease: sample("/apis/coordination.k8s.io/v1", "leases", "Lease", {
    spec: { holderIdentity: "a", leaseDurationSeconds: 15, renewTime: "2026-01-01T00:00:00.000000Z" },
  }),
  Role: sample(rbac, "roles", "Role", { rules }),
  RoleBinding: sample(rbac, "rolebindings", "RoleBinding", {
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "x" },
    subjects,
  }),
  ClusterRole: clusterWide(sample(rbac, "clusterroles", "ClusterRole", { rules })),
  ClusterRoleBinding: clusterWide(
    sample(rbac, "clusterrolebindings", "ClusterRoleBinding", {
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "x" },
      subjects,
    }),
  ),
  IngressClass: clusterWide(
    sample(networking, "ingressclasses", "IngressClass", { spec: { controller: "example.org/c" } }),
  ),
  StorageClass: clusterWide(sample(storage, "storageclasses", "StorageClass", { provisioner: "example.org/p" })),
  PriorityClass: clusterWide(sample("/apis/scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", { value: 10 })),
  ValidatingWebhookConfiguration: clusterWide(
    sample(admission, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", { webhooks: [webhook] }),
  ),
};

/** Applies a sample under a fresh name; returns what came back and its path. */
export async function applySample(
  client: ApiClient,
  { groupPath, resource, namespaced, object }: Sample,
): Promise<{ readonly path: string; readonly manifest: object; readonly status: number; readonly body: ApiBody }> {
  const name = namespaced ? "x" : freshName("x");
  const ns = namespaced ? await freshNamespace(client) : undefined;
  const path = ns === undefined ? `${groupPath}/${resource}/${name}` : `${ns.in(groupPath)(resource)}/${name}`;
  const manifest = { ...object, metadata: { ...object.metadata, name } };
  const { status, body } = await client.apply(path, manifest);
  return { path, manifest, status, body };
}

/** The part of an applied object that is the same for every run and, but for more defaults, every version. */
export function recordKind(body: ApiBody): RecordedKind {
  const { metadata: _, status: __, ...content } = body;
  const text = JSON.stringify(content, (key, value: unknown) =>
    key.startsWith("clusterIP") || key.endsWith("controller-uid") || value === null ? undefined : value,
  );
  const fields = JSON.stringify(applyEntry(body)?.fieldsV1, (key, value: unknown) =>
    atomicSinceThen.has(key) ? {} : value,
  );
  return { fieldsV1: JSON.parse(fields), content: JSON.parse(text) };
}

/** Maps that 1.20 owns field by field and newer servers as a whole. */
const atomicSinceThen = new Set(["f:selector", "f:nodeSelector", "f:fieldRef", "f:roleRef", "f:scaleTargetRef"]);

/**
 * Kinds with defaults inside of atomic lists: each apply takes them off and gets them back, which 1.20 counts as a change of
 * its time when the second is another one.
 */
const restamped = new Set(["LimitRange", "NetworkPolicy", "ValidatingWebhookConfiguration"]);

function entryOf(title: string, body: ApiBody): unknown {
  const entry = applyEntry(body);
  return restamped.has(title) ? { ...entry, time: undefined } : entry;
}

/** Every built-in kind of applications: its defaults, the fields it records, and that applying it again does nothing. */
export function kinds(api: ApiUnderTest): void {
  const recorded = JSON.parse(readFileSync(recordedPath, "utf8")) as Readonly<Record<string, RecordedKind>>;

  it.each(Object.entries(samples))("fills in and records %s as recorded", async (title, sample) => {
    const { status, body } = await applySample(api.client, sample);
    expect({ status, message: body.message }).toEqual({ status: 201, message: undefined });
    const { fieldsV1, content } = recordKind(body);
    expect(fieldsV1).toEqual(recorded[title]?.fieldsV1);
    // Newer servers have more defaults; those of 1.20 stand.
    expect(content).toMatchObject(recorded[title]?.content ?? {});
  });

  it.each(Object.entries(samples))("changes nothing when %s is applied again", async (title, sample) => {
    const { path, manifest, body } = await applySample(api.client, sample);
    const { status, body: again } = await api.client.apply(path, manifest);
    expect(status).toBe(200);
    expect(entryOf(title, again)).toEqual(entryOf(title, body));
    expect(again.metadata.generation).toBe(body.metadata.generation);
    expect(recordKind(again)).toEqual(recordKind(body));
  });
}
