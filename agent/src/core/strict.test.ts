import type { JsonRecord } from "@drover/shared/json";
import { describe, expect, it } from "vitest";

import { extrasOf } from "./strict.ts";
import { yieldsByRule } from "./yield.ts";

const key = { group: "apps", kind: "Deployment", namespace: "shop", name: "web" };
const ours = {
  "f:metadata": { "f:labels": { "f:app": {} } },
  "f:spec": { "f:template": { "f:spec": { "f:containers": { 'k:{"name":"web"}': { ".": {}, "f:image": {} } } } } },
};

interface Entry {
  readonly manager: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly fieldsV1: JsonRecord;
}

function live(...others: readonly Entry[]): JsonRecord {
  const own = { manager: "drover", operation: "Apply", fieldsV1: ours };
  return { metadata: { managedFields: [own, ...others.map((entry) => ({ operation: "Update", ...entry }))] } };
}

function extras(object: JsonRecord, ignored: readonly string[] = []) {
  const rule = { group: "*", kind: "", namespace: "", name: "", paths: ignored, managers: [] };
  return extrasOf(object, { manager: "drover", yields: yieldsByRule(key, [rule]) });
}

const containers = (fields: JsonRecord): JsonRecord => ({
  "f:spec": { "f:template": { "f:spec": { "f:containers": fields } } },
});
const annotation = { "f:metadata": { "f:annotations": { ".": {}, "f:note": {} } } };

describe("case 18: an object that is to be exactly as in Git", () => {
  it.each<[string, Entry, readonly string[]]>([
    [
      "a label",
      { manager: "kubectl-label", fieldsV1: { "f:metadata": { "f:labels": { "f:x": {} } } } },
      ["metadata.labels[x]"],
    ],
    ["an annotation", { manager: "kubectl-annotate", fieldsV1: annotation }, ["metadata.annotations[note]"]],
    [
      "a container, told once",
      { manager: "edit", fieldsV1: containers({ 'k:{"name":"proxy"}': { ".": {}, "f:name": {}, "f:image": {} } }) },
      ["spec.template.spec.containers[name=proxy]"],
    ],
    [
      "a field of a container of ours",
      {
        manager: "edit",
        fieldsV1: containers({ 'k:{"name":"web"}': { "f:env": { 'k:{"name":"A"}': { ".": {}, "f:value": {} } } } }),
      },
      ["spec.template.spec.containers[name=web].env[name=A]"],
    ],
    [
      "what another tool applied",
      { manager: "team", operation: "Apply", fieldsV1: annotation },
      ["metadata.annotations[note]"],
    ],
  ])("loses %s", (_what, entry, paths) => {
    const found = extras(live(entry));
    expect(found).toMatchObject({ paths, by: entry.manager });
    const [own, ...rest] = found?.managedFields ?? [];
    expect(own).toMatchObject({ manager: "drover", operation: "Apply", fieldsV1: ours });
    // Nobody has it any more but us, so that our next apply removes it.
    expect(JSON.stringify(own)).toContain(JSON.stringify(lastStep(entry.fieldsV1)));
    expect(extras({ metadata: { managedFields: [own, ...rest] } })).toBeUndefined();
  });

  it.each<[string, Entry]>([
    ["a status", { manager: "operator", fieldsV1: { "f:status": { "f:ready": {} } } }],
    [
      "what came through a subresource",
      { manager: "someone", subresource: "scale", fieldsV1: { "f:spec": { "f:paused": {} } } },
    ],
    ["what the control plane wrote", { manager: "kube-controller-manager", fieldsV1: annotation }],
    [
      "a finalizer",
      { manager: "operator", fieldsV1: { "f:metadata": { "f:finalizers": { ".": {}, 'v:"a/b"': {} } } } },
    ],
    ["replicas that Git leaves open", { manager: "keda", fieldsV1: { "f:spec": { "f:replicas": {} } } }],
    ["a field that is ours as well", { manager: "edit", fieldsV1: { "f:metadata": { "f:labels": { "f:app": {} } } } }],
    ["an empty map", { manager: "edit", fieldsV1: { "f:metadata": { "f:annotations": { ".": {} } } } }],
  ])("keeps %s", (_what, entry) => {
    expect(extras(live(entry))).toBeUndefined();
  });

  it("keeps what is left to others by rule, and loses the rest of the same entry", () => {
    const fieldsV1 = { "f:metadata": { "f:annotations": { "f:note": {}, "f:other": {} } } };
    const found = extras(live({ manager: "edit", fieldsV1 }), ["metadata.annotations[note]"]);
    expect(found?.paths).toEqual(["metadata.annotations[other]"]);
    expect(found?.managedFields[1]).toMatchObject({
      fieldsV1: { "f:metadata": { "f:annotations": { "f:note": {} } } },
    });
  });

  it("is told nothing of when our own entry is gone, which is drift of its own", () => {
    expect(
      extras({ metadata: { managedFields: [{ manager: "edit", operation: "Update", fieldsV1: annotation }] } }),
    ).toBeUndefined();
  });
});

/** The innermost first key of a set, as `f:x`. */
function lastStep(set: JsonRecord): string {
  let step = "";
  let current: unknown = set;
  while (typeof current === "object" && current !== null && Object.keys(current).length > 0) {
    const next = Object.keys(current).find((name) => name !== ".") ?? "";
    if (next === "") break;
    step = next;
    current = Object.entries(current).find(([name]) => name === next)?.[1];
  }
  return step;
}
