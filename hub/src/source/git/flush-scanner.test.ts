import { expect, test } from "vitest";

import { FlushScanner } from "./flush-scanner.ts";

const line = (text: string): string => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
const advertisement = `${line("version 2\n")}${line("0000 is no flush in here\n")}${line("")}0000`;

test("finds the end of an advertisement however it is cut into pieces", () => {
  const bytes = Buffer.from(`${advertisement}rest`);
  for (let size = 1; size <= bytes.length; size += 1) {
    const scanner = new FlushScanner();
    let end = -1;
    for (let from = 0; from < bytes.length && end === -1; from += size) {
      const found = scanner.scan(bytes.subarray(from, from + size));
      if (found !== -1) end = from + found;
    }
    expect(end).toBe(advertisement.length);
  }
});

test("says that one is not whole yet", () => {
  expect(new FlushScanner().scan(Buffer.from(advertisement.slice(0, -1)))).toBe(-1);
});

test.each(["Welcome to git.example!", "0001", "0003", "00g0", "-001"])("refuses %j, which is not Git's", (text) => {
  expect(() => new FlushScanner().scan(Buffer.from(text))).toThrow(RangeError);
});
