import "reflect-metadata";
import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import path from "node:path";

import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  type PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

import type { Clock } from "../clock.ts";
import { DroverError } from "../errors.ts";
import { clientSerial, clusterUri, hubServerName, isClusterName, spkiPin } from "./certificate.ts";
import { readSecretFile, writeSecretFile } from "./secret-file.ts";

/** The hub's own certificate authority. It vouches for one hub and its clusters, and is trusted by nothing else. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  readonly pin: string;
  /** A new key and its certificate for the hub itself, valid for 7 days. The chain ends with the authority. */
  issueServer(addresses: readonly string[]): Promise<{ readonly chain: string; readonly privateKey: string }>;
  /**
   * A client certificate (PEM) for the public key of a PKCS#10 request in DER; every name in the request is ignored.
   * `generation` is what `generationOf` reads from it. Throws `join_refused` when the request does not prove its key, or the key is not on P-256.
   */
  issueClient(cluster: string, csr: Uint8Array, generation?: number): Promise<string>;
}

export interface AuthorityOptions {
  readonly clock: Clock;
  /** How long a cluster's certificate is valid. Default 24 h; agents renew at half of it. */
  readonly clientLifetimeMs?: number;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const hourMs = 3_600_000;
/** Without a roll-over yet, the authority lives as long as the hub's folder; its key never leaves that folder. */
const authorityLifetimeMs = 10 * 365 * 24 * hourMs;
const serverLifetimeMs = 7 * 24 * hourMs;
const defaultClientLifetimeMs = 24 * hourMs;
/** How far an agent's clock may be behind the hub's. */
const skewMs = 5 * 60_000;
const maxCsrBytes = 8 * 1024;

/** An authority that lives in memory only. */
export async function createAuthority(options: AuthorityOptions): Promise<Authority> {
  return createIssuer(await generateAuthority(options.clock), options);
}

/** The authority of a folder, made on first use: `authority.crt` and `authority.key`. */
export async function loadAuthority(folder: string, options: AuthorityOptions): Promise<Authority> {
  const files = { certificate: path.join(folder, "authority.crt"), key: path.join(folder, "authority.key") };
  const certificate = await readSecretFile(files.certificate);
  if (certificate === undefined) {
    const created = await generateAuthority(options.clock);
    // The certificate is written last: without it, the key was never used and may be replaced.
    await writeSecretFile(files.key, created.key);
    await writeSecretFile(files.certificate, created.certificate);
    return createIssuer(created, options);
  }
  const key = await readSecretFile(files.key);
  if (key === undefined || !belongTogether(certificate, key)) {
    throw new DroverError("config_invalid", `${files.key} does not hold the key of ${files.certificate}`, {
      hint: "restore both files from the same backup; every agent trusts this pair",
    });
  }
  return createIssuer({ certificate, key }, options);
}

interface AuthorityPair {
  readonly certificate: string;
  /** PKCS#8, PEM. */
  readonly key: string;
}

async function generateAuthority(clock: Clock): Promise<AuthorityPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      ...validity(clock, authorityLifetimeMs),
      serialNumber: createSerial(),
      name: "CN=drover-hub-authority",
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificate: certificate.toString("pem"), key: await exportKey(keys.privateKey) };
}

async function createIssuer(pair: AuthorityPair, options: AuthorityOptions): Promise<Authority> {
  const issuer = new Certificate(pair.certificate);
  const signingKey = await webcrypto.subtle.importKey("pkcs8", PemConverter.decodeFirst(pair.key), algorithm, false, [
    "sign",
  ]);
  const issue = async (leaf: Leaf): Promise<string> => {
    const certificate = await X509CertificateGenerator.create(
      {
        ...validity(options.clock, leaf.lifetimeMs),
        serialNumber: leaf.serial,
        subject: [{ CN: [leaf.commonName] }],
        issuer: issuer.subjectName,
        publicKey: leaf.publicKey,
        signingKey,
        signingAlgorithm: algorithm,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          await AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
          ...leaf.extensions,
        ],
      },
      webcrypto,
    );
    return certificate.toString("pem");
  };
  return {
    certificate: pair.certificate,
    pin: spkiPin(new X509Certificate(pair.certificate)),
    issueServer: async (addresses) => {
      const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const leaf = await issue(serverLeaf(keys.publicKey, addresses));
      return { chain: `${leaf}\n${pair.certificate}\n`, privateKey: await exportKey(keys.privateKey) };
    },
    issueClient: async (cluster, csr, generation = 1) => {
      if (!isClusterName(cluster)) {
        throw new DroverError("join_refused", `"${cluster}" cannot name a cluster in a certificate`);
      }
      const publicKey = await readRequestKey(csr);
      const leaf = clientLeaf(publicKey, cluster, options.clientLifetimeMs ?? defaultClientLifetimeMs);
      return issue({ ...leaf, serial: clientSerial(generation, randomBytes(10)) });
    },
  };
}

interface Leaf {
  readonly serial: string;
  readonly commonName: string;
  readonly lifetimeMs: number;
  readonly publicKey: PublicKey | webcrypto.CryptoKey;
  readonly extensions: readonly Extension[];
}

function serverLeaf(publicKey: webcrypto.CryptoKey, addresses: readonly string[]): Leaf {
  const names = [...new Set([hubServerName, ...addresses])];
  return {
    serial: createSerial(),
    commonName: hubServerName,
    lifetimeMs: serverLifetimeMs,
    publicKey,
    extensions: [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const),
      ),
    ],
  };
}

function clientLeaf(publicKey: PublicKey, cluster: string, lifetimeMs: number): Omit<Leaf, "serial"> {
  return {
    commonName: cluster,
    lifetimeMs,
    publicKey,
    extensions: [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([{ type: "url", value: clusterUri(cluster) }]),
    ],
  };
}

async function readRequestKey(csr: Uint8Array): Promise<PublicKey> {
  if (csr.byteLength > maxCsrBytes) throw new DroverError("join_refused", "certificate request is too large");
  try {
    const request = new Pkcs10CertificateRequest(csr);
    const { algorithm: key } = request.publicKey;
    const onCurve = "namedCurve" in key && key.namedCurve === "P-256";
    if (onCurve && (await request.verify(webcrypto))) return request.publicKey;
  } catch {
    // Said below: what a stranger's bytes do to the parser interests nobody.
  }
  throw new DroverError("join_refused", "certificate request is not PKCS#10 signed with its own key on P-256");
}

function validity(clock: Clock, lifetimeMs: number): { readonly notBefore: Date; readonly notAfter: Date } {
  const now = clock.now();
  return { notBefore: new Date(now - skewMs), notAfter: new Date(now + lifetimeMs) };
}

/** 16 random bytes, kept positive and free of leading zeros. */
function createSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

function belongTogether(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
