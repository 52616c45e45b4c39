import { describe, expect, test } from "vitest";

import { applyCrdDefaults } from "./defaults.ts";
import type { KubeObject } from "./object.ts";
import { schemaFromCrd } from "./schema.ts";
import { pruneUnknown, typeErrors, unknownFields } from "./validate.ts";

const openAPIV3Schema = {
  type: "object",
  required: ["spec"],
  properties: {
    spec: {
      type: "object",
      required: ["size"],
      properties: {
        size: { type: "integer", minimum: 1, maximum: 5 },
        mode: { type: "string", enum: ["fast", "slow"], default: "fast" },
        name: { type: "string", pattern: "^[a-z]+$", maxLength: 5 },
        port: { "x-kubernetes-int-or-string": true },
        note: { type: "string", nullable: true },
        parts: {
          type: "array",
          maxItems: 2,
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name", "zone"],
          items: { type: "object", properties: { name: { type: "string" }, zone: { type: "string", default: "a" } } },
        },
        free: {
          type: "object",
          "x-kubernetes-preserve-unknown-fields": true,
          properties: { known: { type: "string" } },
        },
        template: { type: "object", "x-kubernetes-embedded-resource": true, properties: { spec: { type: "object" } } },
        either: {
          type: "object",
          properties: { a: { type: "string" }, b: { type: "string" } },
          oneOf: [{ required: ["a"] }, { required: ["b"] }],
        },
      },
    },
  },
};
const schema = schemaFromCrd(openAPIV3Schema, false);

function widget(spec: Record<string, unknown>, rest: Record<string, unknown> = {}): KubeObject {
  return { apiVersion: "drover.test/v1", kind: "Widget", metadata: { name: "w" }, spec, ...rest };
}

describe("fields of a custom resource", () => {
  test("undeclared ones are named and pruned, at every depth", () => {
    const object = widget({ size: 1, nope: 1, parts: [{ name: "a" }, { name: "b", odd: 1 }] }, { extra: true });
    expect(unknownFields(object, schema)).toEqual(["spec.nope", "spec.parts[1].odd", "extra"]);
    expect(pruneUnknown(object, schema)).toEqual(widget({ size: 1, parts: [{ name: "a" }, { name: "b" }] }));
  });

  test("below preserve-unknown-fields and in embedded metadata nothing declared is unknown", () => {
    const object = widget({
      size: 1,
      free: { x: { y: 1 } },
      template: { apiVersion: "v1", kind: "Pod", metadata: { name: "p", labels: { a: "b" } }, spec: {} },
    });
    expect(unknownFields(object, schema)).toEqual([]);
    expect(pruneUnknown(object, schema)).toBe(object);
  });

  test("with preserveUnknownFields, or without a schema, all are kept", () => {
    const object = widget({ anything: [{ goes: 1 }] });
    expect(pruneUnknown(object, schemaFromCrd(openAPIV3Schema, true))).toBe(object);
    expect(pruneUnknown(object, schemaFromCrd(undefined, false))).toBe(object);
  });

  test.each([
    ["a missing required field", {}, "spec.size", "Required value"],
    [
      "a wrong type",
      { size: "1" },
      "spec.size",
      'Invalid value: "string": spec.size in body must be of type integer: "string"',
    ],
    [
      "a fraction",
      { size: 1.5 },
      "spec.size",
      'Invalid value: "number": spec.size in body must be of type integer: "number"',
    ],
    ["too little", { size: 0 }, "spec.size", "Invalid value: spec.size in body should be greater than or equal to 1"],
    ["too much", { size: 6 }, "spec.size", "Invalid value: spec.size in body should be less than or equal to 5"],
    [
      "no member of an enum",
      { size: 1, mode: "x" },
      "spec.mode",
      'Unsupported value: supported values: "fast", "slow"',
    ],
    [
      "a pattern missed",
      { size: 1, name: "A" },
      "spec.name",
      "Invalid value: spec.name in body should match '^[a-z]+$'",
    ],
    [
      "a long text",
      { size: 1, name: "abcdef" },
      "spec.name",
      "Invalid value: spec.name in body should be at most 5 chars long",
    ],
    [
      "null where it is not allowed",
      { size: 1, mode: null },
      "spec.mode",
      'Invalid value: "null": spec.mode in body must be of type string: "null"',
    ],
    [
      "too many items",
      { size: 1, parts: [{}, {}, {}] },
      "spec.parts",
      "Invalid value: spec.parts in body should have at most 2 items",
    ],
    [
      "two of one",
      { size: 1, either: { a: "", b: "" } },
      "spec.either",
      "Invalid value: spec.either in body must validate one and only one schema (oneOf)",
    ],
    [
      "neither int nor string",
      { size: 1, port: true },
      "spec.port",
      'Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ],
  ])("%s is an error", (_, spec, field, message) => {
    expect(typeErrors(widget(spec), schema)).toEqual([{ field, message }]);
  });

  test("a valid object has no errors", () => {
    const object = widget({
      size: 5,
      name: "abc",
      port: "http",
      note: null,
      parts: [{ name: "a" }],
      either: { b: "1" },
    });
    expect(typeErrors(object, schema)).toEqual([]);
  });

  test.each([
    ["^\\_x$", "_x", "y"],
    ["(?i)^abc$", "ABC", "abd"],
    ["^(?P<a>x)$", "anything goes", undefined],
  ])("the pattern %s of Go's syntax is read", (pattern, good, bad) => {
    const patterned = schemaFromCrd(
      { type: "object", properties: { spec: { type: "object", properties: { a: { type: "string", pattern } } } } },
      false,
    );
    expect(typeErrors(widget({ a: good }), patterned)).toEqual([]);
    if (bad !== undefined) expect(typeErrors(widget({ a: bad }), patterned)).toHaveLength(1);
  });

  test("messages do not quote values", () => {
    const errors = typeErrors(widget({ size: "s3cret", name: "S3CRET" }), schema);
    expect(JSON.stringify(errors).toLowerCase()).not.toContain("s3cret");
  });

  test("defaults are filled in where the parent is, and only there", () => {
    expect(applyCrdDefaults(widget({ parts: [{ name: "a" }, { name: "b", zone: "c" }] }), schema)).toEqual(
      widget({
        mode: "fast",
        parts: [
          { name: "a", zone: "a" },
          { name: "b", zone: "c" },
        ],
      }),
    );
    const complete = widget({ mode: "slow" });
    expect(applyCrdDefaults(complete, schema)).toBe(complete);
  });

  test("a list item's key takes its default", () => {
    const spec = schema.kind === "map" ? schema.fields.get("spec") : undefined;
    const parts = spec?.kind === "map" ? spec.fields.get("parts") : undefined;
    expect(parts).toMatchObject({ relationship: "map", keys: ["name", "zone"], keyDefaults: { zone: "a" } });
  });
});
