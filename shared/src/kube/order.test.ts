import fc from "fast-check";
import { expect, test } from "vitest";

import type { KubeObject } from "./manifest.ts";
import { applyRank, sortForApply } from "./order.ts";

const object = (apiVersion: string, kind: string, name = "x", namespace?: string): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
});
const kinds = (objects: readonly KubeObject[]): string[] => objects.map(({ kind }) => kind);

test("E17: namespaces, then definitions, configuration, workloads, what is custom, and webhooks last", () => {
  const sorted = sortForApply([
    object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    object("example.com/v1", "Thing"),
    object("apps/v1", "Deployment"),
    object("v1", "Service"),
    object("rbac.authorization.k8s.io/v1", "RoleBinding"),
    object("v1", "ConfigMap"),
    object("v1", "ServiceAccount"),
    object("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    object("v1", "Namespace"),
  ]);
  expect(kinds(sorted)).toEqual([
    "Namespace",
    "CustomResourceDefinition",
    "ServiceAccount",
    "ConfigMap",
    "RoleBinding",
    "Service",
    "Deployment",
    "Thing",
    "ValidatingWebhookConfiguration",
  ]);
});

test("a custom kind with a built-in name has no built-in rank", () => {
  expect(applyRank(object("serving.example/v1", "Service"))).toBe(applyRank(object("example.com/v1", "Thing")));
});

test("the version changes no rank", () => {
  expect(applyRank(object("apps/v1beta1", "Deployment"))).toBe(applyRank(object("apps/v1", "Deployment")));
});

test("the order of files changes nothing", () => {
  const all = [
    object("v1", "ConfigMap", "a", "two"),
    object("v1", "ConfigMap", "a", "one"),
    object("v1", "ConfigMap", "B", "one"),
    object("v1", "Secret", "a"),
    object("apps/v1", "Deployment", "a"),
    object("example.com/v1", "Thing", "a"),
  ];
  const expected = sortForApply(all);
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
      expect(sortForApply(shuffled)).toEqual(expected);
    }),
  );
});
