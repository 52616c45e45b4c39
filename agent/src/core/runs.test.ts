import type { KubeObject } from "@drover/shared/kube/manifest";
import { describe, expect, it } from "vitest";

import { readHook } from "./hooks.ts";
import {
  createApplicationRecord,
  isApplied,
  needsApply,
  recordOf,
  type ApplicationRecord,
  type ObjectRecord,
} from "./record.ts";
import { createRun } from "./run.ts";
import { noteEnd, noteRemoved, planHooks, runAgain } from "./runs.ts";

const [first, second] = ["a", "b"].map((letter) => `sha256:${letter.repeat(64)}`) as [string, string];

interface Subject {
  readonly application: ApplicationRecord;
  readonly record: ObjectRecord;
}

/** A Job of a bundle that is due. */
function due(annotations: Readonly<Record<string, string>>, spec: object = {}): Subject {
  const application = createApplicationRecord("shop");
  application.bundle = first;
  const object: KubeObject = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "it", annotations }, spec };
  const record = recordOf(application, { group: "batch", kind: "Job", namespace: "default", name: "it" }, "v1");
  record.desired = "sha256:object";
  const hook = readHook(object);
  record.run = createRun(object, hook === "skip" ? undefined : hook, undefined);
  planHooks(application);
  return { application, record };
}

function start({ record }: Subject): void {
  record.applied = record.desired;
  record.uid = "uid-1";
}

function live({ record }: Subject, condition?: "Complete" | "Failed"): Record<string, unknown> {
  const conditions = condition === undefined ? [] : [{ type: condition, status: "True" }];
  const annotations = { "drover.dev/run": record.run?.id };
  return {
    metadata: { uid: record.uid, annotations, deletionTimestamp: "2026-01-01T00:00:00Z" },
    status: { conditions },
  };
}

const steps: Readonly<Record<string, (subject: Subject) => void>> = {
  start,
  "is seen running": (subject) => void noteEnd(subject.application, subject.record, live(subject)),
  completes: (subject) => void noteEnd(subject.application, subject.record, live(subject, "Complete")),
  fails: (subject) => void noteEnd(subject.application, subject.record, live(subject, "Failed")),
  goes: (subject) => leave(subject, false),
  "goes unseen": (subject) => leave(subject, true),
  "is asked for": ({ record }) => {
    if (!runAgain(record)) record.repair ??= { kind: "asked" };
  },
  "next bundle": ({ application }) => {
    application.applied = application.bundle;
    application.bundle = second;
  },
};

/** As the watch takes it in. */
function leave({ application, record }: Subject, unseen: boolean): void {
  if (!noteRemoved(application, record, { unseen })) record.repair = { kind: "left", foundAtMs: 0 };
}

function stateOf({ application, record }: Subject): string {
  planHooks(application);
  if (needsApply(record)) return "due";
  if (record.obstacle !== undefined) return record.obstacle.reason;
  return isApplied(record) ? "done" : "running";
}

describe("a hook, step by step", () => {
  const hook = { "argocd.argoproj.io/hook": "PreSync" } as const;
  it.each([
    [[], "due"],
    [["start"], "running"],
    [["start", "is seen running"], "running"],
    [["start", "completes"], "done"],
    [["start", "fails"], "HookFailed"],
    [["start", "goes"], "due"],
    [["start", "goes unseen"], "due"],
    [["start", "completes", "goes"], "done"],
    [["start", "completes", "goes unseen"], "done"],
    [["start", "completes", "is asked for"], "done"],
    [["start", "completes", "goes", "is asked for"], "done"],
    [["start", "fails", "goes"], "HookFailed"],
    [["start", "fails", "is asked for"], "due"],
    [["start", "fails", "goes", "is asked for"], "due"],
    [["next bundle"], "due"],
    [["start", "next bundle"], "due"],
    [["start", "completes", "next bundle"], "due"],
    [["start", "completes", "goes", "next bundle"], "due"],
    [["start", "fails", "next bundle"], "due"],
    [["start", "completes", "next bundle", "start", "completes"], "done"],
  ])("%j → %s", (path, expected) => {
    const subject = due(hook);
    for (const step of path) {
      steps[step]?.(subject);
      planHooks(subject.application);
    }
    expect(stateOf(subject)).toBe(expected);
  });

  it("is not ended by what was made for another run", () => {
    const subject = due(hook);
    start(subject);
    const stale = { ...live(subject, "Complete"), metadata: { annotations: { "drover.dev/run": "older" } } };
    expect(noteEnd(subject.application, subject.record, stale)).toBe(false);
  });

  it("for failures is due only once its bundle has failed, and stays so until it has ended", () => {
    const subject = due({ "argocd.argoproj.io/hook": "SyncFail" });
    expect(stateOf(subject)).toBe("done");
    subject.application.phase = "failed";
    expect(stateOf(subject)).toBe("due");
    subject.application.phase = "applying";
    expect(stateOf(subject)).toBe("due");
    start(subject);
    steps["completes"]?.(subject);
    expect(stateOf(subject)).toBe("done");
  });
});

describe("case 35: a Job, step by step", () => {
  it.each([
    [{}, [], "due"],
    [{}, ["start"], "done"],
    [{}, ["start", "goes"], "due"],
    [{}, ["start", "goes unseen"], "due"],
    [{}, ["start", "completes", "goes"], "done"],
    [{}, ["start", "completes", "goes", "is asked for"], "done"],
    [{}, ["start", "fails", "goes"], "due"],
    [{ ttlSecondsAfterFinished: 1 }, ["start", "goes"], "due"],
    [{ ttlSecondsAfterFinished: 1 }, ["start", "goes unseen"], "done"],
    [{ ttlSecondsAfterFinished: 1 }, ["start", "fails", "goes"], "done"],
    [{ ttlSecondsAfterFinished: 1 }, ["start", "fails", "goes", "is asked for"], "due"],
  ])("%j: %j → %s", (spec, path, expected) => {
    const subject = due({}, spec);
    for (const step of path) steps[step]?.(subject);
    expect(stateOf(subject)).toBe(expected);
  });
});
