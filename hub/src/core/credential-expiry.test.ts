import { expect, test } from "vitest";

import { expiryProblem } from "./credential-expiry.ts";

const end = Date.UTC(2026, 11, 24, 12);
const day = 86_400_000;

test.each([
  [15, undefined, ""],
  [14, "warning", "a certificate of the credential corp expires on 2026-12-24"],
  [1, "warning", "a certificate of the credential corp expires on 2026-12-24"],
  [0, "error", "a certificate of the credential corp expired on 2026-12-24"],
  [-30, "error", "a certificate of the credential corp expired on 2026-12-24"],
])("%s days before its end, a certificate is told as %s", (days, severity, message) => {
  const problem = expiryProblem({ name: "corp", expiresAtMs: end }, end - days * day);
  expect([problem?.severity, problem?.message ?? ""]).toEqual([severity, message]);
});

test("nothing is told of a credential without certificates", () => {
  expect(expiryProblem({ name: "corp", expiresAtMs: 0 }, end)).toBeUndefined();
});
