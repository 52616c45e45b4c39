import type { SignTarget } from "@drover/shared/api/types";
import { encodeBundle } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";
import { formatReleaseKey, signRelease, type Release } from "@drover/shared/trust/release";
import { readSigningKey } from "@drover/shared/trust/signing-key";

import type { Project } from "./project.ts";
import { renderTarget } from "./render-target.ts";

/** A person with a key, away from any hub. */
export interface Signer {
  readonly keyId: string;
  /** As policies of clusters write it. */
  readonly publicKey: string;
  sign(release: Release): SignTarget;
}

/** Reads an Ed25519 private key in PEM. Throws `config_invalid` for anything else, without quoting it. */
export function openSigner(file: string, pem: string): Signer {
  const key = readSigningKey(file, pem);
  return {
    keyId: key.id,
    publicKey: formatReleaseKey(key.publicKey),
    sign: (release) => ({ bundle: release.bundle, ...signRelease(release, key) }),
  };
}

/** Digest of what the files of a folder come to on a cluster. Throws `not_found`. */
export function bundleOf(project: Project, target: { readonly app: string; readonly cluster: string }): Digest {
  return encodeBundle(renderTarget(project, target).objects).bundle.digest;
}
