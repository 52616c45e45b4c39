import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { canonicalize } from "./canonical.ts";
import type { KubeObject } from "./manifest.ts";

const object = (apiVersion: string, kind: string, rest: Record<string, unknown>, metadata = {}): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: "x", ...metadata },
  ...rest,
});
const pod = (spec: Record<string, unknown>) => ({ spec: { template: { spec } } });

describe("canonical form", () => {
  test.each<[string, KubeObject, KubeObject]>([
    [
      "case 2: drops nulls and empties that a server drops",
      object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        { subjects: [], roleRef: { name: "r", apiGroup: null } },
        { labels: {}, annotations: null, creationTimestamp: null },
      ),
      object("rbac.authorization.k8s.io/v1", "RoleBinding", { roleRef: { name: "r" } }),
    ],
    [
      "case 2: keeps empties that mean something",
      object("apps/v1", "Deployment", pod({ volumes: [{ name: "a", emptyDir: {} }], nodeSelector: {} })),
      object("apps/v1", "Deployment", pod({ volumes: [{ name: "a", emptyDir: {} }] })),
    ],
    [
      "case 2: keeps an empty rule and an empty selector of a network policy",
      object("networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector: {}, ingress: [{}], egress: [] } }),
      object("networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector: {}, ingress: [{}] } }),
    ],
    [
      "keeps the empties of custom resources, which may mean something, but no nulls",
      object("example.com/v1", "Thing", { spec: { list: [], map: {}, labels: {}, none: null, items: [{ a: null }] } }),
      object("example.com/v1", "Thing", { spec: { list: [], map: {}, labels: {}, items: [{}] } }),
    ],
    [
      "case 4: drops status",
      object("apps/v1", "Deployment", { spec: { replicas: 1 }, status: { replicas: 1 } }),
      object("apps/v1", "Deployment", { spec: { replicas: 1 } }),
    ],
    [
      "case 5: turns stringData into data, where it wins",
      object("v1", "Secret", { data: { a: "b2xk", b: "Yg==" }, stringData: { a: "new", c: "grüße" } }),
      object("v1", "Secret", { data: { a: "bmV3", b: "Yg==", c: "Z3LDvMOfZQ==" } }),
    ],
    [
      "case 6: fills the protocol of a service's ports",
      object("v1", "Service", { spec: { ports: [{ port: 80 }, { port: 53, protocol: "UDP" }] } }),
      object("v1", "Service", {
        spec: {
          ports: [
            { port: 80, protocol: "TCP" },
            { port: 53, protocol: "UDP" },
          ],
        },
      }),
    ],
    [
      "case 6: fills the protocol of all containers' ports, also in a CronJob",
      object("batch/v1", "CronJob", {
        spec: {
          jobTemplate: pod({
            containers: [{ name: "a", ports: [{ containerPort: 1 }] }],
            initContainers: [{ name: "b", ports: [{ containerPort: 2 }] }],
          }),
        },
      }),
      object("batch/v1", "CronJob", {
        spec: {
          jobTemplate: pod({
            containers: [{ name: "a", ports: [{ containerPort: 1, protocol: "TCP" }] }],
            initContainers: [{ name: "b", ports: [{ containerPort: 2, protocol: "TCP" }] }],
          }),
        },
      }),
    ],
    [
      "case 10: drops what only servers set, even when it is empty",
      object(
        "v1",
        "ConfigMap",
        { data: { a: "b" } },
        { managedFields: [], uid: "u", resourceVersion: "1", generation: 2, selfLink: "/", deletionTimestamp: "t" },
      ),
      object("v1", "ConfigMap", { data: { a: "b" } }),
    ],
    [
      "case 12: with a name and generateName the name wins",
      object("v1", "ConfigMap", {}, { generateName: "y-" }),
      object("v1", "ConfigMap", {}),
    ],
    [
      "case 13: drops the namespace of a cluster-scoped kind",
      object("rbac.authorization.k8s.io/v1", "ClusterRole", { rules: [{ verbs: ["get"] }] }, { namespace: "a" }),
      object("rbac.authorization.k8s.io/v1", "ClusterRole", { rules: [{ verbs: ["get"] }] }),
    ],
    [
      "drops the annotation of client-side apply, which may hold a secret, and keeps the others",
      object("v1", "Secret", {}, { annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", a: "b" } }),
      object("v1", "Secret", {}, { annotations: { a: "b" } }),
    ],
    [
      "leaves quantities and numbers as they are written",
      object(
        "apps/v1",
        "Deployment",
        pod({ containers: [{ name: "a", resources: { limits: { cpu: "1000m", memory: 0 } } }] }),
      ),
      object(
        "apps/v1",
        "Deployment",
        pod({ containers: [{ name: "a", resources: { limits: { cpu: "1000m", memory: 0 } } }] }),
      ),
    ],
  ])("%s", (_title, given, expected) => {
    const before = structuredClone(given);
    expect(canonicalize(given)).toEqual(expected);
    expect(given).toEqual(before);
  });

  test("is the same twice as once, whatever the object", () => {
    const key = fc.constantFrom(
      "spec",
      "template",
      "ports",
      "containers",
      "data",
      "stringData",
      "labels",
      "rules",
      "a",
    );
    const tree = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(null, 0, false, "", "text"),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).value;
    const kind = fc.constantFrom("Service", "Secret", "Pod", "Thing");
    fc.assert(
      fc.property(kind, fc.dictionary(key, tree, { noNullPrototype: true }), (kind, rest) => {
        const once = canonicalize(object("v1", kind, rest));
        expect(canonicalize(once)).toEqual(once);
      }),
    );
  });
});
