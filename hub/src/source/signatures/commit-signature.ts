import { createHash } from "node:crypto";

import { splitCommit, splitTag, taggedObject, type SignedObject } from "../../core/signed-object.ts";
import { weigh, type Signer, type Verdict } from "../../core/signers.ts";
import type { GitObjects, RawObject } from "../git/git-objects.ts";
import { judgePgpSignature } from "./pgp-signature.ts";
import { judgeSshSignature } from "./ssh-signature.ts";

/** Commits and tags with more are not signed by people. */
const maxObjectBytes = 1024 * 1024;
const maxSignatureLength = 16_384;
/** A tag may name a tag. */
const maxTags = 5;

/** What the signatures of a commit, and of the annotated tag by which it was found, are worth to these signers. */
export async function judgeCommit(
  objects: Pick<GitObjects, "readRaw">,
  { id, tag }: { readonly id: string; readonly tag?: string },
  signers: readonly Signer[],
): Promise<Verdict> {
  const read = async (oid: string): Promise<RawObject | undefined> => {
    const object = await objects.readRaw(oid);
    return object.bytes.length <= maxObjectBytes && idOf(object) === oid ? object : undefined;
  };
  const commit = await read(id);
  if (commit?.type !== "commit")
    return { kind: "bad-signature", why: "the commit is too large or not what its id says" };
  const ofCommit = await judge(splitCommit(commit.bytes), signers);
  if (ofCommit.kind === "signed" || tag === undefined) return ofCommit;
  return weigh([await judgeTag(read, { id, tag }, signers), ofCommit]);
}

/** A server says which commit a tag is about: that is looked up in the tag, which is what was signed. */
async function judgeTag(
  read: (oid: string) => Promise<RawObject | undefined>,
  { id, tag }: { readonly id: string; readonly tag: string },
  signers: readonly Signer[],
): Promise<Verdict> {
  const stranger = { kind: "bad-signature", why: "the tag is not one of this commit" } as const;
  const outer = await read(tag);
  if (outer === undefined) return stranger;
  let next: RawObject | undefined = outer;
  for (let depth = 0; depth < maxTags && next?.type === "tag"; depth += 1) {
    const target = taggedObject(next.bytes);
    if (target === id) return judge(splitTag(outer.bytes), signers);
    next = target === undefined ? undefined : await read(target);
  }
  return stranger;
}

/** Judges what was signed, by the one signature that it has. */
export async function judge({ payload, signatures }: SignedObject, signers: readonly Signer[]): Promise<Verdict> {
  const [signature, ...more] = signatures;
  if (signature === undefined) return { kind: "unsigned" };
  if (more.length > 0) return { kind: "bad-signature", why: "there is more than one" };
  if (signature.length > maxSignatureLength) return { kind: "bad-signature", why: "it is too long" };
  if (signature.startsWith("-----BEGIN SSH SIGNATURE-----"))
    return judgeSshSignature(signature, payload, ofKind("ssh"));
  if (signature.startsWith("-----BEGIN PGP SIGNATURE-----"))
    return judgePgpSignature(signature, payload, ofKind("pgp"));
  return { kind: "bad-signature", why: "it is neither of OpenPGP nor of SSH" };

  function ofKind(kind: "pgp" | "ssh"): readonly Signer[] {
    return signers.filter(({ key }) => key.startsWith("-----BEGIN PGP") === (kind === "pgp"));
  }
}

function idOf({ type, bytes }: RawObject): string {
  return createHash("sha1").update(`${type} ${bytes.length}\0`).update(bytes).digest("hex");
}
