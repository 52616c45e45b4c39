import { apply, create, deployment, full, labels, patch, update, web } from "./sequence.ts";
import type { Sequence } from "./sequence.ts";

export const workloadSequences: readonly Sequence[] = [
  {
    title: "apply, the same again, fewer fields",
    resource: "deployment",
    steps: [
      apply("one", deployment(full, { replicas: 2 })),
      apply("one", deployment(full, { replicas: 2 })),
      apply("one", deployment({ containers: [web] }, { replicas: 2 })),
      apply("one", deployment({ containers: [web] })),
    ],
  },
  {
    title: "create, then apply over it with and without force",
    resource: "deployment",
    steps: [
      create(deployment(full, { replicas: 3 })),
      apply("one", deployment({ containers: [web] }, { replicas: 3 })),
      apply("one", deployment({ containers: [{ ...web, image: "nginx:1.20" }] }, { replicas: 5 })),
      apply("one", deployment({ containers: [{ ...web, image: "nginx:1.20" }] }, { replicas: 5 }), true),
      apply("one", deployment({ containers: [{ name: "web", image: "nginx:1.20" }] }), true),
    ],
  },
  {
    title: "two appliers share a field and one gives it up",
    resource: "deployment",
    steps: [
      apply("one", deployment({ containers: [web] }, { replicas: 2 })),
      apply("two", {
        spec: { replicas: 2, template: { spec: { containers: [{ name: "web", env: [{ name: "X", value: "1" }] }] } } },
      }),
      apply("two", { spec: { replicas: 4 } }),
      apply("two", { spec: { replicas: 4 } }, true),
      apply("one", deployment({ containers: [web] })),
      apply("two", {}),
    ],
  },
  {
    title: "an edit takes a field, an apply takes it back",
    resource: "deployment",
    steps: [
      apply("one", deployment(full, { replicas: 2 })),
      patch("merge", { spec: { replicas: 7 } }),
      apply("one", deployment(full, { replicas: 2 })),
      apply("one", deployment(full, { replicas: 2 }), true),
    ],
  },
  {
    title: "containers come and go",
    resource: "deployment",
    steps: [
      apply("one", deployment({ containers: [web] })),
      apply("injector", { spec: { template: { spec: { containers: [{ name: "proxy", image: "envoy" }] } } } }),
      apply("one", deployment({ containers: [web, { name: "side", image: "busybox" }] })),
      apply("one", deployment({ containers: [web] })),
      apply("injector", {}),
    ],
  },
  {
    title: "strategic merge patches",
    resource: "deployment",
    steps: [
      create(deployment(full)),
      patch("strategic", { spec: { template: { spec: { containers: [{ name: "web", image: "nginx:2" }] } } } }),
      patch("strategic", { spec: { template: { spec: { containers: [{ name: "third", image: "c" }] } } } }, "second"),
      patch("strategic", { spec: { template: { spec: { containers: [{ name: "side", $patch: "delete" }] } } } }),
      patch("strategic", {
        spec: {
          template: {
            spec: {
              containers: [
                {
                  name: "web",
                  env: [
                    { name: "B", $patch: "delete" },
                    { name: "C", value: "3" },
                  ],
                },
              ],
            },
          },
        },
      }),
      patch("strategic", { spec: { template: { spec: { nodeSelector: { $patch: "replace", zone: "a" } } } } }),
      patch("strategic", {
        spec: {
          template: { spec: { volumes: [{ name: "config", $retainKeys: ["name", "emptyDir"], emptyDir: {} }] } },
        },
      }),
      patch("strategic", { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } }),
      patch("strategic", {
        spec: {
          template: {
            spec: {
              "$setElementOrder/containers": [{ name: "third" }, { name: "fourth" }, { name: "web" }],
              containers: [{ name: "fourth", image: "d" }],
            },
          },
        },
      }),
      patch("strategic", {
        spec: { template: { spec: { containers: [{ $patch: "replace" }, { name: "only", image: "e" }] } } },
      }),
      patch("strategic", { spec: { template: { metadata: { annotations: { a: "1", b: null } } } } }),
    ],
  },
  {
    title: "JSON patches",
    resource: "deployment",
    steps: [
      apply("one", deployment(full, { replicas: 2 })),
      patch("json", [{ op: "replace", path: "/spec/replicas", value: 4 }]),
      patch("json", [{ op: "add", path: "/spec/template/spec/containers/0/env/-", value: { name: "Z", value: "9" } }]),
      patch("json", [{ op: "remove", path: "/spec/template/spec/containers/1" }]),
      patch("json", [{ op: "test", path: "/spec/replicas", value: 5 }]),
      patch("json", [
        { op: "test", path: "/spec/replicas", value: 4 },
        { op: "copy", from: "/metadata/name", path: "/spec/template/metadata/labels/copy" },
        { op: "move", from: "/spec/template/spec/nodeSelector/disk", path: "/spec/template/spec/nodeSelector/d~1isk" },
      ]),
    ],
  },
  {
    title: "PUT changes, adds and removes",
    resource: "deployment",
    steps: [
      apply("one", deployment(full, { replicas: 2 })),
      update((live) => ({ ...live, spec: { ...(live["spec"] as object), replicas: 9, minReadySeconds: 5 } })),
      update((live) => ({ ...live, metadata: { ...live.metadata, labels: { a: "1" }, annotations: { b: "2" } } })),
      update((live) => ({ ...live, metadata: { ...live.metadata, labels: {}, managedFields: undefined } })),
      update((live) => live),
    ],
  },
  {
    title: "a StatefulSet with claims",
    resource: "statefulSet",
    steps: [
      create({
        spec: {
          serviceName: "web",
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: full },
          volumeClaimTemplates: [
            {
              metadata: { name: "data" },
              spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
            },
          ],
        },
      }),
      patch("merge", { spec: { replicas: 3, updateStrategy: { rollingUpdate: { partition: 1 } } } }),
      apply("one", { spec: { replicas: 3 } }),
      apply("one", { spec: { replicas: 2 } }),
    ],
  },
];
