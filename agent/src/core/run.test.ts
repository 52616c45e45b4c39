import { describe, expect, it } from "vitest";

import type { Hook } from "./hooks.ts";
import { createRun, hasFailed, isOver, nextRun, type Ended, type Run } from "./run.ts";

const a = `sha256:${"a".repeat(64)}`;
const b = `sha256:${"b".repeat(64)}`;
const ended = (bundle: string, stage: string, outcome: "success" | "failure" = "success"): Ended => {
  return { id: `${bundle.slice(7, 23)}-${stage}`, outcome };
};

function plan(stages: Hook["stages"], about: { later: boolean; ended?: Ended | undefined }): Run {
  const hook: Hook = { stages, weight: 0, deleteAfter: [] };
  const run: Run = { hook, id: "", stage: "main", expires: false, ended: about.ended };
  return nextRun(run, hook, { bundle: a, later: about.later });
}

describe("the next run of a hook for a bundle", () => {
  const any = { pre: "any" } as const;
  const both = { pre: "any", post: "any" } as const;
  const nothing = "";
  it.each([
    // stages, another bundle was applied before, what ended last → what is next
    [any, false, undefined, "pre"],
    [any, true, undefined, "pre"],
    [any, true, ended(b, "pre"), "pre"],
    [any, true, ended(b, "pre", "failure"), "pre"],
    [any, true, ended(a, "pre"), nothing],
    [any, true, ended(a, "pre", "failure"), "pre"],
    [{ main: "any" }, false, undefined, "main"],
    [{ main: "any" }, false, ended(a, "main"), nothing],
    [both, false, undefined, "pre"],
    [both, false, ended(a, "pre"), "post"],
    [both, false, ended(a, "pre", "failure"), "pre"],
    [both, false, ended(a, "post"), nothing],
    [both, true, ended(b, "post"), "pre"],
    [both, true, ended(b, "post", "failure"), "pre"],
    [{ pre: "first" }, false, undefined, "pre"],
    [{ pre: "first" }, true, undefined, nothing],
    [{ pre: "first" }, false, ended(a, "pre"), nothing],
    // The disk was lost, or the first bundle was never applied as a whole: the hook itself has had its first time.
    [{ pre: "first" }, false, ended(b, "pre"), nothing],
    [{ pre: "first" }, false, ended(b, "pre", "failure"), "pre"],
    [{ pre: "later" }, false, undefined, nothing],
    [{ pre: "later" }, true, undefined, "pre"],
    [{ pre: "first", post: "later" }, false, undefined, "pre"],
    [{ pre: "first", post: "later" }, true, undefined, "post"],
    [{ failure: "any" }, false, undefined, nothing],
    [{ "pre-delete": "any" }, true, undefined, nothing],
  ] as const)("%j, later bundle %s, ended %j → %j", (stages, later, last, expected) => {
    const next = plan(stages, { later, ended: last });
    expect(next.id === "" ? "" : next.stage).toBe(expected);
    expect(next.id).toBe(expected === "" ? "" : `${"a".repeat(16)}-${expected}`);
  });

  it("is over when it has ended, however, and when there is none", () => {
    expect(isOver(plan(any, { later: false }))).toBe(false);
    expect(isOver(plan({ pre: "later" }, { later: false }))).toBe(true);
    const failed = plan(any, { later: false, ended: ended(a, "pre", "failure") });
    expect([isOver(failed), hasFailed(failed)]).toEqual([true, true]);
    const anew = plan(any, { later: true, ended: ended(b, "pre", "failure") });
    expect([isOver(anew), hasFailed(anew)]).toEqual([false, false]);
  });
});

describe("case 35: the run of a Job", () => {
  const job = (spec: object, labels = {}) => {
    return { apiVersion: "batch/v1", kind: "Job", metadata: { name: "it", labels }, spec };
  };
  it("is of its spec alone: other labels make no other run", () => {
    const first = createRun(job({ backoffLimit: 1 }), undefined, undefined);
    expect(createRun(job({ backoffLimit: 1 }, { a: "1" }), undefined, undefined)?.id).toBe(first?.id);
    expect(createRun(job({ backoffLimit: 2 }), undefined, undefined)?.id).not.toBe(first?.id);
  });

  it("is known of nothing else", () => {
    const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "it" } };
    const job = { apiVersion: "example.org/v1", kind: "Job", metadata: { name: "it" } };
    expect(createRun(map, undefined, undefined)).toBeUndefined();
    expect(createRun(job, undefined, undefined)).toBeUndefined();
  });
});
