import { createPrivateKey, webcrypto, X509Certificate } from "node:crypto";

import { DroverError } from "../errors.ts";
import type { EnrollResponse } from "../link/link.ts";
import { clusterOf, type Validity, validityOf } from "./certificate.ts";
import { readVerifyKey, type VerifyKeys } from "./signing-key.ts";

/** What an enrolled agent is and trusts. */
export interface Identity extends EnrollResponse {
  /** PKCS#8, PEM. */
  readonly privateKey: string;
}

/** A new key of an agent, and the request for its certificate. */
export interface KeyRequest {
  /** PKCS#8, PEM. */
  readonly privateKey: string;
  /** PKCS#10, DER. It names nobody: the hub writes every name. */
  readonly csr: Uint8Array;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

export async function createKeyRequest(): Promise<KeyRequest> {
  // Loaded when needed: an agent needs it once in twelve hours, and would otherwise carry it in memory for ever.
  await import("reflect-metadata");
  const { PemConverter, Pkcs10CertificateRequestGenerator } = await import("@peculiar/x509");
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create(
    { keys, signingAlgorithm: algorithm, name: "CN=drover-agent" },
    webcrypto,
  );
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { privateKey: PemConverter.encode(pkcs8, "PRIVATE KEY"), csr: new Uint8Array(request.rawData) };
}

/**
 * An identity from the parts that a hub answered with. Throws `signature_invalid` when they do not belong together: a
 * certificate of another authority, cluster or key, or a signing key of another id.
 */
export function createIdentity(response: EnrollResponse, privateKey: string): Identity {
  const { cluster, certificate, authority, signingKey, signingKeyId } = response;
  const identity = { cluster, certificate, authority, signingKey, signingKeyId, privateKey };
  try {
    verifyKeysOf(identity);
    const leaf = new X509Certificate(certificate);
    const belongs = leaf.checkPrivateKey(createPrivateKey(privateKey));
    if (belongs && clusterOf(leaf, new X509Certificate(authority)) === cluster) return identity;
  } catch (cause) {
    throw new DroverError("signature_invalid", "the parts of the identity cannot be read", { cause });
  }
  throw new DroverError("signature_invalid", `the certificate is not one of cluster ${cluster} for this key`);
}

export function identityValidity(identity: Identity): Validity {
  return validityOf(new X509Certificate(identity.certificate));
}

/** Whose signatures on assignments this identity accepts. */
export function verifyKeysOf(identity: Pick<Identity, "signingKey" | "signingKeyId">): VerifyKeys {
  return new Map([readVerifyKey(identity.signingKeyId, identity.signingKey)]);
}
