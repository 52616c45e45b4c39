import { sign, verify } from "node:crypto";

import { DroverError } from "../errors.ts";
import type { Assignments, SignedAssignments } from "../link/link.ts";
import { decodeAssignments, encodeAssignments } from "../link/wire-assignments.ts";
import type { SigningKey, VerifyKeys } from "./signing-key.ts";

/** Part of what is signed: a signature over anything else can never be taken for one over assignments. */
const payloadType = "application/vnd.drover.assignments.v1+protobuf";

export function signAssignments(assignments: Assignments, key: SigningKey): SignedAssignments {
  return signPayload(encodeAssignments(assignments), key);
}

/** Signs what `encodeAssignments` has made. */
export function signPayload(payload: Uint8Array, key: SigningKey): SignedAssignments {
  return { payload, signature: sign(null, preAuthenticationEncoding(payload), key.privateKey), keyId: key.id };
}

/**
 * The assignments in an envelope whose signature holds; nothing is decoded before. Throws `signature_invalid`, or
 * `document_invalid` when a trusted key signed what is no assignments. Audience, epoch and generation are the caller's.
 */
export function verifyAssignments(signed: SignedAssignments, keys: VerifyKeys): Assignments {
  const key = keys.get(signed.keyId);
  if (key === undefined) {
    throw new DroverError("signature_invalid", `assignments are signed with the unknown key "${signed.keyId}"`);
  }
  if (!verify(null, preAuthenticationEncoding(signed.payload), key, signed.signature)) {
    throw new DroverError("signature_invalid", `assignments do not carry a valid signature of key ${signed.keyId}`);
  }
  return decodeAssignments(signed.payload);
}

/** DSSE v1: `DSSEv1 <type length> <type> <body length> <body>`, so that no two (type, body) pairs encode alike. */
function preAuthenticationEncoding(payload: Uint8Array): Uint8Array {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.byteLength} `),
    payload,
  ]);
}
