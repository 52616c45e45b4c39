import { expect, test } from "vitest";

import type { Application } from "./application.ts";
import { readDeclarations } from "./declarations.ts";
import { dependencyCycle } from "./dependency-cycle.ts";

function applications(edges: Readonly<Record<string, readonly string[]>>): (name: string) => Application | undefined {
  const text = Object.entries(edges).map(
    ([name, dependsOn]) => `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: ${name} }
spec: { source: { path: . }, dependsOn: ${JSON.stringify(dependsOn)} }
`,
  );
  const { declarations } = readDeclarations("config", "a.yaml", new TextEncoder().encode(text.join("---\n")));
  return (name) => declarations.filter((one) => one.kind === "Application").find((one) => one.name === name);
}

test.each<[string, Readonly<Record<string, readonly string[]>>, readonly string[] | undefined]>([
  ["nothing", { a: [] }, undefined],
  ["a chain", { a: ["b"], b: ["c"], c: [] }, undefined],
  ["a diamond", { a: ["b", "c"], b: ["d"], c: ["d"], d: [] }, undefined],
  ["what is not declared", { a: ["x"] }, undefined],
  ["itself", { a: ["a"] }, ["a", "a"]],
  ["two", { a: ["b"], b: ["a"] }, ["a", "b", "a"]],
  ["the shorter of two", { a: ["b", "c"], b: ["d"], d: ["c"], c: ["a"] }, ["a", "c", "a"]],
  ["a cycle that it is no part of", { a: ["b"], b: ["c"], c: ["b"] }, undefined],
])("finds the cycle of %s", (_what, edges, cycle) => {
  expect(dependencyCycle("a", applications(edges))).toEqual(cycle);
});
