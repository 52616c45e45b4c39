import { expect, test } from "vitest";

import { createFingerprint, createFingerprintKey } from "./fingerprint.ts";

test("fingerprints are equal for equal values and one key only, and do not hold the value", () => {
  const key = createFingerprintKey();
  const fingerprint = createFingerprint(key);
  expect(fingerprint("hunter2")).toMatch(/^[0-9a-f]{8}$/u);
  expect(fingerprint("hunter2")).toBe(createFingerprint(key)("hunter2"));
  expect(fingerprint("hunter2")).not.toBe(fingerprint("hunter3"));
  expect(fingerprint("hunter2")).not.toBe(createFingerprint(createFingerprintKey())("hunter2"));
});
