import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";

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
export type Certificates = { readonly caPem: string } & KeyPair;

/** All PEM. */
export interface KeyPair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface Leaf {
  readonly purpose: "server" | "client";
  /** Host names and addresses. */
  readonly names: readonly string[];
  /** Default: in a year. */
  readonly notAfter?: Date;
}

export interface TestAuthority {
  readonly caPem: string;
  issue(leaf: Leaf): Promise<KeyPair>;
}

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
  const { caPem, issue } = await createAuthority("drover-embedded-cluster-ca");
  return { caPem, ...(await issue({ purpose: "server", names: ["localhost", "127.0.0.1", "::1"] })) };
}

/** A new certificate authority. */
export async function createAuthority(name: string): Promise<TestAuthority> {
  const validity = { notBefore: new Date(Date.now() - skewMs), notAfter: new Date(Date.now() + lifetimeMs) };
  const caKeys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const ca = await X509CertificateGenerator.createSelfSigned(
    {
      ...validity,
      serialNumber: "01",
      name: `CN=${name}`,
      keys: caKeys,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    },
    webcrypto,
  );
  let issued = 1;
  const issue = async ({ purpose, names, notAfter = validity.notAfter }: Leaf): Promise<KeyPair> => {
    issued += 1;
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const leaf = await X509CertificateGenerator.create(
      {
        notBefore: validity.notBefore,
        notAfter,
        serialNumber: issued.toString(16).padStart(2, "0"),
        subject: "CN=drover-test",
        issuer: ca.subject,
        publicKey: keys.publicKey,
        signingKey: caKeys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([
            purpose === "server" ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth,
          ]),
          new SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const),
          ),
        ],
      },
      webcrypto,
    );
    const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
    return { certificatePem: leaf.toString("pem"), privateKeyPem: PemConverter.encode(key, "PRIVATE KEY") };
  };
  return { caPem: ca.toString("pem"), issue };
}
