import { apply, create, labels, patch, update } from "./sequence.ts";
import type { Sequence } from "./sequence.ts";

export const otherSequences: readonly Sequence[] = [
  {
    title: "managedFields emptied, then applied again",
    resource: "configMap",
    steps: [
      apply("one", { data: { a: "1", b: "2" } }),
      patch("merge", { metadata: { managedFields: [] } }),
      patch("merge", { metadata: { managedFields: [{}] } }),
      patch("merge", { data: { c: "3" } }),
      apply("one", { data: { a: "1" } }),
      apply("one", { data: { a: "5" } }),
      apply("one", { data: { a: "5" } }, true),
    ],
  },
  {
    title: "an entry edited by its client",
    resource: "configMap",
    steps: [
      create({ data: { a: "1", b: "2" } }),
      update((live) => ({
        ...live,
        metadata: {
          ...live.metadata,
          managedFields: live.metadata.managedFields?.map((entry) => ({
            ...entry,
            manager: "one",
            operation: "Apply",
          })),
        },
      })),
      apply("one", { data: { a: "1" } }),
    ],
  },
  {
    title: "data of a ConfigMap",
    resource: "configMap",
    steps: [
      apply("one", { data: { a: "1", b: "2" }, metadata: { labels: { x: "1" }, annotations: { y: "2" } } }),
      apply("two", { data: { c: "3" }, metadata: { labels: { z: "1" } } }),
      apply("one", { data: { b: "2" } }),
      apply("two", { data: { b: "other" } }),
      apply("two", { data: { b: "other" } }, true),
      patch("merge", { data: null }),
      apply("one", { data: { b: "back" } }),
    ],
  },
  {
    title: "binary data, immutability and finalizers",
    resource: "configMap",
    steps: [
      apply("one", { binaryData: { a: "AAEC" }, metadata: { finalizers: ["drover.test/a", "drover.test/b"] } }),
      apply("two", { metadata: { finalizers: ["drover.test/c"] } }),
      apply("one", { binaryData: { a: "AAEC" }, metadata: { finalizers: ["drover.test/b"] } }),
      patch("strategic", { metadata: { "$deleteFromPrimitiveList/finalizers": ["drover.test/c"] } }),
      patch("merge", { metadata: { finalizers: null } }),
    ],
  },
  {
    title: "owner references of several managers",
    resource: "configMap",
    steps: [
      apply("one", { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "a", uid: "1" }] } }),
      apply("two", { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "b", uid: "2" }] } }),
      apply("one", {}),
    ],
  },
  {
    title: "a Secret",
    resource: "secret",
    steps: [
      create({ type: "Opaque", data: { a: "YQ==", b: "Yg==" } }),
      apply("one", { data: { a: "YQ==" } }),
      apply("one", { data: { a: "Yg==", c: "Yw==" } }, true),
      apply("one", { data: { c: "Yw==" } }),
    ],
  },
  {
    title: "ports of a Service",
    resource: "service",
    steps: [
      apply("one", { spec: { selector: labels, ports: [{ port: 80, protocol: "TCP", name: "http" }] } }),
      apply("one", {
        spec: {
          selector: labels,
          ports: [
            { port: 80, protocol: "TCP", name: "http", targetPort: 8080 },
            { port: 443, protocol: "TCP", name: "https" },
          ],
        },
      }),
      apply("two", { spec: { ports: [{ port: 53, protocol: "UDP", name: "dns" }] } }),
      apply("one", { spec: { selector: labels, ports: [{ port: 443, protocol: "TCP", name: "https" }] } }),
      patch("strategic", { spec: { ports: [{ port: 443, targetPort: 9443 }] } }),
      apply("one", { spec: { selector: { app: "other" }, ports: [{ port: 443, protocol: "TCP", name: "https" }] } }),
      apply("one", { spec: { ports: [{ port: 443, protocol: "TCP", name: "https", targetPort: 1 }] } }),
    ],
  },
  {
    title: "atomic rules of a Role",
    resource: "role",
    steps: [
      apply("one", { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] }),
      apply("two", { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }] }),
      apply("two", { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }] }, true),
      apply("two", {}),
    ],
  },
  {
    title: "a Role made by create",
    resource: "role",
    steps: [
      create({ rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] }),
      patch("json", [{ op: "add", path: "/rules/0/verbs/-", value: "list" }]),
      apply("one", { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }] }),
    ],
  },
  {
    title: "references of a ServiceAccount",
    resource: "serviceAccount",
    steps: [
      apply("one", { imagePullSecrets: [{ name: "a" }] }),
      patch("strategic", { imagePullSecrets: [{ name: "b" }], secrets: [{ name: "token" }] }),
      apply("one", { imagePullSecrets: [{ name: "c" }] }),
    ],
  },
  {
    title: "a NetworkPolicy",
    resource: "networkPolicy",
    steps: [
      create({
        spec: {
          podSelector: { matchLabels: labels },
          ingress: [{ from: [{ podSelector: {} }] }],
          policyTypes: ["Ingress"],
        },
      }),
      apply("one", { spec: { podSelector: {}, policyTypes: ["Ingress"] } }),
      apply("one", { spec: { podSelector: {}, policyTypes: ["Ingress"] } }, true),
    ],
  },
  {
    title: "lists and maps of a custom resource",
    resource: "widget",
    steps: [
      apply("one", {
        spec: {
          size: 1,
          tags: ["a", "b"],
          steps: ["x", "y"],
          parts: [
            { name: "p", color: "red" },
            { name: "q", color: "blue", weight: 2 },
          ],
          whole: { a: "1", b: "2" },
          named: { n: "1" },
          free: { er: 1, list: [{ a: 1 }] },
        },
      }),
      apply("two", {
        spec: {
          tags: ["b", "c"],
          parts: [{ name: "p", weight: 1 }],
          named: { m: "2" },
          free: { other: true },
        },
      }),
      apply("two", { spec: { tags: ["c"], steps: ["z"], whole: { a: "9" }, free: { list: [] } } }),
      apply("two", { spec: { tags: ["c"], steps: ["z"], whole: { a: "9" }, free: { list: [] } } }, true),
      apply("one", { spec: { size: 1, parts: [{ name: "q", color: "blue" }], named: { n: "1" }, free: { er: 2 } } }),
      apply("two", { spec: { tags: ["c"], free: { other: true } } }),
    ],
  },
  {
    title: "a custom resource created, patched and applied",
    resource: "widget",
    steps: [
      create({
        spec: { size: 1, tags: ["a"], parts: [{ name: "p", color: "red" }], named: {}, free: { a: null, b: {} } },
      }),
      patch("merge", { spec: { size: 2, parts: [{ name: "p", color: "green" }, { name: "r" }], tags: null } }),
      patch("json", [{ op: "add", path: "/spec/whole", value: { a: "1" } }]),
      patch("json", [{ op: "add", path: "/spec/whole/b", value: "1" }], "second"),
      apply("one", { spec: { size: 3, whole: { a: "1" }, parts: [{ name: "p", color: "red" }] } }),
      apply("one", { spec: { size: 3, whole: { a: "1" }, parts: [{ name: "p", color: "red" }] } }, true),
      update((live) => ({ ...live, spec: { size: 3 } })),
    ],
  },
  {
    title: "more update managers than are kept",
    resource: "configMap",
    steps: [
      create({ data: { start: "0" } }),
      ...Array.from({ length: 14 }, (_, index) => patch("merge", { data: { [`k${index}`]: "1" } }, `manager-${index}`)),
      apply("one", { data: { k0: "1" } }),
    ],
  },
];
