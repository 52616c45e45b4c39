import type { KubeObject } from "@drover/shared/kube/manifest";

/** Small objects of the kinds that the agent's suites need. */
export function configMap(name: string, data: Readonly<Record<string, string>>, namespace = "default"): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data };
}

export function secret(name: string, data: Readonly<Record<string, string>>): KubeObject {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, btoa(value)]));
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" }, data: encoded };
}

export function deployment(name: string, replicas: number, app = name): KubeObject {
  const labels = { app };
  const spec = {
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "nginx:1" }] } },
  };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace: "default" }, spec };
}

/** A Deployment whose only container has these fields besides its name and image. */
export function deploymentOf(name: string, container: object): KubeObject {
  const labels = { app: name };
  const containers = [{ name: "web", image: "nginx:1", ...container }];
  const template = { metadata: { labels }, spec: { containers } };
  return { ...deployment(name, 1), spec: { replicas: 1, selector: { matchLabels: labels }, template } };
}

/** The same object with more in its metadata. */
export function described(object: KubeObject, metadata: object): KubeObject {
  return { ...object, metadata: { ...object.metadata, ...metadata } };
}

export function service(name: string, port: number): KubeObject {
  const ports = [{ name: "http", port, protocol: "TCP" }];
  const spec = { selector: { app: name }, ports };
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec };
}

export const mapPath = (name: string, namespace = "default"): string =>
  `/api/v1/namespaces/${namespace}/configmaps/${name}`;
export const deploymentPath = (name: string): string => `/apis/apps/v1/namespaces/default/deployments/${name}`;

const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };

export function definition(group: string, kind: string, scope: "Namespaced" | "Cluster"): KubeObject {
  const singular = kind.toLowerCase();
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${singular}s.${group}` },
    spec: {
      group,
      scope,
      names: { kind, plural: `${singular}s`, singular, listKind: `${kind}List` },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}

export const widgets = definition("test.drover.dev", "Widget", "Namespaced");
export const gadgets = definition("parts.drover.dev", "Gadget", "Cluster");

export function widget(name: string, namespace: string): KubeObject {
  return { apiVersion: "test.drover.dev/v1", kind: "Widget", metadata: { name, namespace }, spec: { size: 1 } };
}

/** Cluster-scoped, which only its definition tells. */
export function gadget(name: string): KubeObject {
  return { apiVersion: "parts.drover.dev/v1", kind: "Gadget", metadata: { name }, spec: { size: 1 } };
}
