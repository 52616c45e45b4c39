import { describe, expect, test } from "vitest";

import { readByValueFields, readDefinitions } from "./definitions.ts";
import { builtinResources } from "./resources.ts";
import { builtinSchema, openApiDefinitions } from "./schema.ts";
import type { TypeSchema } from "./schema.ts";

function at(kind: string, path: string): TypeSchema | undefined {
  const [group = "", version = "", name = ""] = kind.split("/");
  let schema = builtinSchema({ group, version, kind: name });
  for (const part of path.split(".")) {
    if (schema?.kind === "list") schema = schema.items;
    schema = schema?.kind === "map" ? (schema.fields.get(part) ?? schema.additional) : undefined;
  }
  return schema;
}

describe("builtin schemas", () => {
  test("every served resource has one, and it is the same on every call", () => {
    for (const { group, version, kind } of builtinResources) {
      const schema = builtinSchema({ group, version, kind });
      expect(schema, `${group}/${version} ${kind}`).toMatchObject({ kind: "map" });
      expect(builtinSchema({ group, version, kind })).toBe(schema);
    }
  });

  test("an unknown kind has none", () => {
    expect(builtinSchema({ group: "", version: "v1", kind: "Nope" })).toBeUndefined();
  });

  test.each([
    ["/v1/Service", "spec.ports", ["port", "protocol"]],
    ["/v1/Pod", "spec.containers", ["name"]],
    ["/v1/Pod", "spec.containers.ports", ["containerPort", "protocol"]],
    ["/v1/Pod", "spec.containers.env", ["name"]],
    ["/v1/Pod", "spec.containers.volumeMounts", ["mountPath"]],
    ["/v1/Pod", "spec.volumes", ["name"]],
    ["/v1/Pod", "spec.topologySpreadConstraints", ["topologyKey", "whenUnsatisfiable"]],
    ["/v1/Pod", "metadata.ownerReferences", ["uid"]],
    ["apps/v1/Deployment", "status.conditions", ["type"]],
    ["policy/v1/PodDisruptionBudget", "status.conditions", ["type"]],
    ["admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration", "webhooks", ["name"]],
  ])("%s %s merges by %j", (kind, path, keys) => {
    expect(at(kind, path)).toMatchObject({ kind: "list", relationship: "map", keys });
  });

  test.each([
    ["/v1/Pod", "spec.tolerations"],
    ["/v1/Pod", "spec.containers.args"],
    ["apps/v1/StatefulSet", "spec.volumeClaimTemplates"],
    ["networking.k8s.io/v1/Ingress", "spec.rules"],
    ["rbac.authorization.k8s.io/v1/Role", "rules"],
  ])("%s %s is atomic", (kind, path) => {
    expect(at(kind, path)).toMatchObject({ relationship: "atomic" });
  });

  test.each([
    ["apps/v1/Deployment", "spec.selector"],
    ["/v1/Pod", "spec.nodeSelector"],
    ["/v1/Service", "spec.selector"],
    ["/v1/Pod", "spec.containers.env.valueFrom.secretKeyRef"],
  ])("the map %s %s is atomic", (kind, path) => {
    expect(at(kind, path)).toMatchObject({ kind: "map", atomic: true });
  });

  test.each([
    ["batch/v1/CronJob", "spec.timeZone"],
    ["batch/v1/CronJob", "spec.jobTemplate.spec.podFailurePolicy.rules"],
    ["batch/v1/Job", "spec.backoffLimitPerIndex"],
    ["autoscaling/v2/HorizontalPodAutoscaler", "spec.behavior.scaleDown.policies"],
    ["apps/v1/StatefulSet", "spec.persistentVolumeClaimRetentionPolicy.whenScaled"],
    ["/v1/Pod", "spec.ephemeralContainers.securityContext.appArmorProfile"],
    ["/v1/Pod", "spec.initContainers.restartPolicy"],
    ["/v1/Pod", "spec.containers.livenessProbe.grpc.port"],
    ["/v1/Pod", "spec.containers.livenessProbe.terminationGracePeriodSeconds"],
    ["/v1/Pod", "spec.containers.resizePolicy.resourceName"],
    ["/v1/Pod", "spec.topologySpreadConstraints.matchLabelKeys"],
    ["/v1/Service", "spec.loadBalancerClass"],
    ["/v1/Service", "spec.internalTrafficPolicy"],
    ["networking.k8s.io/v1/NetworkPolicy", "spec.ingress.ports.endPort"],
  ])("%s knows the newer field %s", (kind, path) => {
    expect(at(kind, path)).toBeDefined();
  });
});

describe("the stored definitions", () => {
  const stored = { ...readDefinitions("builtin.json"), ...readDefinitions("newer.json") };

  test("refer only to definitions that exist", () => {
    const references = JSON.stringify(stored).matchAll(/"#([^"]+)"|"ref":"([^"]+)"/g);
    for (const [, plain, withStrategy] of references) expect(Object.keys(stored)).toContain(plain ?? withStrategy);
  });

  test("name by-value fields that exist and are objects", () => {
    for (const [name, fields] of Object.entries(readByValueFields())) {
      const known = {
        ...readDefinitions("builtin.json")[name]?.fields,
        ...readDefinitions("newer.json")[name]?.fields,
      };
      expect([name, ...fields.filter((field) => !Object.hasOwn(known, field))]).toEqual([name]);
    }
  });

  test("become an OpenAPI document with the extensions that kubectl reads", () => {
    const definitions = openApiDefinitions();
    expect(definitions["io.k8s.api.core.v1.ServiceSpec"]).toMatchObject({
      properties: {
        ports: {
          type: "array",
          items: { $ref: "#/definitions/io.k8s.api.core.v1.ServicePort" },
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["port", "protocol"],
          "x-kubernetes-patch-merge-key": "port",
          "x-kubernetes-patch-strategy": "merge",
        },
      },
    });
    expect(definitions["io.k8s.api.apps.v1.Deployment"]).toMatchObject({
      "x-kubernetes-group-version-kind": [{ group: "apps", version: "v1", kind: "Deployment" }],
    });
    const references = JSON.stringify(definitions).matchAll(/"#\/definitions\/([^"]+)"/g);
    for (const [, name] of references) expect(Object.keys(definitions)).toContain(name);
  });
});
