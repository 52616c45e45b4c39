import { shortRevision } from "@drover/shared/api/revision";

/** Somebody whose signature a source accepts. */
export interface Signer {
  readonly name: string;
  /** As people compare it: `ssh-ed25519 SHA256:…`, or `openpgp` and the fingerprint of the primary key. */
  readonly fingerprint: string;
  /** An armored OpenPGP key, or `ssh-ed25519 AAAA…`. */
  readonly key: string;
}

/** What a signature is worth to a list of signers. */
export type Verdict =
  | { readonly kind: "signed"; readonly by: string; readonly fingerprint: string }
  | { readonly kind: "unsigned" }
  | { readonly kind: "unknown-key"; readonly fingerprint: string }
  /** Of a signer, but it may not sign: it is revoked, or it was not valid when it says that it signed. */
  | { readonly kind: "unusable-key"; readonly by: string; readonly fingerprint: string; readonly why: string }
  | { readonly kind: "bad-signature"; readonly why: string };

/** Of a commit and of the tag that was read, one signature is enough; without any, the one that says most is told. */
export function weigh(verdicts: readonly Verdict[]): Verdict {
  const signed = verdicts.find(({ kind }) => kind === "signed");
  return signed ?? verdicts.find(({ kind }) => kind !== "unsigned") ?? { kind: "unsigned" };
}

/** The stable code of a commit that is not accepted; undefined for one that is. */
export function refusalOf({ kind }: Verdict): "commit_unsigned" | "commit_untrusted" | undefined {
  if (kind === "signed") return undefined;
  return kind === "unsigned" ? "commit_unsigned" : "commit_untrusted";
}

/** What is said of a commit, and what becomes of it. */
export function explainVerdict(verdict: Verdict, commit: string, standing: string): string {
  const said = `commit ${shortRevision(commit)} ${explain(verdict)}`;
  if (verdict.kind === "signed") return said;
  const rest = standing === "" ? "nothing is read before a signed one comes" : `${standing} stays in force`;
  return `${said}; ${rest}`;
}

function explain(verdict: Verdict): string {
  switch (verdict.kind) {
    case "signed":
      return `is signed by ${verdict.by} (${verdict.fingerprint})`;
    case "unsigned":
      return "is not signed";
    case "unknown-key":
      return `is signed with the key ${verdict.fingerprint}, which is none of the source's signers`;
    case "unusable-key":
      return `is signed with a key of ${verdict.by} (${verdict.fingerprint}) that ${verdict.why}`;
    case "bad-signature":
      return `has a bad signature: ${verdict.why}`;
  }
}
