import { describe, expect, it } from "vitest";

import { formatDuration } from "./age.ts";
import { jsonPath } from "./custom-columns.ts";

const second = 1000;
const hour = 3600 * second;
const day = 24 * hour;

describe("formatDuration", () => {
  it.each([
    [0, "0s"],
    [119 * second, "119s"],
    [150 * second, "2m30s"],
    [600 * second, "10m"],
    [3 * hour, "3h"],
    [5 * hour + 1800 * second, "5h30m"],
    [47 * hour, "47h"],
    [2 * day + 4 * hour, "2d4h"],
    [400 * day, "400d"],
    [800 * day, "2y70d"],
  ])("writes %d ms as %s", (ms, expected) => {
    expect(formatDuration(ms)).toBe(expected);
  });
});

describe("jsonPath", () => {
  const object = {
    spec: { "a.b": 1, list: [{ name: "x" }, { name: "y" }] },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  };

  it.each([
    [".spec.list[0].name", ["x"]],
    [".spec.list[*].name", ["x", "y"]],
    [".spec['a.b']", [1]],
    ['.status.conditions[?(@.type=="Ready")].status', ["True"]],
    [".spec.nothing", []],
  ])("reads %s", (path, expected) => {
    expect(jsonPath(object, path)).toEqual(expected);
  });
});
