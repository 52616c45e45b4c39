import { sign, verify } from "node:crypto";

import { DroverError } from "../errors.ts";
import type { Assignments, Beat, Signed, SignedAssignments } from "../link/link.ts";
import { decodeAssignments, decodeBeat, encodeAssignments, encodeBeat } from "../link/wire-assignments.ts";
import type { SigningKey, VerifyKeys } from "./signing-key.ts";

/** Part of what is signed: a signature over one kind of payload can never be taken for one over another. */
const types = {
  assignments: "application/vnd.drover.assignments.v1+protobuf",
  beat: "application/vnd.drover.beat.v1+protobuf",
  release: "application/vnd.drover.release.v1+json",
} as const;
type Kind = keyof typeof types;

export function signAssignments(assignments: Assignments, key: SigningKey): SignedAssignments {
  return signPayload(encodeAssignments(assignments), key);
}

/** Signs what `encodeAssignments` has made. */
export function signPayload(payload: Uint8Array, key: SigningKey): SignedAssignments {
  return seal("assignments", payload, key);
}

/**
 * The assignments in an envelope whose signature holds; nothing is decoded before. Throws `signature_invalid`, or
 * `document_invalid` when a trusted key signed what is no assignments. Audience, epoch and generation are the caller's.
 */
export function verifyAssignments(signed: SignedAssignments, keys: VerifyKeys): Assignments {
  return decodeAssignments(open("assignments", signed, keys));
}

export function signBeat(beat: Beat, key: SigningKey): Signed {
  return seal("beat", encodeBeat(beat), key);
}

/** As `verifyAssignments`. */
export function verifyBeat(signed: Signed, keys: VerifyKeys): Beat {
  return decodeBeat(open("beat", signed, keys));
}

/** Bytes that people sign, as `release` has them. */
export function releaseEncoding(payload: Uint8Array): Uint8Array {
  return preAuthenticationEncoding("release", payload);
}

function seal(kind: Kind, payload: Uint8Array, key: SigningKey): Signed {
  return { payload, signature: sign(null, preAuthenticationEncoding(kind, payload), key.privateKey), keyId: key.id };
}

function open(kind: Kind, { payload, signature, keyId }: Signed, keys: VerifyKeys): Uint8Array {
  const key = keys.get(keyId);
  if (key === undefined)
    throw new DroverError("signature_invalid", `${kind} are signed with the unknown key "${keyId.slice(0, 64)}"`);
  if (!verify(null, preAuthenticationEncoding(kind, payload), key, signature)) {
    throw new DroverError("signature_invalid", `${kind} do not carry a valid signature of key ${keyId}`);
  }
  return payload;
}

/** DSSE v1: `DSSEv1 <type length> <type> <body length> <body>`, so that no two (type, body) pairs encode alike. */
function preAuthenticationEncoding(kind: Kind, payload: Uint8Array): Uint8Array {
  const type = types[kind];
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.byteLength} `), payload]);
}
