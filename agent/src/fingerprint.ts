import { createHmac, randomBytes } from "node:crypto";

import type { Fingerprint } from "@drover/shared/kube/redact";

/** Characters of a fingerprint: enough to tell the values of one cluster apart, too few to be of other use. */
const length = 8;

export function createFingerprintKey(): string {
  return randomBytes(32).toString("base64");
}

/** An HMAC of the value, cut short. Without the key it says nothing of the value, and cannot be compared elsewhere. */
export function createFingerprint(key: string): Fingerprint {
  const bytes = Buffer.from(key, "base64");
  return (value) => createHmac("sha256", bytes).update(value).digest("hex").slice(0, length);
}
