import { DroverError } from "@drover/shared/errors";

import type { Signer } from "../../core/signers.ts";
import { describeKey, readPublicKey } from "../ssh/ssh-keys.ts";
import { readPgpKeys } from "./pgp-signature.ts";
import { verifyingKey } from "./ssh-signature.ts";

/** Of one text, and of all texts together. */
const maxTextLength = 65_536;
const maxSigners = 64;
const pgpBlock = /-----BEGIN PGP PUBLIC KEY BLOCK-----[^]*?-----END PGP PUBLIC KEY BLOCK-----/gu;

/**
 * Reads whose signatures are accepted, as people and Git write it: armored OpenPGP keys, public keys of SSH and lines of
 * allowed_signers, several in one text. A key counts once. Throws `usage`, without quoting.
 */
export async function readSigners(texts: readonly string[]): Promise<readonly Signer[]> {
  const signers = new Map<string, Signer>();
  for (const text of texts) {
    const found = await readText(text);
    if (found.length === 0) throw new DroverError("usage", "a text of signers holds no public key", { hint: howTo });
    for (const signer of found) signers.set(signer.fingerprint, signer);
    if (signers.size > maxSigners) throw new DroverError("usage", `there are more than ${maxSigners} signers`);
  }
  return [...signers.values()];
}

const howTo = "give what gpg --armor --export-options export-minimal --export KEY prints, or a public key of SSH";

async function readText(text: string): Promise<readonly Signer[]> {
  if (text.length > maxTextLength) {
    throw new DroverError("usage", `a text of signers is longer than ${maxTextLength} characters`, { hint: howTo });
  }
  if (text.includes("PRIVATE KEY")) {
    throw new DroverError("usage", "a text of signers holds a private key, which others may have seen by now", {
      hint: `${howTo}; do not use that private key any more`,
    });
  }
  const blocks = text.match(pgpBlock) ?? [];
  const lines = text.replaceAll(pgpBlock, "").split("\n");
  const inBlocks = await Promise.all(blocks.map((block) => readBlock(block)));
  const inLines = lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  return [...inBlocks.flat(), ...inLines.map((line) => readLine(line))].map((signer) => ({
    ...signer,
    name: signer.name.replaceAll(/\p{Cc}/gu, " ").slice(0, 200),
  }));
}

async function readBlock(block: string): Promise<readonly Signer[]> {
  try {
    return await readPgpKeys(block);
  } catch (cause) {
    throw new DroverError("usage", "an OpenPGP key of the signers cannot be read", { hint: howTo, cause });
  }
}

/** `ssh-ed25519 AAAA… comment`, or with names in front and `namespaces="git"` as the only option. */
function readLine(line: string): Signer {
  const words = line.split(/\s+/u);
  const start = words.findIndex((word) => /^(?:ssh|ecdsa)-/u.test(word));
  const [names = "", ...options] = words.slice(0, Math.max(start, 0));
  const key = readPublicKey(words.slice(start, start + 2).join(" "));
  if (key === undefined || verifyingKey(key) === undefined) {
    throw new DroverError("usage", "a line of the signers holds no public key of a kind that is accepted", {
      hint: "give ssh-ed25519, ecdsa-sha2-nistp256, -384 or -521, or ssh-rsa of 2048 bits or more",
    });
  }
  if (options.some((option) => !/^namespaces="(?:[^"]*,)?git(?:,[^"]*)?"$/iu.test(option))) {
    throw new DroverError("usage", 'a line of the signers has another option than namespaces="git"', {
      hint: "write the names and the key alone",
    });
  }
  const comment = words.slice(start + 2).join(" ");
  return { name: names || comment || describeKey(key), fingerprint: describeKey(key), key };
}
