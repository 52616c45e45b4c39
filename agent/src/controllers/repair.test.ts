import { FakeClock } from "@drover/shared/clock";
import { defaultSync } from "@drover/shared/sync-options";
import { describe, expect, it } from "vitest";

import {
  createApplicationRecord,
  createObjectRecord,
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
function handOut(place: ReturnType<typeof drift>, intent: Intent = { kind: "run", assignment, receivedAtMs: 0 }) {
  const handedOut: ObjectRecord[] = [];
  const acceptance = { intent: () => intent, names: () => ["shop"] };
  const dispatcher = { dispatch: (_application: unknown, due: readonly ObjectRecord[]) => void handedOut.push(...due) };
  const woken: string[] = [];
  repair({ acceptance, clock: new FakeClock(nowMs), wake: (name) => void woken.push(name) }, dispatcher, place);
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

  const tombstone = { application: "shop", reason: "gone", detach: false, confirmPrune: "" };
  it.each<Intent>([{ kind: "unknown" }, { kind: "remove", tombstone, receivedAtMs: 0 }])(
    "waits when its application is $kind",
    (intent) => {
      expect(handOut(drift(), intent)).toBe(false);
    },
  );
});
