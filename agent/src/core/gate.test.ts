import { describe, expect, it } from "vitest";

import { createGate, isGated } from "./gate.ts";
import { current, progressing } from "./health/verdict.ts";
import { unordered } from "./order.ts";
import { createObjectRecord, type ObjectRecord } from "./record.ts";

const key = (name: string) => ({ group: "", kind: "ConfigMap", namespace: "shop", name });
const idOf = (name: string): string => `ConfigMap shop/${name}`;

/** New content that is not applied yet. */
function fresh(name: string, order: { readonly wave?: number; readonly dependsOn?: readonly string[] }): ObjectRecord {
  return { ...createObjectRecord(key(name), "v1"), desired: "sha256:new", order: { ...unordered, ...order } };
}

function applied(record: ObjectRecord): ObjectRecord {
  return { ...record, applied: record.desired, verdict: current };
}

function reasons(...records: readonly ObjectRecord[]): Readonly<Record<string, string | undefined>> {
  const gate = createGate(new Map(records.map((record) => [idOf(record.key.name), record])));
  return Object.fromEntries(records.map((record) => [record.key.name, gate(record)?.obstacle.reason]));
}

const waits = "WaitingForDependency";

describe("the gate", () => {
  it("holds a wave back until all of the lower ones are ready", () => {
    const [first, second, third] = [fresh("first", { wave: -1 }), fresh("second", {}), fresh("third", { wave: 2 })];
    expect(reasons(third, first, second)).toEqual({ first: undefined, second: waits, third: waits });
    const starting = { ...applied(first), verdict: progressing("Starting", "") };
    expect(reasons(starting, second, third)).toMatchObject({ second: waits, third: waits });
    expect(reasons(applied(first), second, third)).toMatchObject({ second: undefined, third: waits });
    expect(reasons(applied(first), applied(second), third)).toMatchObject({ third: undefined });
  });

  it("takes what Git suspends for ready", () => {
    const paused = { ...applied(fresh("paused", {})), verdict: { ...current, health: "Suspended" as const } };
    expect(reasons(paused, fresh("next", { wave: 1 }))).toMatchObject({ next: undefined });
  });

  it("never holds a repair back", () => {
    const repaired = applied(fresh("repaired", { wave: 1, dependsOn: [idOf("nothing")] }));
    expect(reasons(fresh("first", {}), repaired)).toMatchObject({ repaired: undefined });
  });

  it("ignores what has left the bundle", () => {
    const left = { ...fresh("left", { wave: -1 }), desired: "" };
    expect(reasons(left, fresh("next", {}))).toMatchObject({ next: undefined });
  });

  it("holds an object back until what it depends on is ready", () => {
    const base = fresh("base", {});
    const top = fresh("top", { dependsOn: [idOf("base")] });
    expect(reasons(base, top)).toEqual({ base: undefined, top: waits });
    expect(reasons(applied(base), top)).toEqual({ base: undefined, top: undefined });
  });

  it("names a dependency that is not there, and one that goes round in circles", () => {
    const cycle = [
      fresh("a", { dependsOn: [idOf("b")] }),
      fresh("b", { dependsOn: [idOf("c")] }),
      fresh("c", { dependsOn: [idOf("a")] }),
    ];
    const lost = fresh("lost", { dependsOn: ["Secret shop/none"] });
    const outside = fresh("outside", { dependsOn: [idOf("a")] });
    expect(reasons(...cycle, lost, outside)).toEqual({
      a: "DependencyCycle",
      b: "DependencyCycle",
      c: "DependencyCycle",
      lost: "DependencyMissing",
      outside: waits,
    });
  });

  it("says what is waited for, and knows its own obstacles again", () => {
    const top = fresh("top", { wave: 1 });
    const wait = createGate(new Map([fresh("base", {}), top].map((r) => [idOf(r.key.name), r])))(top);
    expect(wait?.obstacle.message).toBe("waits for wave 0: ConfigMap shop/base is not ready: NotObserved");
    expect(isGated({ ...top, obstacle: wait?.obstacle })).toBe(true);
    expect(isGated({ ...top, obstacle: { reason: "Invalid", message: "", retry: "changed" } })).toBe(false);
  });
});
