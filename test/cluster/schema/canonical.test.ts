import { assert, constantFrom, integer, property } from "fast-check";
import { describe, expect, test } from "vitest";

import { canonicalObject } from "./canonical.ts";
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
    ["+5", "5"],
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
