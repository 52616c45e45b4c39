import { describe, expect, it } from "vitest";

import { canonicalQuantity } from "./quantities.ts";

describe("canonicalQuantity", () => {
  it.each([
    ["1000m", "1"],
    ["1024Mi", "1Gi"],
    ["0.5", "500m"],
    ["0.5Gi", "512Mi"],
    ["1.5Gi", "1536Mi"],
    ["1500m", "1500m"],
    ["100", "100"],
    ["1000", "1k"],
    ["1000k", "1M"],
    ["512", "512"],
    ["0.5Ki", "512"],
    ["1e3", "1e3"],
    ["0", "0"],
    ["0m", "0"],
    ["-1000m", "-1"],
    ["1n", "1n"],
    ["1Ki", "1Ki"],
    ["", ""],
    ["many", "many"],
  ])("writes %s as %s", (given, expected) => {
    expect(canonicalQuantity(given)).toBe(expected);
  });
});
