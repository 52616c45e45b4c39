import type { KubeObject } from "@drover/shared/kube/manifest";
import { describe, expect, it } from "vitest";

import { createGate } from "./gate.ts";
import { readHook, type Outcome } from "./hooks.ts";
import { orderOf } from "./order.ts";
import { createApplicationRecord, dropRecord, needsApply, recordOf, type ApplicationRecord } from "./record.ts";
import { beginRemoval, isAwaited, planRemoval, removalStage } from "./removal.ts";
import { createRun, hasFailed, nextAttempt, nextRemovalRun, type Run } from "./run.ts";
import { noteEnd } from "./runs.ts";

const bundle = `sha256:${"a".repeat(64)}`;

/** An application whose every object was applied; `hooks` by name, as Helm's annotation has them. */
function applied(hooks: Readonly<Record<string, string>>, weights: Readonly<Record<string, string>> = {}) {
  const application = createApplicationRecord("shop");
  application.bundle = bundle;
  for (const [name, events] of Object.entries(hooks)) {
    const annotations = { "helm.sh/hook": events, "helm.sh/hook-weight": weights[name] ?? "0" };
    const object: KubeObject = { apiVersion: "batch/v1", kind: "Job", metadata: { name, annotations }, spec: {} };
    const record = recordOf(application, { group: "batch", kind: "Job", namespace: "shop", name }, "v1");
    const hook = readHook(object);
    const run = createRun(object, hook === "skip" ? undefined : hook, undefined);
    Object.assign(record, { desired: name, applied: name, run, order: orderOf(object) });
  }
  add(application, "ConfigMap", "shop");
  return application;
}

function add(application: ApplicationRecord, kind: string, namespace: string): void {
  const name = namespace === "" ? "shop" : "settings";
  const record = recordOf(application, { group: "", kind, namespace, name }, "v1");
  Object.assign(record, { desired: "settings", applied: "settings" });
}

/** What a round does before it deletes anything; returns the stage, and the hooks that are to be made now. */
function round(application: ApplicationRecord, confirmed = "") {
  for (const record of application.objects.values()) if (!isAwaited(application, record)) record.desired = "";
  const stage = removalStage(application);
  const held = planRemoval(application, { stage, confirmed });
  const gate = createGate(application.objects);
  const records = [...application.objects.values()];
  const due = records.filter((record) => needsApply(record) && gate(record) === undefined);
  return { stage, held, due: due.map(({ key }) => key.name) };
}

function end(application: ApplicationRecord, name: string, outcome: Outcome): void {
  const record = application.objects.get(`Job.batch shop/${name}`);
  if (record === undefined) throw new Error(`there is no ${name}`);
  Object.assign(record, { applied: record.desired, uid: "u" });
  const status = { conditions: [{ type: outcome === "success" ? "Complete" : "Failed", status: "True" }] };
  const metadata = { uid: "u", annotations: { "drover.dev/run": record.run?.id } };
  expect(noteEnd(application, record, { metadata, status })).toBe(true);
  record.verdict = { health: outcome === "success" ? "Current" : "Failed", reason: "", message: "" };
}

function prune(application: ApplicationRecord): void {
  for (const { key, desired } of application.objects.values()) if (desired === "") dropRecord(application, key);
}

describe("the removal of an application", () => {
  it.each([
    ["without hooks", {}],
    ["with hooks of other stages", { one: "pre-install", two: "post-upgrade" }],
  ])("goes straight on to deleting: %s", (_, hooks) => {
    const application = applied(hooks);
    expect(beginRemoval(application)).toBe(true);
    expect(round(application)).toEqual({ stage: undefined, held: undefined, due: [] });
    expect([...application.objects.values()].every(({ desired }) => desired === "")).toBe(true);
  });

  it("runs what comes before by weight, deletes, and runs what comes after", () => {
    const application = applied({ last: "pre-delete", first: "pre-delete", after: "post-delete" }, { first: "-1" });
    beginRemoval(application);
    expect(round(application)).toMatchObject({ stage: "pre-delete", due: ["first"] });
    end(application, "first", "success");
    expect(round(application)).toMatchObject({ stage: "pre-delete", due: ["last"] });
    end(application, "last", "success");
    expect(round(application)).toMatchObject({ stage: undefined, due: [] });
    prune(application);
    expect(round(application)).toMatchObject({ stage: "post-delete", due: ["after"] });
    end(application, "after", "success");
    expect(round(application)).toMatchObject({ stage: undefined, due: [] });
    prune(application);
    expect(application.objects.size).toBe(0);
  });

  it("E58: runs one hook before and after", () => {
    const application = applied({ both: "pre-delete,post-delete" });
    beginRemoval(application);
    expect(round(application)).toMatchObject({ stage: "pre-delete", due: ["both"] });
    end(application, "both", "success");
    expect(round(application)).toMatchObject({ stage: undefined, due: [] });
    prune(application);
    expect(round(application)).toMatchObject({ stage: "post-delete", due: ["both"] });
    end(application, "both", "success");
    expect(round(application)).toMatchObject({ stage: undefined, due: [] });
  });

  it("does not wait for the namespace that what comes after is made in", () => {
    const application = applied({ after: "post-delete" });
    add(application, "Namespace", "");
    beginRemoval(application);
    expect(round(application).stage).toBeUndefined();
    dropRecord(application, { group: "", kind: "ConfigMap", namespace: "shop", name: "settings" });
    expect(round(application)).toMatchObject({ stage: "post-delete", due: ["after"] });
  });

  it("is held by a hook that fails, until exactly that attempt is confirmed to be followed by another", () => {
    const application = applied({ before: "pre-delete", later: "pre-delete" }, { later: "1" });
    beginRemoval(application);
    round(application);
    end(application, "before", "failure");
    const { held, stage, due } = round(application);
    expect({ held, stage, due }).toMatchObject({
      held: { objects: 1, reason: "HookFailed" },
      stage: "pre-delete",
      due: [],
    });
    const record = application.objects.get("Job.batch shop/before");
    expect(record?.obstacle?.message).toContain("holds the removal, and is run again when that is confirmed");
    expect(round(application, "sha256:other").due).toEqual([]);
    expect(round(application, held?.digest)).toEqual({ stage: "pre-delete", held: undefined, due: ["before"] });
    end(application, "before", "failure");
    const again = round(application, held?.digest);
    expect(again.due).toEqual([]);
    expect(again.held?.digest).not.toBe(held?.digest);
    expect(round(application, again.held?.digest).due).toEqual(["before"]);
    end(application, "before", "success");
    expect(round(application, again.held?.digest).due).toEqual(["later"]);
  });

  it("runs its hooks once more after it was taken back", () => {
    const application = applied({ before: "pre-delete" });
    beginRemoval(application);
    const first = application.removal;
    expect(beginRemoval(application)).toBe(false);
    expect(application).toMatchObject({ removal: first, bundle: "", previous: bundle });
    round(application);
    end(application, "before", "success");
    application.bundle = bundle;
    beginRemoval(application);
    expect(application.removal).not.toBe(first);
    expect(round(application).due).toEqual(["before"]);
  });

  it("knows no hooks when only an inventory is known", () => {
    const application = createApplicationRecord("shop");
    recordOf(application, { group: "batch", kind: "Job", namespace: "shop", name: "before" }, "v1");
    expect(beginRemoval(application)).toBe(false);
    expect(application.removal).toBe("");
  });
});

describe("the next run of a hook for a removal", () => {
  const both = "pre-delete,post-delete";
  it.each([
    // events, run that is planned, what ended last → what is next
    ["pre-install", "", undefined, ""],
    ["pre-delete", "", undefined, "r-pre-delete-1"],
    ["pre-delete", "", ["b-pre", "failure"], "r-pre-delete-1"],
    ["pre-delete", "", ["older-pre-delete-1", "success"], "r-pre-delete-1"],
    ["pre-delete", "older-pre-delete-1", undefined, "r-pre-delete-1"],
    ["pre-delete", "", ["r-pre-delete-1", "success"], ""],
    ["pre-delete", "", ["r-pre-delete-2", "failure"], "r-pre-delete-2"],
    ["pre-delete", "r-pre-delete-3", ["r-pre-delete-2", "failure"], "r-pre-delete-3"],
    [both, "", ["r-pre-delete-1", "success"], "r-post-delete-1"],
    [both, "r-post-delete-2", ["r-post-delete-1", "failure"], "r-post-delete-2"],
    [both, "", ["r-post-delete-1", "success"], ""],
  ] as const)("%s, planned %j, ended %j → %j", (events, id, last, expected) => {
    const hook = readHook({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "it", annotations: { "helm.sh/hook": events } },
    });
    if (hook === undefined || hook === "skip") throw new Error("it is a hook");
    const ended = last === undefined ? undefined : { id: last[0], outcome: last[1] };
    const run: Run = { hook, id, stage: "main", expires: false, ended };
    expect(nextRemovalRun(run, hook, "r").id).toBe(expected);
  });

  it("is another attempt after one that has failed", () => {
    const ended = { id: "r-pre-delete-9", outcome: "failure" } as const;
    const run: Run = { hook: undefined, id: ended.id, stage: "pre-delete", expires: false, ended };
    expect(nextAttempt(run).id).toBe("r-pre-delete-10");
    expect([hasFailed(run), hasFailed(nextAttempt(run))]).toEqual([true, false]);
  });
});
