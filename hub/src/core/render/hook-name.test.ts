import { describe, expect, it } from "vitest";

import { nameHook } from "./hook-name.ts";

const hook = { "argocd.argoproj.io/hook": "PreSync" } as const;

function nameOf(metadata: object, spec: object = {}): unknown {
  const value = { apiVersion: "batch/v1", kind: "Job", metadata, spec };
  const named = nameHook({ value, positionOf: () => ({ file: "a.yaml", line: 1, column: 1 }) });
  return (named.value as { metadata: { name?: unknown } }).metadata.name;
}

describe("case 12: a hook that leaves its name to the server", () => {
  it("gets one that is the same in every render, and another one for other content", () => {
    const first = nameOf({ generateName: "migrate-", annotations: hook }, { a: 1 });
    expect(first).toMatch(/^migrate-[0-9a-f]{10}$/u);
    expect(nameOf({ annotations: hook, generateName: "migrate-" }, { a: 1 })).toBe(first);
    expect(nameOf({ generateName: "migrate-", annotations: hook }, { a: 2 })).not.toBe(first);
    expect(nameOf({ generateName: "migrate-", annotations: { "helm.sh/hook": "pre-install" } })).toMatch(/^migrate-/u);
  });

  it("gets one that is short enough for a Job", () => {
    expect(nameOf({ generateName: `${"x".repeat(80)}-`, annotations: hook })).toHaveLength(62);
  });

  it("keeps the name that it has", () => {
    expect(nameOf({ generateName: "migrate-", name: "it", annotations: hook })).toBe("it");
  });

  it.each([
    ["no hook", { generateName: "x-" }],
    ["no prefix", { annotations: hook }],
    ["no annotations", { generateName: "x-", annotations: "none" }],
    ["a prefix that is no text", { generateName: 1, annotations: hook }],
  ])("gets none when there is %s", (_, metadata) => {
    expect(nameOf(metadata)).toBeUndefined();
  });
});
