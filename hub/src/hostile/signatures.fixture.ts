import type { RawObject } from "../source/git/git-objects.ts";
import { inputs, type HostileInput } from "./corpus.fixture.ts";

const begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const end = "-----END PGP PUBLIC KEY BLOCK-----";
const sshKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPvvCGlvmfS2eSf3XPqcIDq69CaGeVhBOQqYeqWKhzrZ";
const block = (bytes: string | Buffer): string => `${begin}\n\n${Buffer.from(bytes).toString("base64")}\n${end}`;

/** What somebody gives as keys whose signatures are to be accepted. */
export const signerInputs: readonly HostileInput[] = inputs([
  ["nothing", "", "usage"],
  ["a comment alone", "# nothing", "usage"],
  ["a word", "bob", "usage"],
  ["a kind alone", "ssh-ed25519", "usage"],
  ["a kind and junk", "ssh-ed25519 !!!!", "usage"],
  ["a kind that its key is not", sshKey.replace("ssh-ed25519", "ssh-rsa"), "usage"],
  ["a key of a token", "sk-ssh-ed25519@openssh.com AAAA", "usage"],
  ["a certificate", "ssh-ed25519-cert-v01@openssh.com AAAA", "usage"],
  ["an authority", `* cert-authority ${sshKey}`, "usage"],
  ["a key for other purposes", `* namespaces="file" ${sshKey}`, "usage"],
  ["a pattern of purposes", `* namespaces="*" ${sshKey}`, "usage"],
  ["two names", `a b ${sshKey}`, "usage"],
  ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----", "usage"],
  ["a private key behind a public one", `${sshKey}\n-----BEGIN PGP PRIVATE KEY BLOCK-----`, "usage"],
  ["a name with control characters", `a\u001b[2Jb ${sshKey}`, "accepted"],
  ["1,800 beginnings of a key", begin.repeat(1800), "usage"],
  ["an empty block", `${begin}\n\n${end}`, "usage"],
  ["a block of junk", block("junk".repeat(5000)), "usage"],
  ["a block of zeros", block(Buffer.alloc(40_000)), "usage"],
  ["a block of a length beyond it", block(Buffer.from("99ffffffff", "hex")), "usage"],
  ["a block of lengths in parts without end", block(Buffer.alloc(40_000, Buffer.from("99fe", "hex"))), "usage"],
  ["a block of compressed junk", block(Buffer.from("a301ffffffff", "hex")), "usage"],
  ["a block of user names", block(Buffer.alloc(40_000, Buffer.from("b40161", "hex"))), "usage"],
  ["a text of a million characters", "a".repeat(1_000_000), "usage"],
  ["blanks without end", `${sshKey.slice(0, 20)}${" ".repeat(60_000)}x`, "usage"],
  ["equals signs without end", `a ${"=".repeat(60_000)}`, "usage"],
  ["quotes without end", `a namespaces=${'"git,'.repeat(12_000)} ${sshKey}`, "usage"],
  ["lines without end", "\n".repeat(60_000), "usage"],
]);

const header = `tree ${"1".repeat(40)}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n`;
const commit = (more: string, message = "x"): RawObject => ({
  type: "commit",
  bytes: Buffer.from(`${header}${more}\n${message}\n`),
});
const armored = (kind: string, lines: string): string =>
  `gpgsig -----BEGIN ${kind} SIGNATURE-----\n \n${lines} -----END ${kind} SIGNATURE-----\n`;

/** Objects that a server says are commits, read by a source whose commits have to be signed. */
export const signatureInputs: readonly HostileInput<RawObject>[] = inputs<RawObject>([
  ["no signature", commit(""), "commit_unsigned"],
  ["a signature in the message", commit("", armored("PGP", " AAAA\n")), "commit_unsigned"],
  ["a header without a value", commit("gpgsig\n"), "commit_unsigned"],
  ["another header of that kind", commit("gpgsig-x -----BEGIN PGP SIGNATURE-----\n"), "commit_unsigned"],
  [
    "a signature for SHA-256 alone",
    commit(armored("PGP", " AAAA\n").replace("gpgsig", "gpgsig-sha256")),
    "commit_unsigned",
  ],
  [
    "a signature within another header",
    commit("mergetag object\n gpgsig -----BEGIN PGP SIGNATURE-----\n"),
    "commit_unsigned",
  ],
  ["a file", { type: "blob", bytes: Buffer.from(`${header}\n`) }, "commit_untrusted"],
  ["a tag of itself", { type: "tag", bytes: Buffer.from(`object ${"1".repeat(40)}\n`) }, "commit_untrusted"],
  ["nothing at all", { type: "commit", bytes: Buffer.alloc(0) }, "commit_unsigned"],
  ["two signatures", commit(armored("PGP", " AAAA\n").repeat(2)), "commit_untrusted"],
  ["20,000 signatures", commit("gpgsig x\n".repeat(20_000)), "commit_untrusted"],
  ["a signature of junk", commit(armored("PGP", " AAAA\n".repeat(2000))), "commit_untrusted"],
  ["a signature of half a megabyte", commit(armored("PGP", " AAAA\n".repeat(80_000))), "commit_untrusted"],
  ["an SSH signature of junk", commit(armored("SSH", " AAAA\n".repeat(2000))), "commit_untrusted"],
  ["a signature of X.509", commit("gpgsig -----BEGIN SIGNED MESSAGE-----\n"), "commit_untrusted"],
  ["headers without end", commit("a\n".repeat(500_000)), "commit_unsigned"],
  ["a header without an end", { type: "commit", bytes: Buffer.alloc(1_000_000, "a") }, "commit_unsigned"],
  ["lines that go on without end", commit(" a\n".repeat(300_000)), "commit_unsigned"],
  ["two megabytes", commit("", "a".repeat(2_000_000)), "commit_untrusted"],
]);
