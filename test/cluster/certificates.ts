import "reflect-metadata";
import { webcrypto } from "node:crypto";

import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** What a TLS listener needs; all PEM. One set may serve any number of clusters: it names only the loopback. */
export type Certificates = { readonly caPem: string; readonly certificatePem: string; readonly privateKeyPem: string };

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const lifetimeMs = 365 * 24 * 3_600_000;
const skewMs = 3_600_000;

let shared: Promise<Certificates> | undefined;

/** The certificates of this process, made on first use. */
export function sharedCertificates(): Promise<Certificates> {
  return (shared ??= createCertificates());
}

/** A new certificate authority and a server certificate for localhost, 127.0.0.1 and ::1. */
export async function createCertificates(): Promise<Certificates> {
  const validity = { notBefore: new Date(Date.now() - skewMs), notAfter: new Date(Date.now() + lifetimeMs) };
  const caKeys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const ca = await X509CertificateGenerator.createSelfSigned(
    {
      ...validity,
      serialNumber: "01",
      name: "CN=drover-embedded-cluster-ca",
      keys: caKeys,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    },
    webcrypto,
  );
  const serverKeys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const server = await X509CertificateGenerator.create(
    {
      ...validity,
      serialNumber: "02",
      subject: "CN=drover-embedded-cluster",
      issuer: ca.subject,
      publicKey: serverKeys.publicKey,
      signingKey: caKeys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([
          { type: "dns", value: "localhost" },
          { type: "ip", value: "127.0.0.1" },
          { type: "ip", value: "::1" },
        ]),
      ],
    },
    webcrypto,
  );
  const key = await webcrypto.subtle.exportKey("pkcs8", serverKeys.privateKey);
  return {
    caPem: ca.toString("pem"),
    certificatePem: server.toString("pem"),
    privateKeyPem: PemConverter.encode(key, "PRIVATE KEY"),
  };
}
