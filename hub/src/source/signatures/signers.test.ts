import * as openpgp from "openpgp";
import { expect, test } from "vitest";

import { makePgpKey, makeSshKey } from "./signatures.fixture.ts";
import { readSigners } from "./signers.ts";

const { line } = makeSshKey("ed25519");

test("reads keys of OpenPGP and SSH from one text, each once", async () => {
  const [ada, eve] = await Promise.all([makePgpKey(), makePgpKey()]);
  const armored = [ada, eve].map((key) => key.toPublic().armor());
  const signers = await readSigners([`# the team\n${armored.join("\n")}\n${line} bob\n`, line]);
  expect(signers.map(({ fingerprint }) => fingerprint.split(" ")[0])).toEqual(["openpgp", "openpgp", "ssh-ed25519"]);
});

test("reads a ring of several keys in one block", async () => {
  const keys = await Promise.all([makePgpKey(), makePgpKey()]);
  const ring = Buffer.concat(keys.map((key) => Buffer.from(key.toPublic().write())));
  const armored = openpgp.armor(openpgp.enums.armor.publicKey, ring);
  expect(await readSigners([armored])).toHaveLength(2);
});

test.each([
  [line, /^ssh-ed25519 SHA256:/u],
  [`${line} bob at home`, /^bob at home$/u],
  [`bob@drover.dev,b ${line}`, /^bob@drover\.dev,b$/u],
  [`* namespaces="git" ${line} c`, /^\*$/u],
  [`bob namespaces="file,git" ${line}`, /^bob$/u],
])("names the signer of %s", async (text, name) => {
  expect(await readSigners([text])).toMatchObject([{ name: expect.stringMatching(name), key: line }]);
});

test.each([
  ["nothing", "", "holds no public key"],
  ["words", "hello world", "no public key of a kind"],
  ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0", "holds a private key"],
  ["an OpenPGP private key", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nc2VjcmV0", "holds a private key"],
  [
    "a broken OpenPGP key",
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nc2VjcmV0\n-----END PGP PUBLIC KEY BLOCK-----",
    "cannot be read",
  ],
  ["an authority", `bob cert-authority ${line}`, "another option"],
  ["a key for files", `bob namespaces="file" ${line}`, "another option"],
  ["a key for a time", `bob valid-before="20260101" ${line}`, "another option"],
  ["a key of DSA", "ssh-dss AAAAB3NzaC1kc3M=", "no public key of a kind"],
  ["a weak key", makeSshKey("rsa-1024").line, "no public key of a kind"],
  [
    "a point off its curve",
    `ssh-ed25519 ${Buffer.from("\0\0\0\x0bssh-ed25519\0\0\0\x01x").toString("base64")}`,
    "no public key of a kind",
  ],
  ["100,000 characters", "a".repeat(100_000), "longer than"],
  ["a line of 60,000 blanks", `ssh-ed25519${" ".repeat(60_000)}x`, "no public key of a kind"],
  ["a line of 60,000 equals signs", `a ${"=".repeat(60_000)}`, "no public key of a kind"],
  ["1,500 beginnings of a key", "-----BEGIN PGP PUBLIC KEY BLOCK-----".repeat(1500), "no public key of a kind"],
  ["70 keys", Array.from({ length: 70 }, () => makeSshKey("ed25519").line).join("\n"), "more than 64"],
])("refuses %s, and quotes nothing of it", async (_what, text, why) => {
  const error: unknown = await readSigners([text]).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: "usage", message: expect.stringContaining(why) });
  expect(JSON.stringify(error)).not.toContain("c2VjcmV0");
});
