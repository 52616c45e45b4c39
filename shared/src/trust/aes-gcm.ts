import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from "node:crypto";

type Key = KeyObject | Uint8Array;

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Nonce, tag and ciphertext. What is opened under another `context` than it was sealed under does not open, so that nothing
 * can be put in the place of something else. Nonces are random: a key is good for 2^32 messages (NIST SP 800-38D, 8.3).
 */
export function sealBytes(key: Key, bytes: Uint8Array, context = ""): Uint8Array {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce);
  cipher.setAAD(Buffer.from(context));
  const sealed = [cipher.update(bytes), cipher.final()];
  return Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]);
}

/** Undefined for what was sealed with another key or under another context, and for what was changed since. */
export function openBytes(key: Key, sealed: Uint8Array, context = ""): Uint8Array | undefined {
  if (sealed.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
  const { buffer, byteOffset, length } = decipher.update(sealed.subarray(nonceBytes + tagBytes));
  try {
    decipher.final();
    return new Uint8Array(buffer, byteOffset, length);
  } catch {
    return undefined;
  }
}
