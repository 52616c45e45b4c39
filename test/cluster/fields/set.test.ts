import { array, assert, constantFrom, integer, oneof, property, record, string } from "fast-check";
import type { Arbitrary } from "fast-check";
import { describe, expect, test } from "vitest";

import {
  decodeFields,
  difference,
  emptySet,
  encodeFields,
  equalSets,
  formatPaths,
  insertPath,
  intersection,
  isEmpty,
  newSet,
  union,
} from "./set.ts";
import type { FieldSet } from "./set.ts";

const element: Arbitrary<string> = oneof(
  constantFrom("spec", "metadata", "a", "b", "1").map((name) => `f:${name}`),
  string().map((value) => `v:${JSON.stringify(value)}`),
  record({ name: constantFrom("web", "side"), port: integer({ min: 1, max: 3 }) }).map(
    (keys) => `k:${JSON.stringify(keys)}`,
  ),
  integer({ min: 0, max: 3 }).map((index) => `i:${index}`),
);
const fieldSet: Arbitrary<FieldSet> = array(array(element, { minLength: 1, maxLength: 5 }), { maxLength: 12 }).map(
  (paths) => {
    const set = newSet();
    for (const path of paths) insertPath(set, path);
    return set;
  },
);

describe("the wire form", () => {
  test("decoding what was encoded gives the same set", () => {
    assert(property(fieldSet, (set) => equalSets(decodeFields(encodeFields(set)), set)));
  });

  test("encoding what was decoded gives the same text, keys in order", () => {
    const fields = {
      "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
      "f:spec": { "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {} } } },
    };
    expect(JSON.stringify(encodeFields(decodeFields(fields)))).toBe(JSON.stringify(fields));
  });

  test("elements of unknown types are dropped", () => {
    expect(encodeFields(decodeFields({ "f:a": {}, "x:b": {} }))).toEqual({ "f:a": {} });
  });
});

describe("the algebra", () => {
  test("what is taken out of a union is gone, what is left was in it", () => {
    assert(
      property(fieldSet, fieldSet, (a, b) => {
        expect(equalSets(union(a, b), union(b, a))).toBe(true);
        expect(equalSets(union(difference(a, b), intersection(a, b)), a)).toBe(true);
        expect(isEmpty(intersection(difference(a, b), b))).toBe(true);
      }),
    );
  });

  test("the empty set changes nothing", () => {
    assert(
      property(fieldSet, (set) => equalSets(union(set, emptySet), set) && equalSets(difference(set, emptySet), set)),
    );
  });
});

test("paths are written as the real server writes them, members before what is below", () => {
  const set = decodeFields({
    "f:metadata": { "f:finalizers": { 'v:"a/b"': {} } },
    "f:spec": {
      "f:containers": { 'k:{"name":"web"}': { ".": {}, "f:image": {} } },
      "f:list": { "i:0": {} },
      "f:replicas": {},
    },
  });
  expect(formatPaths(set)).toEqual([
    '.metadata.finalizers[="a/b"]',
    ".spec.replicas",
    '.spec.containers[name="web"]',
    '.spec.containers[name="web"].image',
    ".spec.list[0]",
  ]);
});
