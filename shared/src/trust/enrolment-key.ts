import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";

/** That the sender of a request for a certificate has a key, told with a nonce that the hub gave out. */
export interface Proof {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly nonce: Uint8Array;
  readonly signature: Uint8Array;
}

const domain = "drover-enrolment-v1\n";
const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");

/**
 * The key that an agent makes before its first join and keeps: it proves who comes back when no certificate can. PKCS#8,
 * PEM; never leaves the cluster.
 */
export function createEnrolmentKey(): string {
  return generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** Proves a key to the hub that gave out the nonce, for this request alone. */
export function proveEnrolmentKey(privateKey: string, nonce: Uint8Array, csr: Uint8Array): Proof {
  const key = createPrivateKey(privateKey);
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  return { publicKey: spki.subarray(spkiPrefix.byteLength), nonce, signature: sign(null, statement(nonce, csr), key) };
}

/** Whether the proof is of its key and for this request. The caller knows whether its nonce is good. */
export function isProven({ publicKey, nonce, signature }: Proof, csr: Uint8Array): boolean {
  if (publicKey.byteLength !== 32 || signature.byteLength !== 64) return false;
  const key = createPublicKey({ key: Buffer.concat([spkiPrefix, publicKey]), format: "der", type: "spki" });
  return verify(null, statement(nonce, csr), key, signature);
}

function statement(nonce: Uint8Array, csr: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(domain), nonce, createHash("sha256").update(csr).digest()]);
}
