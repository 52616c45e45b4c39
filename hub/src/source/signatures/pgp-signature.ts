import * as openpgp from "openpgp";

import type { Signer, Verdict } from "../../core/signers.ts";

/** Later than any revocation, so that all of them count. */
const afterAll = new Date(2 ** 42);

/** Keys of one armored block. Throws what the library throws. */
export async function readPgpKeys(armored: string): Promise<readonly Signer[]> {
  const keys = await openpgp.readKeys({ armoredKeys: armored });
  return keys.map((key) => ({
    name: key.getUserIDs()[0] ?? key.getFingerprint().toUpperCase(),
    fingerprint: fingerprintOf(key),
    key: key.toPublic().armor(),
  }));
}

/**
 * Judges an armored OpenPGP signature of these bytes. The key has to have been valid when the signature says that it was
 * made, and may not have been revoked at any time.
 */
export async function judgePgpSignature(
  text: string,
  payload: Uint8Array,
  signers: readonly Signer[],
): Promise<Verdict> {
  const signature = await openpgp.readSignature({ armoredSignature: text }).catch(() => undefined);
  const [packet, ...more] = signature?.packets ?? [];
  if (signature === undefined || packet === undefined) return bad("it is no OpenPGP signature");
  if (more.length > 0) return bad("it holds more than one");
  const { created, issuerKeyID } = packet;
  if (packet.signatureType !== openpgp.enums.signature.binary || created === null) return bad("it is not for a file");
  const found = await findSigner(issuerKeyID, signers);
  if (found === undefined) return { kind: "unknown-key", fingerprint: issuerOf(packet) };
  const { signer, key } = found;
  const by = { by: signer.name, fingerprint: signer.fingerprint };
  if (await isRevoked(key, issuerKeyID)) return { kind: "unusable-key", ...by, why: "is revoked" };
  try {
    await key.getSigningKey(issuerKeyID, created);
  } catch {
    return { kind: "unusable-key", ...by, why: `was not valid for signing on ${created.toISOString().slice(0, 10)}` };
  }
  const message = await openpgp.createMessage({ binary: payload });
  const checked = { message, signature, verificationKeys: key, date: created, format: "binary" } as const;
  try {
    const { signatures } = await openpgp.verify(checked);
    await signatures[0]?.verified;
    return signatures.length === 1 ? { kind: "signed", ...by } : bad("it is not for this content");
  } catch {
    return bad("it is not for this content");
  }
}

async function findSigner(
  id: openpgp.KeyID,
  signers: readonly Signer[],
): Promise<{ readonly signer: Signer; readonly key: openpgp.Key } | undefined> {
  for (const signer of signers) {
    const key = await openpgp.readKey({ armoredKey: signer.key });
    if (key.getKeys(id).length > 0) return { signer, key };
  }
  return undefined;
}

/** The key as a whole, or the subkey that signed. */
async function isRevoked(key: openpgp.Key, id: openpgp.KeyID): Promise<boolean> {
  if (await key.isRevoked(undefined, undefined, afterAll)) return true;
  const revoked = key.getSubkeys(id).map((subkey) => isSubkeyRevoked(subkey));
  return (await Promise.all(revoked)).includes(true);
}

async function isSubkeyRevoked(subkey: openpgp.Subkey): Promise<boolean> {
  const [binding] = subkey.bindingSignatures;
  return binding !== undefined && subkey.isRevoked(binding, subkey.mainKey.keyPacket, afterAll);
}

function fingerprintOf(key: openpgp.Key): string {
  return `openpgp ${key.getFingerprint().toUpperCase()}`;
}

function issuerOf({ issuerFingerprint, issuerKeyID }: openpgp.SignaturePacket): string {
  const id = issuerFingerprint === null ? issuerKeyID.toHex() : Buffer.from(issuerFingerprint).toString("hex");
  return `openpgp ${id.toUpperCase()}`;
}

function bad(why: string): Verdict {
  return { kind: "bad-signature", why };
}
