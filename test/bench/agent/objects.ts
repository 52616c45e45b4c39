import { canonicalize } from "@drover/shared/kube/canonical";
import type { KubeObject } from "@drover/shared/kube/manifest";

export const desiredImage = "registry.example/shop/web:1.4.2";

/** `count` objects in apply order: 70 % ConfigMaps of about 0.6 KB, 30 % Deployments. */
export function mixedObjects(count: number, namespace: string): readonly KubeObject[] {
  const maps = Math.round(count * 0.7);
  return Array.from({ length: count }, (_, n) =>
    canonicalize(n < maps ? configMap(`map-${n}`, namespace) : deployment(`web-${n}`, namespace)),
  );
}

function configMap(name: string, namespace: string): KubeObject {
  const line = `setting.of.${name}=some value that people put into files\n`;
  const data = { level: "desired", "app.properties": line.repeat(7) };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, labels: { tier: "config" } }, data };
}

function deployment(name: string, namespace: string): KubeObject {
  const labels = { "app.kubernetes.io/name": name };
  const container = {
    name: "web",
    image: desiredImage,
    env: [{ name: "MODE", value: "production" }],
    ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
    resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "128Mi" } },
    readinessProbe: { httpGet: { path: "/healthz", port: "http" }, periodSeconds: 5 },
  };
  const template = { metadata: { labels }, spec: { containers: [container] } };
  const spec = { replicas: 2, selector: { matchLabels: labels }, template };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace, labels }, spec };
}

/** What a controller writes when a rollout is through; `note` makes one update differ from the other. */
export function rolledOut(note: string): unknown {
  const counts = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
  const conditions = [
    { type: "Available", status: "True", reason: "MinimumReplicasAvailable", message: note },
    { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable", message: "rolled out" },
  ];
  return { status: { ...counts, conditions } };
}

/** A kind of its own in each round: the time that a server takes for a new one is what is measured. */
export function kindAndObject(round: number, namespace: string): readonly KubeObject[] {
  const group = `round-${round}.example.com`;
  const openAPIV3Schema = {
    type: "object",
    properties: { spec: { type: "object", properties: { size: { type: "integer" } } } },
  };
  const definition: KubeObject = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind: "Widget", plural: "widgets", singular: "widget", listKind: "WidgetList" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  };
  const object: KubeObject = {
    apiVersion: `${group}/v1`,
    kind: "Widget",
    metadata: { name: "first", namespace },
    spec: { size: 1 },
  };
  return [canonicalize(definition), canonicalize(object)];
}
