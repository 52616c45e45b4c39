import type { Digest } from "@drover/shared/digest";

import type { Credential } from "../web/credential.ts";
import type { Networks } from "../web/networks.ts";

export interface ResolveOptions {
  readonly credential: Credential | undefined;
  readonly networks: Networks;
  /** Aborts when looking and fetching have taken too long. */
  readonly deadline: AbortSignal;
  readonly signal: AbortSignal;
}

/** What a reference to a package names now. */
export interface Resolved {
  /** As it was published; of an artifact its tag, "" when it was named by its digest. */
  readonly version: string;
  /** What tells it from another of the same version; undefined where only the content does. */
  readonly digest: Digest | undefined;
  /** Of the archive; undefined where nobody says it. */
  readonly content: Digest | undefined;
  /** The archive; not checked yet. Throws `input_too_large` and what the look itself throws. */
  download(maxBytes: number): Promise<Uint8Array>;
}
