import { shortRevision } from "@drover/shared/api/revision";
import { parseDuration } from "@drover/shared/duration";
import { DroverError, type ErrorCode } from "@drover/shared/errors";
import { describe, expect, test } from "vitest";

import { formatAge } from "./age.ts";
import { formatError } from "./error-text.ts";
import { exitCodeOf } from "./exit-code.ts";
import { parseLabelChanges, parseLabels, parseTargetName } from "./names.ts";
import { formatTotals } from "./totals.ts";

const style = { unicode: true, paint: (_colour: unknown, text: string) => text, width: 80, height: 24 };

test.each([
  [4_999, "4s"],
  [0, "0s"],
  [-5_000, "0s"],
  [59_999, "59s"],
  [14 * 60_000, "14m"],
  [3 * 86_400_000 + 5, "3d"],
])("what was %i ms ago is %s old", (ms, age) => {
  expect(formatAge(1_000_000_000_000 - ms, 1_000_000_000_000)).toBe(age);
});

test("what never was has no age", () => {
  expect(formatAge(0, 1_000)).toBe("");
});

test.each([
  ["500ms", 500],
  ["30", 30_000],
  ["30s", 30_000],
  ["1.5m", 90_000],
  ["2h", 7_200_000],
  ["1d", 86_400_000],
  ["", undefined],
  ["-5s", undefined],
  ["5 minutes", undefined],
])("the duration %j is %s ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

describe("names", () => {
  test("a target is an application and a cluster", () => {
    expect(parseTargetName("shop@prod-1")).toEqual({ app: "shop", cluster: "prod-1" });
  });

  test.each(["shop", "@prod-1", "shop@", "", "@"])("%j is no target", (text) => {
    expect(() => parseTargetName(text)).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test("labels are set and removed as in kubectl", () => {
    expect(parseLabelChanges(["env=prod", "tier-", "empty=", "a-b=c-"])).toEqual({
      env: "prod",
      tier: null,
      empty: "",
      "a-b": "c-",
    });
    expect(() => parseLabelChanges(["env"])).toThrow(expect.objectContaining({ code: "usage" }));
    expect(parseLabels(["a=b,c=d", "e=f"])).toEqual({ a: "b", c: "d", e: "f" });
    expect(() => parseLabels(["a-"])).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test("only whole commits are shortened", () => {
    const commit = "4be1f02aa1c09b2f4c7f0d2e9b3a5d6c7e8f9a0b";
    expect(shortRevision(`main@${commit}`)).toBe("main@4be1f02");
    expect(shortRevision(`6.5.1@sha256:${"6b0a1e5f".repeat(8)}`)).toBe("6.5.1@sha256:6b0a1e5");
    expect(shortRevision("v2.9.0")).toBe("v2.9.0");
    expect(shortRevision(`${commit}0`)).toBe(`${commit}0`);
  });
});

test.each<[ErrorCode, number]>([
  ["internal", 1],
  ["cluster_offline", 1],
  ["render_failed", 1],
  ["usage", 2],
  ["config_invalid", 2],
  ["timeout", 3],
  ["unauthorized", 4],
  ["forbidden", 4],
  ["not_found", 5],
  ["cluster_exists", 6],
  ["precondition_failed", 6],
  ["apply_conflict", 6],
  ["api_unreachable", 7],
])("%s exits with %i", (code, exit) => {
  expect(exitCodeOf(code)).toBe(exit);
});

test("an error shows where, what to do, and the trace, each on its line", () => {
  const error = new DroverError("document_invalid", "duplicate key\u001B[2J", {
    at: { file: "apps/shop.yaml", line: 14, column: 5 },
    hint: "remove one",
    trace: "9d1c",
  });
  expect(formatError(error, style)).toBe(
    "error[document_invalid]: duplicate key[2J\n  at apps/shop.yaml:14:5\n  hint: remove one\n  trace: 9d1c\n",
  );
});

test("totals put the worst first", () => {
  expect(formatTotals(["current", "failed", "current"], "cluster", style)).toBe("3 clusters: 1 failed · 2 current");
  expect(formatTotals([], "app", style)).toBe("0 apps");
  expect(formatTotals(["current"], "app", style)).toBe("1 app: 1 current");
});
