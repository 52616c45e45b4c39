import { randomBytes } from "node:crypto";

import { expect, test } from "vitest";

import { openBytes, sealBytes } from "./aes-gcm.ts";

const key = randomBytes(32);
const text = new TextEncoder().encode("s3cret");
const sealed = sealBytes(key, text, "here");

test("what was sealed opens with its key, where it was sealed for", () => {
  expect(openBytes(key, sealed, "here")).toEqual(text);
  expect(openBytes(key, sealed, "there")).toBeUndefined();
  expect(openBytes(randomBytes(32), sealed, "here")).toBeUndefined();
  expect(openBytes(key, sealBytes(key, new Uint8Array()))).toEqual(new Uint8Array());
});

test("nothing of it can be changed or cut off", () => {
  for (const [index] of sealed.entries()) {
    const changed = sealed.slice();
    changed[index] = (changed[index] ?? 0) ^ 1;
    expect(openBytes(key, changed, "here")).toBeUndefined();
    expect(openBytes(key, sealed.slice(0, index), "here")).toBeUndefined();
  }
});

test("the same is never sealed alike", () => {
  expect(sealBytes(key, text, "here")).not.toEqual(sealed);
});
