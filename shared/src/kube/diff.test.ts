import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isRecord } from "../json.ts";
import { diffObjects } from "./diff.ts";
import { formatFieldPath } from "./field-path.ts";
import { equalQuantities } from "./quantity.ts";

function changes(desired: object, live: object): readonly string[] {
  if (!isRecord(desired) || !isRecord(live)) throw new Error("objects are records");
  return diffObjects(desired, live).map(
    ({ path, desired, live }) => `${formatFieldPath(path)}: ${JSON.stringify(live)} → ${JSON.stringify(desired)}`,
  );
}

describe("diff", () => {
  it("compares only what is desired", () => {
    const live = { spec: { replicas: 2, strategy: {} }, status: { ready: 1 }, metadata: { uid: "u", name: "x" } };
    expect(changes({ metadata: { name: "x" }, spec: { replicas: 2 } }, live)).toEqual([]);
    expect(changes({ spec: { replicas: 3 } }, live)).toEqual(["spec.replicas: 2 → 3"]);
    expect(changes({ spec: { paused: true } }, live)).toEqual(["spec.paused: undefined → true"]);
  });

  it("finds list items by their keys, whatever their order and whoever added more", () => {
    const desired = { spec: { containers: [{ name: "web", image: "a:1" }] } };
    const live = {
      spec: {
        containers: [
          { name: "sidecar", image: "z" },
          { name: "web", image: "a:2" },
        ],
      },
    };
    expect(changes(desired, live)).toEqual(['spec.containers[name=web].image: "a:2" → "a:1"']);
  });

  it("knows ports by number and protocol, also when Git leaves the protocol out", () => {
    const desired = { ports: [{ port: 80 }, { port: 81 }] };
    const live = { ports: [{ port: 80, protocol: "TCP" }] };
    expect(changes(desired, live)).toEqual(['ports[port=81]: undefined → {"port":81}']);
  });

  it("takes a list without keys as one value", () => {
    expect(changes({ args: ["a", "b"] }, { args: ["a", "c"] })).toEqual(['args[1]: "c" → "b"']);
    expect(changes({ args: ["a"] }, { args: ["a", "c"] })).toEqual(['args: ["a","c"] → ["a"]']);
  });

  it("case 3: sees no difference between spellings of a quantity", () => {
    const desired = { resources: { limits: { cpu: "1000m", memory: "1024Mi" }, requests: { cpu: 0.5 } } };
    const live = { resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m" } } };
    expect(changes(desired, live)).toEqual([]);
    expect(changes({ data: { a: "1000m" } }, { data: { a: "1" } })).toEqual(['data[a]: "1" → "1000m"']);
  });

  it("sees no difference between empty and absent", () => {
    expect(changes({ metadata: { annotations: {} }, a: null, b: [] }, { metadata: {} })).toEqual([]);
  });

  it("finds nothing between an object and itself, and never throws", () => {
    fc.assert(fc.property(fc.object(), (object) => changes(object, structuredClone(object)).length === 0));
    fc.assert(fc.property(fc.object(), fc.object(), (desired, live) => changes(desired, live).length <= 200));
  });

  it("writes keys of people's maps in brackets", () => {
    const path = ["metadata", "labels", "app.kubernetes.io/name"].map((name) => ({ kind: "field", name }) as const);
    expect(formatFieldPath(path)).toBe("metadata.labels[app.kubernetes.io/name]");
  });
});

describe("quantities", () => {
  it.each([
    ["1000m", "1", true],
    ["1Gi", "1024Mi", true],
    ["1G", "1Gi", false],
    ["1e3", "1k", true],
    ["0.5", "500m", true],
    ["-1", "1", false],
    ["1", 1, true],
    ["", "", true],
    ["abc", "1", false],
  ])("%j and %j name the same amount: %s", (a, b, same) => {
    expect(equalQuantities(a, b)).toBe(same);
    expect(equalQuantities(b, a)).toBe(same);
  });
});
