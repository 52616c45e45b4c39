import type { KubeObject } from "../schema/object.ts";
import type { Verb } from "./real-server.ts";

/** One write in a scripted sequence on one object. */
export type Step = {
  readonly verb: Verb;
  readonly manager: string;
  readonly force?: boolean;
  readonly subresource?: string;
  readonly body: unknown;
  /** Makes the body from the stored object, for clients that read, change and write. */
  readonly edit?: (live: KubeObject) => unknown;
};

export type Sequence = {
  readonly title: string;
  readonly resource: keyof typeof resources;
  readonly steps: readonly Step[];
  /** Conflicts meet several fields side by side, deep down, where a server of 1.20 mixes up their last elements. */
  readonly deep?: true;
};

export const resources = {
  deployment: { apiVersion: "apps/v1", kind: "Deployment", collection: "/apis/apps/v1/namespaces/default/deployments" },
  service: { apiVersion: "v1", kind: "Service", collection: "/api/v1/namespaces/default/services" },
  configMap: { apiVersion: "v1", kind: "ConfigMap", collection: "/api/v1/namespaces/default/configmaps" },
  secret: { apiVersion: "v1", kind: "Secret", collection: "/api/v1/namespaces/default/secrets" },
  role: {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    collection: "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
  },
  serviceAccount: {
    apiVersion: "v1",
    kind: "ServiceAccount",
    collection: "/api/v1/namespaces/default/serviceaccounts",
  },
  networkPolicy: {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    collection: "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
  },
  statefulSet: {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    collection: "/apis/apps/v1/namespaces/default/statefulsets",
  },
  widget: {
    apiVersion: "drover.test/v1",
    kind: "Widget",
    collection: "/apis/drover.test/v1/namespaces/default/widgets",
  },
} as const;

/** A custom resource with every kind of list and map that ownership treats differently. */
export const widgetDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.drover.test" },
  spec: {
    group: "drover.test",
    names: { kind: "Widget", plural: "widgets" },
    scope: "Namespaced",
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: {
                  size: { type: "integer" },
                  tags: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
                  steps: { type: "array", items: { type: "string" } },
                  parts: {
                    type: "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    items: {
                      type: "object",
                      required: ["name"],
                      properties: { name: { type: "string" }, color: { type: "string" }, weight: { type: "integer" } },
                    },
                  },
                  whole: {
                    type: "object",
                    "x-kubernetes-map-type": "atomic",
                    properties: { a: { type: "string" }, b: { type: "string" } },
                  },
                  named: { type: "object", additionalProperties: { type: "string" } },
                  free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
                },
              },
              status: { type: "object", properties: { phase: { type: "string" } } },
            },
          },
        },
      },
    ],
  },
};

export const web = { name: "web", image: "nginx:1.19" };
export const labels = { app: "web" };

export type Pod = { containers: unknown[]; [field: string]: unknown };

export function deployment(pod: Pod, spec: Record<string, unknown> = {}): unknown {
  return { spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod }, ...spec } };
}

export function apply(manager: string, body: unknown, force = false): Step {
  return { verb: "apply", manager, body, force };
}

export function create(body: unknown): Step {
  return { verb: "create", manager: "creator", body };
}

export function patch(verb: "merge" | "strategic" | "json", body: unknown, manager = "editor"): Step {
  return { verb, manager, body };
}

export function update(edit: (live: KubeObject) => unknown, manager = "editor"): Step {
  return { verb: "update", manager, body: undefined, edit };
}

export const full: Pod = {
  containers: [
    {
      ...web,
      ports: [{ containerPort: 80, protocol: "TCP", name: "http" }],
      env: [
        { name: "A", value: "1" },
        { name: "B", value: "2" },
      ],
      resources: { requests: { cpu: "100m" }, limits: { memory: "64Mi" } },
      volumeMounts: [{ name: "cache", mountPath: "/cache" }],
      securityContext: { capabilities: { drop: ["ALL"] } },
    },
    { name: "side", image: "busybox", args: ["sleep", "1"] },
  ],
  volumes: [
    { name: "cache", emptyDir: { medium: "Memory" } },
    { name: "config", configMap: { name: "settings" } },
  ],
  tolerations: [{ key: "a", operator: "Exists" }],
  nodeSelector: { disk: "ssd" },
};
