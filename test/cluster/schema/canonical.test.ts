import { assert, constantFrom, integer, property } from "fast-check";
import { describe, expect, test } from "vitest";

import { canonicalMetadata, canonicalObject, withoutEmptyFields } from "./canonical.ts";
import { canonicalQuantity } from "./quantity.ts";
import { builtinSchema } from "./schema.ts";

describe("quantities", () => {
  test.each([
    ["1000m", "1"],
    ["100m", "100m"],
    ["0.5", "500m"],
    ["0.1", "100m"],
    ["1500m", "1500m"],
    ["1000", "1k"],
    ["1024", "1024"],
    ["1024Mi", "1Gi"],
    ["1.5Gi", "1536Mi"],
    ["512", "512"],
    ["0.5Ki", "512"],
    ["0", "0"],
    ["0Gi", "0"],
    ["-1000m", "-1"],
    ["1e3", "1e3"],
    ["12e4", "120e3"],
    ["1000Ki", "1000Ki"],
    ["2000M", "2G"],
    ["0.0000000001", "1n"],
    ["+5", "+5"],
    ["+1000m", "1"],
    ["1E", "1E"],
    ["1E3", "1E3"],
    ["1e03", "1e03"],
    ["1e0", "1e0"],
    ["1000E3", "1e6"],
    ["5.", "5."],
    ["1.0", "1"],
    ["01", "01"],
    ["00", "0"],
    [" 1024Mi ", "1Gi"],
    ["1n", "1n"],
    ["", ""],
    ["not a quantity", "not a quantity"],
  ])("%s is stored as %s", (text, expected) => {
    expect(canonicalQuantity(text)).toBe(expected);
  });

  test("a canonical quantity is its own canonical form", () => {
    assert(
      property(integer(), constantFrom("", "m", "k", "M", "Ki", "Mi", "Gi", "e3"), (number, suffix) => {
        const once = canonicalQuantity(`${number}${suffix}`);
        expect(canonicalQuantity(once)).toBe(once);
      }),
    );
  });
});

test("a builtin object is stored without nulls and empty maps and lists, but with empty structs", () => {
  const schema = builtinSchema({ group: "apps", version: "v1", kind: "Deployment" }) ?? { kind: "untyped" };
  const object = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", labels: {}, annotations: null as never, creationTimestamp: null },
    spec: {
      template: {
        spec: {
          containers: [{ name: "web", env: [], resources: { limits: { cpu: 1, memory: "1024Mi" } } }],
          volumes: [{ name: "v", emptyDir: {} }],
          tolerations: null,
        },
      },
    },
  };
  expect(canonicalObject(object, schema)).toEqual({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      template: {
        spec: {
          containers: [{ name: "web", resources: { limits: { cpu: "1", memory: "1Gi" } } }],
          volumes: [{ name: "v", emptyDir: {} }],
        },
      },
    },
  });
});

test("lists that the server always writes are kept when they are empty, those it may leave out are not", () => {
  const role = builtinSchema({ group: "rbac.authorization.k8s.io", version: "v1", kind: "Role" }) ?? {
    kind: "untyped",
  };
  const ingress = builtinSchema({ group: "networking.k8s.io", version: "v1", kind: "Ingress" }) ?? { kind: "untyped" };
  const object = { apiVersion: "v1", kind: "X", metadata: { name: "x" } };
  expect(canonicalObject({ ...object, rules: [] }, role)).toEqual({ ...object, rules: [] });
  expect(canonicalObject({ ...object, rules: null }, role)).toEqual(object);
  expect(canonicalObject({ ...object, spec: { rules: [] } }, ingress)).toEqual({ ...object, spec: {} });
});

test("without its empty fields an object keeps the spelling of its quantities", () => {
  const schema = builtinSchema({ group: "", version: "v1", kind: "ResourceQuota" }) ?? { kind: "untyped" };
  const object = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "x" } };
  const spec = { hard: { cpu: "1000m" }, scopes: [] };
  expect(withoutEmptyFields({ ...object, spec }, schema)).toEqual({ ...object, spec: { hard: { cpu: "1000m" } } });
});

test("metadata loses everything that is empty", () => {
  const metadata = { name: "x", generateName: "", labels: {}, finalizers: [], creationTimestamp: null, generation: 0 };
  expect(canonicalMetadata(metadata)).toEqual({ name: "x", generation: 0 });
});
