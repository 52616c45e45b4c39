import { createPublicKey, sign, verify, type KeyObject } from "node:crypto";

import { canonicalJson, type Digest } from "../digest.ts";
import { DroverError } from "../errors.ts";
import type { ReleaseSignature } from "../link/link.ts";
import { releaseEncoding } from "./envelope.ts";
import { idOfKey, type SigningKey } from "./signing-key.ts";

/** What a person says: this content of this application may run there until then. */
export interface Release {
  readonly application: string;
  readonly bundle: Digest;
  /** "" = on every cluster. */
  readonly cluster: string;
  readonly expiresAtMs: number;
}

export function signRelease(release: Release, key: SigningKey): ReleaseSignature {
  const { cluster, expiresAtMs } = release;
  const signature = sign(null, encode(release), key.privateKey).toString("base64");
  return { keyId: key.id, cluster, expiresAtMs, signature };
}

/** Whether a key has signed that a bundle may run on a cluster now. */
export function isReleased(
  { application, bundle, cluster }: Pick<Release, "application" | "bundle" | "cluster">,
  { keyId, ...given }: ReleaseSignature,
  { key, nowMs }: { readonly key: KeyObject; readonly nowMs: number },
): boolean {
  if (keyId !== idOfKey(key) || given.expiresAtMs <= nowMs) return false;
  if (given.cluster !== "" && given.cluster !== cluster) return false;
  const release = { application, bundle, cluster: given.cluster, expiresAtMs: given.expiresAtMs };
  return verify(null, encode(release), key, Buffer.from(given.signature, "base64"));
}

function encode({ application, bundle, cluster, expiresAtMs }: Release): Uint8Array {
  return releaseEncoding(Buffer.from(canonicalJson({ application, bundle, cluster, expiresAtMs })));
}

/** A public key as policies write it: the 32 bytes of an Ed25519 key, base64url. */
export function formatReleaseKey(key: KeyObject): string {
  return key.export({ format: "jwk" }).x ?? "";
}

/** Throws `document_invalid` for what is no such key. */
export function readReleaseKey(text: string): KeyObject {
  try {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: text }, format: "jwk" });
    if (formatReleaseKey(key) === text) return key;
  } catch {
    // Said below.
  }
  throw new DroverError("document_invalid", `"${text.slice(0, 64)}" is no Ed25519 key of 43 characters`, {
    hint: "print one with: drover sign --key FILE --show-key",
  });
}
