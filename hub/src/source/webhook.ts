import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

import type { Forge } from "@drover/shared/api/webhook";

/** How a source is told of pushes. */
export interface Webhook {
  /**
   * Who sends. One secret is for one form of proof: a captured delivery of one form may hold what passes for a proof of
   * another, so the sender never chooses.
   */
  readonly forge: Forge;
  readonly secret: string;
}

export function newWebhookSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** Headers by lower-case name, as Node has them. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** `late`: the sender's clock says more than `maxAgeMs` from ours, or somebody sends again what was sent before. */
export type Verdict = "proved" | "unsigned" | "wrong" | "late";

/** A delivery that is being received. Nothing of its body is kept or parsed: it only has to be the one that was signed. */
export interface Proof {
  take(chunk: Uint8Array): void;
  verdict(): Verdict;
}

/** How far the time in a generic delivery may be from ours. */
const maxAgeMs = 5 * 60_000;

/** The header that proves who sends, in lower case. Forgejo sends Gitea's, too; both Bitbuckets send the same. */
export const proofHeaders: Readonly<Record<Forge, string>> = {
  github: "x-hub-signature-256",
  gitlab: "x-gitlab-token",
  gitea: "x-gitea-signature",
  bitbucket: "x-hub-signature",
  generic: "x-drover-signature",
};

/** Stands for every source that has no webhook: it costs the same time, and nobody knows its secret. */
const nobody: Webhook = { forge: "generic", secret: newWebhookSecret() };

/** Begins to check a delivery; undefined is a source without a webhook. */
export function beginProof(webhook: Webhook | undefined, headers: Headers, nowMs: number): Proof {
  const { forge, secret } = webhook ?? nobody;
  const header = headers[proofHeaders[forge]];
  const claim = typeof header === "string" ? readClaim(forge, header) : undefined;
  const hmac = createHmac("sha256", secret).update(claim?.signedBefore ?? "");
  return {
    take: (chunk) => void hmac.update(chunk),
    verdict() {
      const signature = hmac.digest();
      // GitLab sends the secret itself; as digests the two are of one length.
      const wanted = forge === "gitlab" ? sha256(secret) : signature;
      const matches = timingSafeEqual(wanted, claim?.digest ?? Buffer.alloc(32));
      if (header === undefined) return "unsigned";
      if (claim === undefined || !matches) return "wrong";
      return claim.sentMs !== undefined && Math.abs(nowMs - claim.sentMs) > maxAgeMs ? "late" : "proved";
    },
  };
}

interface Claim {
  readonly digest: Buffer;
  /** Is signed as if it came before the body. */
  readonly signedBefore?: string;
  readonly sentMs?: number;
}

/** Undefined for what no forge would send. */
function readClaim(forge: Forge, header: string): Claim | undefined {
  if (forge === "gitlab") return { digest: sha256(header) };
  const { seconds, hex } = claimForms[forge].exec(header)?.groups ?? {};
  if (hex === undefined) return undefined;
  const digest = Buffer.from(hex, "hex");
  return seconds === undefined ? { digest } : { digest, signedBefore: `${seconds}.`, sentMs: Number(seconds) * 1000 };
}

const claimForms: Readonly<Record<Exclude<Forge, "gitlab">, RegExp>> = {
  github: /^sha256=(?<hex>[0-9a-f]{64})$/u,
  gitea: /^(?<hex>[0-9a-f]{64})$/u,
  bitbucket: /^sha256=(?<hex>[0-9a-f]{64})$/u,
  generic: /^t=(?<seconds>\d{1,12}),v1=(?<hex>[0-9a-f]{64})$/u,
};

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
