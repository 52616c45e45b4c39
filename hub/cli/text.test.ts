import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { padTo, plain, truncateMiddle, widthOf } from "./text.ts";

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

  test("T19: leaves no control character in any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(plain(text)).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});

test("padding counts columns, not characters", () => {
  expect(padTo("集", 4)).toBe("集  ");
  expect(padTo("long", 2)).toBe("long");
});
