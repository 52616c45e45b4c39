import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { KubeObject } from "@drover/shared/kube/manifest";
import { strategicMerge } from "@drover/shared/kube/patch";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { mustRun } from "../rig/command.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { program } from "../rig/programs.ts";

type Json = Record<string, unknown>;

const named = (apiVersion: string, kind: string, rest: Json, metadata: Json = {}): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: "x", ...metadata },
  ...rest,
});
const pod = (spec: Json): Json => ({ template: { metadata: { labels: { a: "b" } }, spec } });
const deployment = (spec: Json): KubeObject => named("apps/v1", "Deployment", { spec: pod(spec) });
const web = {
  name: "web",
  image: "a:1",
  env: [
    { name: "A", value: "1" },
    { name: "B", value: "2" },
  ],
};

const cases: readonly [string, KubeObject, Json][] = [
  [
    "an image of one container",
    deployment({ containers: [web, { name: "b", image: "b" }] }),
    { spec: pod({ containers: [{ name: "b", image: "b:2" }] }) },
  ],
  [
    "a new container before the others",
    deployment({ containers: [web] }),
    { spec: pod({ containers: [{ name: "new", image: "n" }] }) },
  ],
  [
    "environment by name",
    deployment({ containers: [web] }),
    {
      spec: pod({
        containers: [
          {
            name: "web",
            env: [
              { name: "B", value: "3" },
              { name: "C", value: "4" },
            ],
          },
        ],
      }),
    },
  ],
  [
    "$patch: delete in a list",
    deployment({ containers: [web, { name: "b", image: "b" }] }),
    { spec: pod({ containers: [{ name: "web", $patch: "delete" }] }) },
  ],
  [
    "$patch: replace in a list",
    deployment({ containers: [web, { name: "b", image: "b" }] }),
    { spec: pod({ containers: [{ $patch: "replace" }, { name: "c", image: "c" }] }) },
  ],
  [
    "$patch: replace of a map",
    deployment({ nodeSelector: { a: "1" }, containers: [web] }),
    { spec: pod({ nodeSelector: { $patch: "replace", b: "2" } }) },
  ],
  [
    "$patch: delete of a map",
    deployment({ nodeSelector: { a: "1" }, containers: [web] }),
    { spec: pod({ nodeSelector: { $patch: "delete" } }) },
  ],
  [
    "$setElementOrder",
    deployment({ containers: [web, { name: "b", image: "b" }] }),
    {
      spec: pod({
        "$setElementOrder/containers": [{ name: "b" }, { name: "web" }],
        containers: [{ name: "web", image: "a:2" }],
      }),
    },
  ],
  [
    "$retainKeys",
    named("apps/v1", "Deployment", { spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } } }),
    { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } },
  ],
  [
    "$deleteFromPrimitiveList",
    named("v1", "ConfigMap", {}, { finalizers: ["a/a", "b/b"] }),
    { metadata: { "$deleteFromPrimitiveList/finalizers": ["a/a"] } },
  ],
  [
    "finalizers are united",
    named("v1", "ConfigMap", {}, { finalizers: ["a/a", "b/b"] }),
    { metadata: { finalizers: ["c/c", "a/a"] } },
  ],
  ["null deletes", deployment({ nodeSelector: { a: "1" }, containers: [web] }), { spec: pod({ nodeSelector: null }) }],
  [
    "false, 0 and [] take effect",
    named("batch/v1", "CronJob", { spec: { suspend: true, successfulJobsHistoryLimit: 3 } }),
    { spec: { suspend: false, successfulJobsHistoryLimit: 0 } },
  ],
  [
    "args are replaced",
    deployment({ containers: [{ name: "web", args: ["a", "b"] }] }),
    { spec: pod({ containers: [{ name: "web", args: [] }] }) },
  ],
  [
    "tolerations are replaced",
    deployment({ tolerations: [{ key: "a" }], containers: [web] }),
    { spec: pod({ tolerations: [{ key: "b" }] }) },
  ],
  [
    "ports by containerPort",
    deployment({ containers: [{ name: "web", ports: [{ containerPort: 80 }, { containerPort: 81 }] }] }),
    { spec: pod({ containers: [{ name: "web", ports: [{ containerPort: 81, name: "b" }] }] }) },
  ],
  [
    "mounts and devices",
    deployment({
      containers: [
        {
          name: "web",
          volumeMounts: [{ mountPath: "/a", name: "a" }],
          volumeDevices: [{ devicePath: "/d", name: "d" }],
        },
      ],
    }),
    {
      spec: pod({
        containers: [
          {
            name: "web",
            volumeMounts: [
              { mountPath: "/a", name: "b" },
              { mountPath: "/c", name: "c" },
            ],
            volumeDevices: [{ devicePath: "/d", name: "e" }],
          },
        ],
      }),
    },
  ],
  [
    "volumes by name",
    deployment({ volumes: [{ name: "a", emptyDir: {} }], containers: [web] }),
    {
      spec: pod({
        volumes: [
          { name: "a", emptyDir: null, configMap: { name: "c" } },
          { name: "b", emptyDir: {} },
        ],
      }),
    },
  ],
  [
    "a volume's claim",
    deployment({
      volumes: [
        {
          name: "a",
          ephemeral: { volumeClaimTemplate: { metadata: { finalizers: ["a/a"] }, spec: { accessModes: ["A"] } } },
        },
      ],
      containers: [web],
    }),
    {
      spec: pod({
        volumes: [
          {
            name: "a",
            ephemeral: { volumeClaimTemplate: { metadata: { finalizers: ["b/b"] }, spec: { accessModes: ["B"] } } },
          },
        ],
      }),
    },
  ],
  [
    "hosts, secrets, spread, gates, claims",
    deployment({
      hostAliases: [{ ip: "1.1.1.1", hostnames: ["a"] }],
      imagePullSecrets: [{ name: "a" }],
      topologySpreadConstraints: [{ topologyKey: "k", maxSkew: 1 }],
      schedulingGates: [{ name: "g" }],
      resourceClaims: [{ name: "r" }],
      containers: [web],
    }),
    {
      spec: pod({
        hostAliases: [{ ip: "1.1.1.1", hostnames: ["b"] }],
        imagePullSecrets: [{ name: "b" }],
        topologySpreadConstraints: [{ topologyKey: "k", maxSkew: 2 }],
        schedulingGates: [{ name: "h" }],
        resourceClaims: [{ name: "r", resourceClaimName: "n" }],
      }),
    },
  ],
  [
    "initContainers and ephemeralContainers",
    named("v1", "Pod", { spec: { initContainers: [web], ephemeralContainers: [{ name: "e", image: "e" }] } }),
    { spec: { initContainers: [{ name: "web", image: "i" }], ephemeralContainers: [{ name: "e", image: "f" }] } },
  ],
  [
    "ports of a service",
    named("v1", "Service", {
      spec: {
        ports: [
          { port: 80, name: "a" },
          { port: 81, name: "b" },
        ],
      },
    }),
    {
      spec: {
        ports: [
          { port: 81, name: "c" },
          { port: 82, name: "d" },
        ],
      },
    },
  ],
  [
    "secrets of a service account",
    named("v1", "ServiceAccount", { secrets: [{ name: "a" }], imagePullSecrets: [{ name: "a" }] }),
    { secrets: [{ name: "b" }], imagePullSecrets: [{ name: "b" }] },
  ],
  [
    "a CronJob's container",
    named("batch/v1", "CronJob", { spec: { jobTemplate: { spec: pod({ containers: [web] }) } } }),
    { spec: { jobTemplate: { spec: pod({ containers: [{ name: "web", image: "c" }] }) } } },
  ],
  [
    "a StatefulSet's claims are replaced",
    named("apps/v1", "StatefulSet", {
      spec: { ...pod({ containers: [web] }), volumeClaimTemplates: [{ metadata: { name: "a" } }] },
    }),
    { spec: { volumeClaimTemplates: [{ metadata: { name: "b" } }] } },
  ],
  [
    "DaemonSet, ReplicaSet and Job",
    named("apps/v1", "DaemonSet", { spec: pod({ containers: [web] }) }),
    { spec: pod({ containers: [{ name: "web", image: "d" }] }) },
  ],
  [
    "webhooks by name",
    named("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", {
      webhooks: [{ name: "a", matchConditions: [{ name: "m", expression: "1" }] }],
    }),
    { webhooks: [{ name: "a", matchConditions: [{ name: "m", expression: "2" }] }, { name: "b" }] },
  ],
  [
    "an admission policy",
    named("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", {
      spec: {
        variables: [{ name: "v", expression: "1" }],
        matchConditions: [{ name: "m", expression: "1" }],
        validations: [{ expression: "a" }],
      },
    }),
    {
      spec: {
        variables: [{ name: "v", expression: "2" }],
        matchConditions: [{ name: "n", expression: "2" }],
        validations: [{ expression: "b" }],
      },
    },
  ],
  [
    "rules of a role are replaced",
    named("rbac.authorization.k8s.io/v1", "Role", { rules: [{ verbs: ["get"] }] }),
    { rules: [{ verbs: ["list"] }] },
  ],
  [
    "rules of an ingress are replaced",
    named("networking.k8s.io/v1", "Ingress", { spec: { rules: [{ host: "a" }], tls: [{ hosts: ["a"] }] } }),
    { spec: { rules: [{ host: "b" }] } },
  ],
  [
    "a node's ranges",
    named("v1", "Node", { spec: { podCIDRs: ["10.0.0.0/8"] } }),
    { spec: { podCIDRs: ["fd00::/8"] } },
  ],
];

describeWithRig("kubectl")("strategic merge does what kubectl does", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "drover-patch-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const kubectl = async (object: unknown, patch: unknown): Promise<unknown> => {
    const [objectFile, patchFile] = [join(folder, "object.json"), join(folder, "patch.json")];
    await writeFile(objectFile, JSON.stringify(object));
    await writeFile(patchFile, JSON.stringify(patch));
    const args = ["patch", "--local", "-f", objectFile, "--type=strategic", "--patch-file", patchFile, "-o", "json"];
    return JSON.parse(await mustRun(program("kubectl"), args));
  };

  test.each(cases)("for %s", async (_title, object, patch) => {
    const before = structuredClone(object);
    expect(strategicMerge(object, patch)).toEqual(await kubectl(object, patch));
    expect(object).toEqual(before);
  });

  test("for random lists of containers and their environment", async () => {
    const name = fc.constantFrom("a", "b", "c", "d");
    const env = fc.uniqueArray(fc.record({ name, value: name }), { selector: (entry) => entry.name, maxLength: 4 });
    const container = fc.record({ name, image: name, env }, { requiredKeys: ["name"] });
    const containers = fc.uniqueArray(container, { selector: (entry) => entry.name, maxLength: 4 });
    const directive = fc.constantFrom<Json>({}, {}, {}, { $patch: "delete" });
    const changes = fc
      .tuple(containers, fc.array(directive, { minLength: 4, maxLength: 4 }))
      .map(([list, directives]) => list.map((entry, index) => ({ ...entry, ...directives[index] })));
    await fc.assert(
      fc.asyncProperty(containers, changes, async (before, patch) => {
        const object = deployment({ containers: before });
        const wanted = { spec: pod({ containers: patch }) };
        expect(strategicMerge(object, wanted)).toEqual(await kubectl(object, wanted));
      }),
      { numRuns: 40 },
    );
  });
});
