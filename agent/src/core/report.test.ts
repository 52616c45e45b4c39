import type { Assignment } from "@drover/shared/link/link";
import { defaultSync } from "@drover/shared/sync-options";
import { describe, expect, it } from "vitest";

import { createApplicationRecord, recordOf, type ApplicationRecord, type ObjectRecord } from "./record.ts";
import { buildReport } from "./report.ts";

const assignment: Assignment = {
  application: "shop",
  bundle: "sha256:new",
  repository: "config",
  commit: "c0ffee",
  namespace: "",
  createNamespace: false,
  prune: true,
  seenAtMs: 0,
  syncRequest: 0,
  sync: defaultSync,
  confirmPrune: "",
};

function application(...objects: readonly Partial<ObjectRecord>[]): ApplicationRecord {
  const made = createApplicationRecord("shop");
  objects.forEach((fields, index) => {
    const record = recordOf(made, { group: "", kind: "ConfigMap", namespace: "shop", name: `m${index}` }, "v1");
    Object.assign(
      record,
      { desired: "d", applied: "d", verdict: { health: "Current", reason: "", message: "" } },
      fields,
    );
  });
  return made;
}

function report(made: ApplicationRecord, assigned: Assignment | undefined = assignment) {
  const about = { epoch: "e", generation: 1, sequence: 1, receivedAtMs: 0 };
  return buildReport({ application: made, assignment: assigned, ...about });
}

const failure = { reason: "Invalid", message: "spec.x: no", retry: "changed" } as const;

describe("report", () => {
  it("puts the worst object first and speaks of it", () => {
    const { objects, reason, message } = report(application({}, { obstacle: failure, attempts: 1 }, { applied: "" }));
    expect(objects.map((object) => object.apply)).toEqual(["failed", "pending", "applied"]);
    expect({ reason, message }).toEqual({ reason: "Invalid", message: "ConfigMap shop/m1: spec.x: no" });
  });

  it("E16: names what drifted before what is well, so that it is not left out", () => {
    const drift = (repaired: boolean) => ({ drift: { paths: ["data"], by: "kubectl", foundAtMs: 1, repaired } });
    const { objects } = report(application({}, drift(true), {}, drift(false)));
    expect(objects.map(({ key }) => key.name)).toEqual(["m3", "m1", "m0", "m2"]);
  });

  it("says of a removal that it runs no hooks when they are not known, next to what it waits for", () => {
    const left = { desired: "", obstacle: { reason: "Deleting", message: "it waits", retry: "soon" } } as const;
    const removed = (removal: string, ...objects: readonly Partial<ObjectRecord>[]) =>
      report(Object.assign(application(...objects), { phase: "removing", removal }), undefined);
    const silent = { ...left, obstacle: undefined };
    expect(removed("", silent)).toMatchObject({ reason: "HooksUnknown" });
    expect(removed("r1", silent).reason).toBe("");
    expect(removed("", left)).toMatchObject({
      reason: "Deleting",
      message: expect.stringMatching(/^ConfigMap shop\/m0: it waits; it is removed without its hooks/u),
    });
  });

  it("calls waiting pending, and a fault of the server failed only when it lasts", () => {
    const waiting = { reason: "WaitingForKind", message: "", retry: "kind" } as const;
    const fault = { reason: "ServerError", message: "", retry: "soon" } as const;
    expect(report(application({ obstacle: waiting, attempts: 99 })).objects[0]?.apply).toBe("pending");
    expect(report(application({ obstacle: fault, attempts: 1 })).objects[0]?.apply).toBe("pending");
    expect(report(application({ obstacle: fault, attempts: 3 })).objects[0]?.apply).toBe("failed");
  });

  it("leaves what is pruned or abandoned out of the health", () => {
    const gone = { desired: "", verdict: { health: "NotFound", reason: "", message: "" } } as const;
    const { health, objects } = report(application({}, gone, { ...gone, abandoned: "PruneDisabled" }));
    expect(health).toBe("Current");
    expect(objects.map((object) => object.apply)).toEqual(["pruning", "abandoned", "applied"]);
  });

  it("says that an application which nothing assigns is kept", () => {
    const kept = buildReport({
      application: application({}),
      assignment: undefined,
      epoch: "e",
      generation: 1,
      sequence: 1,
      receivedAtMs: 0,
    });
    expect(kept.reason).toBe("NotAssigned");
  });

  it("holds at most what the wire contract takes", () => {
    expect(report(application(...Array.from({ length: 5_001 }, () => ({})))).objects).toHaveLength(5_000);
  });
});
