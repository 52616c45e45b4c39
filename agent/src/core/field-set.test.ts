import { isRecord } from "@drover/shared/json";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { fieldsIn, intersectFields, subtractFields, unionFields, type FieldSet } from "./field-set.ts";

/** A set as the list of its members, each a list of steps: what the operations are judged by. */
function membersOf(set: FieldSet, path: readonly string[] = []): ReadonlySet<string> {
  const members = new Set<string>();
  for (const [step, below] of Object.entries(set)) {
    if (step === ".") members.add(JSON.stringify(path));
    else if (isRecord(below) && Object.keys(below).length > 0) {
      for (const member of membersOf(below, [...path, step])) members.add(member);
    } else members.add(JSON.stringify([...path, step]));
  }
  return members;
}

function fieldSet(members: readonly (readonly string[])[]): FieldSet {
  interface Tree {
    [step: string]: Tree;
  }
  const root: Tree = {};
  for (const path of members) {
    let current = root;
    for (const [index, step] of path.entries()) {
      const last = index === path.length - 1;
      const known = current[step];
      if (known === undefined) current[step] = {};
      else if (last && Object.keys(known).length > 0) known["."] = {};
      else if (!last && Object.keys(known).length === 0) known["."] = {};
      current = current[step] ?? {};
    }
  }
  return root;
}

const step = fc.constantFrom("f:spec", "f:a", "f:b", 'k:{"name":"web"}', 'v:"x"');
const members = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 12 });
const sets = members.map(fieldSet);

describe("sets of fields", () => {
  it("are united, subtracted and intersected as the sets of their members are", () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const [inA, inB] = [membersOf(a), membersOf(b)];
        expect(membersOf(unionFields(a, b))).toEqual(inA.union(inB));
        expect(membersOf(subtractFields(a, b))).toEqual(inA.difference(inB));
        expect(membersOf(intersectFields(a, b))).toEqual(inA.intersection(inB));
      }),
    );
  });

  it("do not depend on order, and are written in one way", () => {
    fc.assert(
      fc.property(sets, sets, sets, (a, b, c) => {
        expect(unionFields(a, b)).toEqual(unionFields(b, a));
        expect(unionFields(unionFields(a, b), c)).toEqual(unionFields(a, unionFields(b, c)));
        expect(unionFields(a, a)).toEqual(a);
        expect(unionFields(subtractFields(a, b), intersectFields(a, b))).toEqual(a);
      }),
    );
  });

  it("keep a member that also has children apart from one that only has", () => {
    expect(unionFields({ "f:data": {} }, { "f:data": { "f:a": {} } })).toEqual({ "f:data": { ".": {}, "f:a": {} } });
    expect(subtractFields({ "f:data": { ".": {}, "f:a": {} } }, { "f:data": { "f:a": {} } })).toEqual({ "f:data": {} });
  });
});

describe("the fields of a set that an object has", () => {
  const object = {
    data: { a: "1" },
    spec: { finalizers: ["x"], ports: [{ port: 80, name: "http" }] },
  };

  it("are found through fields, items by their keys and items of sets", () => {
    const set = {
      "f:data": { ".": {}, "f:a": {}, "f:b": {} },
      "f:gone": {},
      "f:spec": {
        "f:finalizers": { 'v:"x"': {}, 'v:"y"': {} },
        "f:ports": {
          'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:name": {}, "f:nodePort": {} },
          'k:{"port":81,"protocol":"TCP"}': { ".": {} },
        },
      },
    };
    expect(fieldsIn(set, object)).toEqual({
      "f:data": { ".": {}, "f:a": {} },
      "f:spec": {
        "f:finalizers": { 'v:"x"': {} },
        "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:name": {} } },
      },
    });
  });

  it("are a part of the set, whatever the object", () => {
    fc.assert(
      fc.property(sets, fc.object(), (set, other) => {
        expect(membersOf(fieldsIn(set, other)).isSubsetOf(membersOf(set))).toBe(true);
      }),
    );
  });
});
