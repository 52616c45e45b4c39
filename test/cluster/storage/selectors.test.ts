import { describe, expect, it } from "vitest";

import { labelSelectorOf, parseFieldSelector, parseLabelSelector } from "./selectors.ts";

const labelled = (labels: Record<string, string>) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", labels },
});

describe("parseLabelSelector", () => {
  it.each([
    ["", {}, true],
    ["a=1", { a: "1" }, true],
    ["a==1", { a: "2" }, false],
    ["a!=1", {}, true],
    ["a!=1", { a: "1" }, false],
    ["a", { a: "" }, true],
    ["!a", { a: "" }, false],
    ["a in (1,2),b", { a: "2", b: "x" }, true],
    ["a in (1, 2)", { a: "3" }, false],
    ["a notin (1,2)", {}, true],
    ["n>3", { n: "4" }, true],
    ["n<3", { n: "4" }, false],
    ["example.org/team=x", { "example.org/team": "x" }, true],
  ])("%j selects %j: %s", (selector, labels, expected) => {
    expect(parseLabelSelector(selector)(labelled(labels))).toBe(expected);
  });

  it.each(["a=b=c", "=x", "a=not valid", "-a"])("refuses %j", (selector) => {
    expect(() => parseLabelSelector(selector)).toThrow("unable to parse requirement");
  });
});

describe("labelSelectorOf", () => {
  it("selects nothing when absent, everything when empty", () => {
    expect(labelSelectorOf(undefined)({ a: "1" })).toBe(false);
    expect(labelSelectorOf({})({ a: "1" })).toBe(true);
  });

  it("joins labels and expressions", () => {
    const select = labelSelectorOf({
      matchLabels: { a: "1" },
      matchExpressions: [{ key: "b", operator: "NotIn", values: ["x"] }],
    });
    expect(select({ a: "1", b: "y" })).toBe(true);
    expect(select({ a: "1", b: "x" })).toBe(false);
  });
});

describe("parseFieldSelector", () => {
  const supported = new Set(["metadata.name", "status.phase"]);

  it("compares values, an absent one as empty", () => {
    const pod = { ...labelled({}), status: { phase: "Running" } };
    expect(parseFieldSelector("metadata.name=p,status.phase!=Failed", supported)(pod)).toBe(true);
    expect(parseFieldSelector("status.phase=", supported)(labelled({}))).toBe(true);
  });

  it("refuses fields that the kind does not offer", () => {
    expect(() => parseFieldSelector("spec.foo=1", supported)).toThrow("field label not supported: spec.foo");
  });
});
