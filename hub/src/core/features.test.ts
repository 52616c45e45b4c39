import { features } from "@drover/shared/link/features";
import { defaultSync, type SyncOptions } from "@drover/shared/sync-options";
import { expect, it } from "vitest";

import { knownFeatures, lackedFeatures } from "./features.ts";

const needing: SyncOptions = {
  ...defaultSync,
  adopt: "never",
  drift: "report",
  ignore: [{ group: "*", kind: "", namespace: "", name: "", paths: ["spec.replicas"], managers: [] }],
  allOrNothing: true,
  dependsOn: ["db"],
  serviceAccount: "deployer",
  healthRules: [
    { group: "", kind: "A", failed: "", degraded: "", progressing: "", suspended: "", current: "true", message: "" },
  ],
};

it("E72: what an application asks for beyond the defaults is what an agent has to know", () => {
  expect(lackedFeatures(defaultSync, [])).toEqual([]);
  expect(lackedFeatures(needing, [])).toEqual(features);
  expect(lackedFeatures({ ...defaultSync, serviceAccount: "deployer" }, ["dependsOn"])).toEqual([
    "sync.serviceAccount",
  ]);
  expect(lackedFeatures({ ...defaultSync, dependsOn: ["db"] }, ["dependsOn", "of a newer agent"])).toEqual([]);
});

it("E72: an agent that says nothing of it knows none of it, and of a newer one counts what is known here", () => {
  expect(lackedFeatures({ ...defaultSync, drift: "strict" }, undefined)).toEqual(["sync.drift"]);
  expect(knownFeatures(undefined)).toEqual([]);
  expect(knownFeatures(["sync.drift", "of a newer agent", "dependsOn"])).toEqual(["dependsOn", "sync.drift"]);
});

it("E72: what has the same effect with an agent that does not read it holds nothing up", () => {
  expect(lackedFeatures({ ...defaultSync, gateTimeoutMs: 1_000, recreate: true }, [])).toEqual([]);
});
