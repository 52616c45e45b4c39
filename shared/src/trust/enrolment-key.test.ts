import { randomBytes } from "node:crypto";

import { describe, expect, it } from "vitest";

import { createEnrolmentKey, isProven, proveEnrolmentKey } from "./enrolment-key.ts";

const csr = randomBytes(300);
const nonce = randomBytes(32);

describe("an enrolment key", () => {
  it("is proven for one request and one nonce", () => {
    const key = createEnrolmentKey();
    const proof = proveEnrolmentKey(key, nonce, csr);
    expect(isProven(proof, csr)).toBe(true);
    expect(proveEnrolmentKey(key, nonce, csr).publicKey).toEqual(proof.publicKey);
    expect(isProven(proof, randomBytes(300))).toBe(false);
    expect(isProven({ ...proof, nonce: randomBytes(32) }, csr)).toBe(false);
  });

  it("is not proven by another key, nor by bytes of any kind", () => {
    const proof = proveEnrolmentKey(createEnrolmentKey(), nonce, csr);
    const other = proveEnrolmentKey(createEnrolmentKey(), nonce, csr);
    const hostile = [
      { ...proof, publicKey: other.publicKey },
      { ...proof, signature: other.signature },
      { ...proof, publicKey: Buffer.alloc(0) },
      { ...proof, publicKey: Buffer.alloc(32) },
      { ...proof, publicKey: Buffer.alloc(32, 0xff) },
      { ...proof, publicKey: Buffer.alloc(33) },
      { ...proof, signature: Buffer.alloc(0) },
      { ...proof, signature: Buffer.alloc(64) },
      { ...proof, signature: Buffer.alloc(64, 0xff) },
      { ...proof, nonce: Buffer.alloc(0) },
    ];
    for (const bad of hostile) expect(isProven(bad, csr)).toBe(false);
  });
});
