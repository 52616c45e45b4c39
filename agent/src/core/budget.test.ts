import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { holdBack, type Departing } from "./budget.ts";

function departing(kind: string, fields: Partial<Departing> = {}): Departing {
  const [name = "", group = ""] = kind.split(/\.(?<group>.*)/u);
  const key = { group, kind: name, namespace: "shop", name: "x" };
  return { key, uid: "u", confirmed: false, asks: false, inUse: "", ...fields };
}

function many(count: number): readonly Departing[] {
  return Array.from({ length: count }, (_, index) => departing("ConfigMap", { uid: `u${index}` }));
}

const definition = "CustomResourceDefinition.apiextensions.k8s.io";

describe("deletion budget", () => {
  it.each([
    // leaving, staying, held
    [10, 1, 0],
    [11, 1, 11],
    [11, 25, 11],
    [11, 26, 0],
    [30, 70, 0],
    [31, 70, 31],
    [1, 0, 1],
    [0, 0, 0],
  ])("case 46: of %i that leave while %i stay, %i wait", (leaving, staying, held) => {
    const budget = holdBack({ departing: many(leaving), staying, removal: false });
    expect(budget.held.size).toBe(held);
    expect(budget.summary?.objects ?? 0).toBe(held);
  });

  it.each([
    ["Namespace", true, false],
    [definition, true, false],
    ["PersistentVolume", true, true],
    ["PersistentVolumeClaim", true, true],
    ["StatefulSet.apps", true, false],
    ["Deployment.apps", false, false],
    ["StatefulSet.example.org", false, false],
  ])("case 46: %s waits: when it left the bundle %s, when its application is removed %s", (kind, left, removed) => {
    const one = [departing(kind)];
    expect(holdBack({ departing: one, staying: 9, removal: false }).held.size === 1).toBe(left);
    expect(holdBack({ departing: one, staying: 0, removal: true }).held.size === 1).toBe(removed);
  });

  it("E18: holds a definition with objects, whoever wants it gone", () => {
    const used = departing(definition, { inUse: "Widget" });
    for (const removal of [false, true]) {
      expect([...holdBack({ departing: [used], staying: 9, removal }).held.values()]).toEqual(["DefinitionInUse"]);
    }
  });

  it("removes a whole application at once, whatever its size", () => {
    expect(holdBack({ departing: many(500), staying: 0, removal: true })).toEqual({
      held: new Map(),
      summary: undefined,
    });
  });

  const anyObject = fc.record({
    key: fc.record({
      group: fc.constantFrom("", "apps", "example.org"),
      kind: fc.constantFrom("ConfigMap", "Namespace", "StatefulSet", "PersistentVolumeClaim"),
      namespace: fc.constantFrom("", "shop"),
      name: fc.string({ minLength: 1, maxLength: 8 }),
    }),
    uid: fc.uuid(),
    confirmed: fc.boolean(),
    asks: fc.boolean(),
    inUse: fc.constantFrom("", "Widget"),
  });
  const anyInput = fc.record({
    departing: fc.array(anyObject, { maxLength: 40 }),
    staying: fc.nat(60),
    removal: fc.boolean(),
  });

  it("never lets more than 10 objects and 30 % go unasked, nor the last one", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const { held } = holdBack(input);
        const free = input.departing.filter((object) => !object.confirmed && !held.has(object)).length;
        if (input.removal || free === 0) return;
        expect(input.staying).toBeGreaterThan(0);
        expect(free <= 10 || free <= 0.3 * (free + held.size + input.staying)).toBe(true);
      }),
    );
  });

  it("holds nothing that was confirmed, so confirming all that is held lets all of it go", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const { held } = holdBack(input);
        const confirmed = input.departing.map((object) => (held.has(object) ? { ...object, confirmed: true } : object));
        expect(holdBack({ ...input, departing: confirmed }).held.size).toBe(0);
      }),
    );
  });

  it("names exactly what is held: any order, one more, one less, another uid", () => {
    const input = fc.uniqueArray(anyObject, { minLength: 1, maxLength: 12, selector: ({ uid }) => uid });
    const digest = (objects: readonly Departing[]): string | undefined =>
      holdBack({
        departing: objects.map((object) => ({ ...object, confirmed: false })),
        staying: 0,
        removal: false,
      }).summary?.digest;
    fc.assert(
      fc.property(input, fc.uuid(), (objects, uid) => {
        const [first, ...rest] = objects;
        if (first === undefined) return;
        expect(digest(objects.toReversed())).toBe(digest(objects));
        expect(digest([...objects, departing("Secret", { uid: "another" })])).not.toBe(digest(objects));
        expect(digest(rest)).not.toBe(digest(objects));
        if (uid !== first.uid) expect(digest([{ ...first, uid }, ...rest])).not.toBe(digest(objects));
      }),
    );
  });
});
