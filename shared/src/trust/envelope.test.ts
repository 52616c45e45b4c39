import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { digestOf } from "../digest.ts";
import type { Assignments } from "../link/link.ts";
import { signAssignments, verifyAssignments } from "./envelope.ts";
import { createSigningKey, readVerifyKey, type VerifyKeys } from "./signing-key.ts";

const key = createSigningKey();
const keys: VerifyKeys = new Map([readVerifyKey(key.id, key.publicPem)]);
const assignments: Assignments = {
  cluster: "dev-1",
  clusterUid: "uid-1",
  history: [digestOf("b"), digestOf("a")],
  freshForMs: 600_000,
  epoch: "e1",
  generation: 7,
  issuedAtMs: 1_000,
  targets: [],
  tombstones: [
    { application: "old", reason: "placement web no longer selects this cluster", detach: false, confirmPrune: "" },
  ],
};

describe("signed assignments", () => {
  it("come back as they were signed", () => {
    expect(verifyAssignments(signAssignments(assignments, key), keys)).toEqual(assignments);
  });

  it("are refused when any one bit of payload or signature differs", () => {
    const signed = signAssignments(assignments, key);
    const bits = (signed.payload.length + signed.signature.length) * 8;
    fc.assert(
      fc.property(fc.nat(bits - 1), (bit) => {
        const payload = Uint8Array.from(signed.payload);
        const signature = Uint8Array.from(signed.signature);
        const byte = bit >> 3;
        const [target, at] = byte < payload.length ? [payload, byte] : [signature, byte - payload.length];
        target[at] = (target[at] ?? 0) ^ (1 << (bit & 7));
        expect(() => verifyAssignments({ ...signed, payload, signature }, keys)).toThrow(
          expect.objectContaining({ code: "signature_invalid" }),
        );
      }),
    );
  });

  it("are refused from a key that nobody trusts, also under the id of one that is trusted", () => {
    const signed = signAssignments(assignments, createSigningKey());
    const refusal = expect.objectContaining({ code: "signature_invalid" });
    expect(() => verifyAssignments(signed, keys)).toThrow(refusal);
    expect(() => verifyAssignments({ ...signed, keyId: key.id }, keys)).toThrow(refusal);
    expect(() => verifyAssignments({ ...signed, signature: new Uint8Array() }, keys)).toThrow(refusal);
  });

  it("are bound to their type: a bare signature over the same bytes does not do", async () => {
    const { sign } = await import("node:crypto");
    const signed = signAssignments(assignments, key);
    const bare = sign(null, signed.payload, key.privateKey);
    expect(() => verifyAssignments({ ...signed, signature: bare }, keys)).toThrow(
      expect.objectContaining({ code: "signature_invalid" }),
    );
  });
});

describe("verify keys", () => {
  it("are only Ed25519 keys under their own id", () => {
    const other = createSigningKey();
    expect(() => readVerifyKey(other.id, key.publicPem)).toThrow(expect.objectContaining({ code: "document_invalid" }));
    expect(() => readVerifyKey(key.id, "nonsense")).toThrow(expect.objectContaining({ code: "document_invalid" }));
  });
});
