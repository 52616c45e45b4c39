import { describe, expect, it } from "vitest";

import { isInTheWay } from "./unique.ts";

const service = (...nodePorts: readonly number[]) => ({
  spec: { clusterIP: "10.0.0.7", ports: nodePorts.map((nodePort, index) => ({ name: `p${index}`, nodePort })) },
});

describe("values that only one object can have", () => {
  it("case 54: finds the holder at whatever place it has the value", () => {
    const other = { desired: service(30_001, 30_002), fields: ["spec.ports[1].nodePort"] };
    expect(isInTheWay(service(1, 2, 30_002), other)).toBe(true);
    expect(isInTheWay(service(30_001), other)).toBe(false);
  });

  it("takes no other field for a reason to delete anything", () => {
    expect(isInTheWay(service(1), { desired: service(1), fields: ["spec.ports[0].name", "spec.type"] })).toBe(false);
  });

  it("does not take a Service without an address for the holder of one", () => {
    const headless = { spec: { clusterIP: "None" } };
    expect(isInTheWay(headless, { desired: headless, fields: ["spec.clusterIP"] })).toBe(false);
    expect(isInTheWay(service(), { desired: service(), fields: ["spec.clusterIP"] })).toBe(true);
  });
});
