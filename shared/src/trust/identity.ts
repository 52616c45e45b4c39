import { webcrypto } from "node:crypto";

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
