import { unseen } from "@drover/shared/unseen";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { forScreen, padTo, plain, truncateMiddle, widthOf } from "./text.ts";

/** Any text, with much that a terminal acts on. */
const hostile = fc.string({
  unit: fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    fc.constantFrom(
      "\u001B",
      "\u009B",
      "\u001B[31m",
      "[",
      "2J",
      "m",
      "\n",
      "\r",
      "\u202E",
      "\u2028",
      "\u0085",
      "\u0007",
    ),
  ),
});

describe("truncateMiddle", () => {
  test.each([
    ["prod-eu-3", 9, "prod-eu-3"],
    ["prod-eu-3", 8, "prod…u-3"],
    ["abcdef", 1, "…"],
    ["abcdef", 0, ""],
    ["集群集群集群", 7, "集…集群"],
    ["👨‍👩‍👧‍👦 family name", 8, "👨‍👩‍👧‍👦 f…ame"],
  ])("%s in %i columns is %s", (text, width, short) => {
    expect(truncateMiddle(text, width, "…")).toBe(short);
  });

  test("never takes more columns than there are, and keeps what fits", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 40 }).map((value) => plain(value));
    fc.assert(
      fc.property(text, fc.nat(50), (value, width) => {
        const short = truncateMiddle(value, width, "…");
        expect(widthOf(short)).toBeLessThanOrEqual(width);
        if (widthOf(value) <= width) expect(short).toBe(value);
      }),
    );
  });
});

describe("plain", () => {
  test.each([
    ["a\r\nb\tc", "a b c"],
    ["\u001B[31mred\u001B[0m", "[31mred[0m"],
    ["\u009B2Jx\u0000", "2Jx"],
    ["evil\u202Egnp.exe", "evilgnp.exe"],
    ["größe ✔ 集", "größe ✔ 集"],
  ])("%j becomes %j", (text, safe) => {
    expect(plain(text)).toBe(safe);
  });

  test("T19: leaves nothing that is not seen in any text", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(plain(text)).not.toMatch(new RegExp(unseen.source, "u"));
      }),
    );
  });
});

describe("what goes to a screen", () => {
  const colour = String.raw`\u001B\[[\d;]+m`;
  test("T19: has lines, tabs and colours, and nothing else that is not seen", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = forScreen(text).replaceAll(new RegExp(`${colour}|[\n\t]`, "gu"), "");
        expect(shown).not.toMatch(new RegExp(unseen.source, "u"));
        expect(shown).toBe(plain(text.replaceAll(new RegExp(`${colour}|[\n\t\r\u2028\u2029]`, "gu"), "")));
      }),
    );
  });

  test.each([
    ["a colour", "\u001B[31mred\u001B[39m\n", "\u001B[31mred\u001B[39m\n"],
    ["a screen that is cleared", "a\u001B[2Jb", "a[2Jb"],
    ["a title", "\u001B]0;owned\u0007", "]0;owned"],
    ["a sequence of one byte", "\u009B31mred", "31mred"],
    ["a line that is written over", "real\rfake", "realfake"],
  ])("%s", (_what, text, shown) => {
    expect(forScreen(text)).toBe(shown);
  });
});

test("padding counts columns, not characters", () => {
  expect(padTo("集", 4)).toBe("集  ");
  expect(padTo("long", 2)).toBe("long");
});
