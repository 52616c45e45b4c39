import * as openpgp from "openpgp";
import { beforeAll, describe, expect, test } from "vitest";

import type { Signer, Verdict } from "../../core/signers.ts";
import type { RawObject } from "../git/git-objects.ts";
import { judgeCommit } from "./commit-signature.ts";
import {
  armorSsh,
  commitPayload,
  commitWith,
  expiring,
  idOf,
  makePgpKey,
  makeSshKey,
  objectsOf,
  pgpSigner,
  revoked,
  signedCommit,
  sshSigner,
  tagOf,
  type SshKey,
} from "./signatures.fixture.ts";
import { readSigners } from "./signers.ts";

let ada: openpgp.PrivateKey;
let eve: openpgp.PrivateKey;
let key: SshKey;
let stranger: SshKey;
let signers: readonly Signer[];

beforeAll(async () => {
  [ada, eve] = await Promise.all([makePgpKey(), makePgpKey()]);
  key = makeSshKey("ed25519");
  stranger = makeSshKey("ed25519");
  signers = await readSigners([ada.toPublic().armor(), `bob@drover.dev ${key.line}`]);
});

const judge = (commit: RawObject, by = signers): Promise<Verdict> =>
  judgeCommit(objectsOf([commit]), { id: idOf(commit) }, by);
const bad = (why: string) => ({ kind: "bad-signature", why: expect.stringContaining(why) as string });

describe("a commit", () => {
  test("that a signer's OpenPGP key signed is signed by that one", async () => {
    expect(await judge(await signedCommit(pgpSigner(ada)))).toEqual({
      kind: "signed",
      by: "Ada <ada@drover.dev>",
      fingerprint: `openpgp ${ada.getFingerprint().toUpperCase()}`,
    });
  });

  test.each(["ed25519", "ecdsa", "rsa"] as const)("that a signer's SSH key of %s signed is", async (kind) => {
    const own = makeSshKey(kind);
    const by = await readSigners([`${own.line} bob`]);
    expect(await judge(await signedCommit(sshSigner(own)), by)).toMatchObject({ kind: "signed", by: "bob" });
    const shorter = sshSigner(own, { hash: "sha256", digest: "sha256" });
    expect(await judge(await signedCommit(shorter), by)).toMatchObject({ kind: "signed" });
  });

  test("without a signature is unsigned, whatever its message says", async () => {
    expect(await judge({ type: "commit", bytes: commitPayload })).toEqual({ kind: "unsigned" });
  });

  test("of a stranger shows the stranger's key", async () => {
    expect(await judge(await signedCommit(pgpSigner(eve)))).toEqual({
      kind: "unknown-key",
      fingerprint: `openpgp ${eve.getFingerprint().toUpperCase()}`,
    });
    const verdict = await judge(await signedCommit(sshSigner(stranger)));
    expect(verdict).toMatchObject({ kind: "unknown-key", fingerprint: expect.stringMatching(/^ssh-ed25519 SHA256:/u) });
  });

  test("with a signature that is for another one is bad", async () => {
    for (const sign of [pgpSigner(ada), sshSigner(key)]) {
      expect(await judge(commitWith(await sign(Buffer.from("other"))))).toEqual(bad("not for this content"));
    }
  });

  test("signed twice is bad, though both are good", async () => {
    const signature = await pgpSigner(ada)(commitPayload);
    expect(await judge(commitWith(signature, signature))).toEqual(bad("more than one"));
  });

  test("keeps its signature when a twin in SHA-256 has one too", async () => {
    const signed = await signedCommit(sshSigner(key));
    const text = Buffer.from(signed.bytes).toString().replace("gpgsig ", "gpgsig-sha256 -----BEGIN\n junk\ngpgsig ");
    expect(await judge({ type: "commit", bytes: Buffer.from(text) })).toMatchObject({ kind: "signed" });
  });

  test("whose content is not what its id says is not looked at", async () => {
    const signed = await signedCommit(sshSigner(key));
    const id = "2".repeat(40);
    expect(await judgeCommit(objectsOf([signed], [id]), { id }, signers)).toEqual(bad("not what its id says"));
  });
});

describe("the key of an OpenPGP signature", () => {
  test("may expire later", async () => {
    const by = await readSigners([(await expiring(ada, new Date("2026-04-01"))).armor()]);
    expect(await judge(await signedCommit(pgpSigner(ada)), by)).toMatchObject({ kind: "signed" });
  });

  test("may not have expired, nor be younger than the signature", async () => {
    const by = await readSigners([(await expiring(ada, new Date("2026-02-01"))).armor()]);
    const why = "was not valid for signing on 2026-03-01";
    expect(await judge(await signedCommit(pgpSigner(ada)), by)).toMatchObject({ kind: "unusable-key", why });
  });

  test.each(["keyRetired", "keyCompromised"] as const)("may not be revoked, now or later: %s", async (reason) => {
    const by = await readSigners([(await revoked(ada, openpgp.enums.reasonForRevocation[reason])).armor()]);
    expect(await judge(await signedCommit(pgpSigner(ada)), by)).toMatchObject({
      kind: "unusable-key",
      why: "is revoked",
    });
  });
});

test("a subkey signs for its key until it is revoked", async () => {
  const whole = await makePgpKey([{ sign: true, type: "curve25519" }]);
  const commit = await signedCommit(pgpSigner(whole));
  expect(await judge(commit, await readSigners([whole.toPublic().armor()]))).toMatchObject({ kind: "signed" });
  const [subkey] = whole.subkeys;
  const gone = await subkey?.revoke(whole.keyPacket as openpgp.SecretKeyPacket, undefined, new Date("2026-06-01"));
  if (gone !== undefined) whole.subkeys.splice(0, 1, gone);
  expect(await judge(commit, await readSigners([whole.toPublic().armor()]))).toMatchObject({ why: "is revoked" });
});

describe("an SSH signature", () => {
  test.each([
    ["for files", { namespace: "file" }, "another purpose"],
    ["for no purpose", { namespace: "" }, "another purpose"],
    ["over a hash of MD5", { hash: "md5" }, "neither with SHA-256"],
    ["with something behind it", { rest: "x" }, "no SSH signature"],
  ] as const)("%s is bad", async (_what, how, why) => {
    expect(await judge(await signedCommit(sshSigner(key, how)))).toEqual(bad(why.replace("neither with", "neither")));
  });

  test("of an RSA key with SHA-1 is bad", async () => {
    const rsa = makeSshKey("rsa");
    const commit = await signedCommit(sshSigner(rsa, { digest: "sha1" }));
    expect(await judge(commit, await readSigners([rsa.line]))).toEqual(bad("algorithm is not accepted"));
  });
});

describe("an annotated tag", () => {
  const unsigned: RawObject = { type: "commit", bytes: commitPayload };
  const judgeTag = (commit: RawObject, ...tags: readonly RawObject[]): Promise<Verdict> =>
    judgeCommit(objectsOf([commit, ...tags]), { id: idOf(commit), tag: idOf(tags[0] ?? commit) }, signers);

  test.each(["OpenPGP", "SSH"])("that is signed with %s stands for its commit", async (kind) => {
    const sign = kind === "SSH" ? sshSigner(key) : pgpSigner(ada);
    expect(await judgeTag(unsigned, await tagOf(unsigned, sign))).toMatchObject({ kind: "signed" });
    const inner = await tagOf(unsigned);
    expect(await judgeTag(unsigned, await tagOf(inner, sign), inner)).toMatchObject({ kind: "signed" });
  });

  test("without a signature leaves it to the commit", async () => {
    expect(await judgeTag(unsigned, await tagOf(unsigned))).toEqual({ kind: "unsigned" });
    const commit = await signedCommit(sshSigner(key));
    expect(await judgeTag(commit, await tagOf(commit, sshSigner(stranger)))).toMatchObject({ kind: "signed" });
  });

  test("of another commit proves nothing, whatever a server says", async () => {
    const tag = await tagOf(await signedCommit(sshSigner(stranger)), sshSigner(key));
    const objects = objectsOf([unsigned, tag, await signedCommit(sshSigner(stranger))]);
    const verdict = await judgeCommit(objects, { id: idOf(unsigned), tag: idOf(tag) }, signers);
    expect(verdict).toEqual(bad("not one of this commit"));
  });

  test("of a megabyte of lines that begin no signature is unsigned", async () => {
    const tag = await tagOf(unsigned, () => "-\n".repeat(500_000));
    expect(await judgeTag(unsigned, tag)).toEqual({ kind: "unsigned" });
  });

  test("signs with its last signature, and with nothing before it", async () => {
    const first = await tagOf(unsigned, sshSigner(key));
    const twice = Buffer.concat([first.bytes, Buffer.from(sshSigner(stranger)(first.bytes))]);
    expect(await judgeTag(unsigned, { type: "tag", bytes: twice })).toMatchObject({ kind: "unknown-key" });
  });
});

describe("a hostile signature", () => {
  test.each<[string, () => string | Promise<string>, string]>([
    ["of a megabyte", () => `-----BEGIN PGP SIGNATURE-----\n${"A".repeat(900_000)}`, "too long"],
    [
      "of junk in armor",
      () => `-----BEGIN PGP SIGNATURE-----\n\n${"AAAA".repeat(3000)}\n-----END PGP SIGNATURE-----`,
      "no OpenPGP",
    ],
    ["that never ends", () => "-----BEGIN PGP SIGNATURE-----", "no OpenPGP"],
    ["of an SSH without an end", () => "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH", "no SSH"],
    ["of lengths beyond it", () => armorSsh(Buffer.from("SSHSIG\0\0\0\x01\xff\xff\xff\xff", "latin1")), "no SSH"],
    ["of another version", () => armorSsh(Buffer.from("SSHSIG\0\0\0\x02")), "no SSH"],
    ["that is a message", () => "-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----", "neither of OpenPGP"],
    ["of X.509", () => "-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----", "neither of OpenPGP"],
    ["that is empty", () => "", "neither of OpenPGP"],
    ["that is a key", () => ada.toPublic().armor().replaceAll("PUBLIC KEY BLOCK", "SIGNATURE"), "no OpenPGP"],
    ["of forty packets", () => manyPackets(40), "more than one"],
  ])("%s is refused", async (_what, text, why) => {
    expect(await judge(commitWith(await text()))).toEqual(bad(why));
  });

  test("in a commit of more than a megabyte is not read", async () => {
    const { bytes } = await signedCommit(sshSigner(key));
    const large = { type: "commit", bytes: Buffer.concat([bytes, Buffer.alloc(1024 * 1024, "a")]) };
    expect(await judge(large)).toEqual(bad("too large"));
  });

  async function manyPackets(count: number): Promise<string> {
    const one = (await openpgp.readSignature({ armoredSignature: await pgpSigner(ada)(commitPayload) })).write();
    const all = Buffer.concat(Array.from({ length: count }, () => Buffer.from(one as Uint8Array)));
    return (await openpgp.readSignature({ binarySignature: all })).armor();
  }
});
