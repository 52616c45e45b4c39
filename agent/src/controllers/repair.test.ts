import { FakeClock } from "@drover/shared/clock";
import { defaultSync } from "@drover/shared/sync-options";
import { describe, expect, it } from "vitest";

import type { Verdict } from "../core/health/verdict.ts";
import {
  createApplicationRecord,
  createObjectRecord,
  recordOf,
  setVerdict,
  type ApplicationRecord,
  type ObjectRecord,
} from "../core/record.ts";
import type { Context } from "./context.ts";
import { repair } from "./repair.ts";

const bundle = `sha256:${"a".repeat(64)}` as const;
const digest = `sha256:${"b".repeat(64)}` as const;
const nowMs = 10_000;

type Intent = ReturnType<Context["acceptance"]["intent"]>;

const assignment = {
  application: "shop",
  bundle,
  namespace: "shop",
  createNamespace: true,
  prune: true,
  confirmPrune: "",
  repository: "r",
  commit: "c",
  seenAtMs: 0,
  syncRequest: 0,
  sync: defaultSync,
};

/** An application that is as assigned, and one object of it that somebody has changed. */
function drift(change: (parts: { application: ApplicationRecord; record: ObjectRecord }) => void = () => undefined) {
  const application = { ...createApplicationRecord("shop"), bundle, namespace: "shop" };
  const record = {
    ...createObjectRecord({ group: "", kind: "ConfigMap", namespace: "shop", name: "web" }, "v1"),
    desired: digest,
    applied: digest,
    repair: { kind: "changed", evidence: {}, foundAtMs: nowMs } as const,
  };
  change({ application, record });
  return { application, record };
}

/** What is handed out; otherwise the application is woken. */
function handOut(
  place: ReturnType<typeof drift>,
  intent: Intent = { kind: "run", assignment, receivedAtMs: 0 },
  kinds: ApplicationRecord = createApplicationRecord("kinds"),
) {
  const handedOut: ObjectRecord[] = [];
  const acceptance = { intent: () => intent, names: () => ["shop"] };
  const dispatcher = { dispatch: (_application: unknown, due: readonly ObjectRecord[]) => void handedOut.push(...due) };
  const woken: string[] = [];
  const resource = { group: "example.org", version: "v1", kind: "Shape", plural: "shapes", namespaced: true };
  const state = { applications: new Map([["kinds", kinds]]) };
  const context = { acceptance, clock: new FakeClock(nowMs), discovery: { known: () => resource }, state };
  repair({ ...context, wake: (name) => void woken.push(name) }, dispatcher, place);
  expect(woken).toEqual(handedOut.length === 0 ? ["shop"] : []);
  return handedOut.length === 1 && handedOut[0] === place.record;
}

describe("an object that has drifted", () => {
  it("is handed out at once while its application is as assigned", () => {
    expect(handOut(drift())).toBe(true);
    expect(handOut(drift(), { kind: "keep", assignment })).toBe(true);
  });

  it.each<[string, Parameters<typeof drift>[0]]>([
    ["a newer bundle is to be taken in first", ({ application }) => (application.bundle = digest)],
    ["its namespace is another by now", ({ application }) => (application.namespace = "other")],
    ["a sync was asked for", ({ application }) => (application.syncRequest = 1)],
    ["something hinders the application", ({ application }) => (application.hindrance = { reason: "r", message: "" })],
    ["it has left the bundle", ({ record }) => Object.assign(record, { desired: "", applied: "" })],
    ["its new content was not applied yet", ({ record }) => Object.assign(record, { applied: "" })],
    ["it is being written", ({ record }) => (record.inFlight = true)],
    ["it is to be tried later", ({ record }) => (record.notBefore = nowMs + 1)],
    ["it is fought over", ({ record }) => (record.heat = { value: 9, at: nowMs })],
  ])("waits for the round over its application when %s", (_why, change) => {
    expect(handOut(drift(change))).toBe(false);
  });

  it.each<[Verdict["health"], boolean]>([
    ["Current", true],
    ["Terminating", false],
  ])("case 41: of a kind whose definition is %s is handed out: %s", (health, isHandedOut) => {
    const shape = { group: "example.org", kind: "Shape", namespace: "shop", name: "round" };
    const kinds = createApplicationRecord("kinds");
    const definition = { group: "apiextensions.k8s.io", kind: "CustomResourceDefinition", namespace: "" };
    setVerdict(recordOf(kinds, { ...definition, name: "shapes.example.org" }, "v1"), {
      health,
      reason: "",
      message: "",
    });
    const { application, record } = drift();
    const place = { application, record: { ...record, key: shape } };
    expect(handOut(place, { kind: "keep", assignment }, kinds)).toBe(isHandedOut);
  });

  const tombstone = { application: "shop", reason: "gone", detach: false, confirmPrune: "" };
  it.each<Intent>([{ kind: "unknown" }, { kind: "remove", tombstone, receivedAtMs: 0 }])(
    "waits when its application is $kind",
    (intent) => {
      expect(handOut(drift(), intent)).toBe(false);
    },
  );
});
