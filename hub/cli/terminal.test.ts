import { describe, expect, test } from "vitest";

import { styleOf, type Sink, type Terminal } from "./terminal.ts";

const pipe: Sink = { write: () => undefined };
const screen: Sink = { write: () => undefined, isTTY: true, columns: 100, rows: 30 };

function terminal(env: Readonly<Record<string, string>>): Terminal {
  return {
    stdout: screen,
    stderr: screen,
    env,
    cwd: "/",
    now: () => 0,
    openBrowser: () => undefined,
    readStdin: () => Promise.resolve(""),
    signal: new AbortController().signal,
  };
}

const isColoured = (env: Readonly<Record<string, string>>, sink: Sink): boolean =>
  styleOf(terminal(env), sink).paint("red", "x") !== "x";

describe("colour", () => {
  test.each<[string, Readonly<Record<string, string>>, Sink, boolean]>([
    ["on a terminal", {}, screen, true],
    ["in a pipe", {}, pipe, false],
    ["with NO_COLOR", { NO_COLOR: "0" }, screen, false],
    ["with an empty NO_COLOR", { NO_COLOR: "" }, screen, true],
    ["on a dumb terminal", { TERM: "dumb" }, screen, false],
    ["with FORCE_COLOR in a pipe", { FORCE_COLOR: "1" }, pipe, true],
    ["with FORCE_COLOR over NO_COLOR", { FORCE_COLOR: "1", NO_COLOR: "1" }, pipe, true],
    ["with FORCE_COLOR=0", { FORCE_COLOR: "0" }, screen, false],
  ])("%s", (_name, env, sink, expected) => {
    expect(isColoured(env, sink)).toBe(expected);
  });
});

describe("Unicode", () => {
  test.each<[Readonly<Record<string, string>>, boolean]>([
    [{ LANG: "en_GB.UTF-8" }, true],
    [{ LANG: "C.utf8" }, true],
    [{ LANG: "en_GB.UTF-8", LC_ALL: "C" }, false],
    [{ LANG: "en_GB.UTF-8", LC_ALL: "" }, true],
    [{ LANG: "C", LC_CTYPE: "C.UTF-8" }, true],
    [{}, false],
  ])("with %o: %s", (env, expected) => {
    expect(styleOf(terminal(env), screen).unicode).toBe(expected);
    expect(styleOf(terminal(env), screen, { ascii: true }).unicode).toBe(false);
  });
});

test("a pipe has no width, unless COLUMNS gives it one", () => {
  expect(styleOf(terminal({}), screen).width).toBe(100);
  expect(styleOf(terminal({}), pipe).width).toBe(Number.POSITIVE_INFINITY);
  expect(styleOf(terminal({ COLUMNS: "60" }), pipe).width).toBe(60);
  expect(styleOf(terminal({ COLUMNS: "x" }), pipe).width).toBe(Number.POSITIVE_INFINITY);
});
