import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";

import { DroverError } from "@drover/shared/errors";

import type { Credential } from "./credential.ts";

/**
 * Looks whether the parts of a credential can work, before anything is shown them. Returns when the first certificate
 * ends without which it is worth nothing; 0 = it has none. One that has ended is no mistake: clocks differ, and what it is
 * replaced by may not be there yet. Throws `usage`, without a word of what the parts hold.
 */
export function checkCredential({ username, password, ca, clientCertificate, clientKey }: Credential): number {
  if ([username, password, ca, clientCertificate, clientKey].every((part) => part === "")) {
    throw wrong("a credential holds something", "give a password or token, an authority, or a client certificate");
  }
  if (username.includes(":")) throw wrong("a user name holds no colon: servers take what follows for the password");
  for (const [what, text] of Object.entries({ "user name": username, password })) {
    if (/\p{Cc}/u.test(text)) throw wrong(`the ${what} holds line breaks or other control characters`);
  }
  const ends: number[] = [];
  // Bundles hold authorities that have ended: one that holds is enough.
  if (ca !== "") ends.push(Math.max(...readCertificates(ca, "authority").map(endOf)));
  if (clientCertificate !== "" || clientKey !== "") ends.push(checkClient(clientCertificate, clientKey));
  return ends.length === 0 ? 0 : Math.min(...ends);
}

/** When the first certificate of the chain ends. */
function checkClient(certificate: string, key: string): number {
  if (certificate === "") throw wrong("the key has no client certificate with it");
  if (key === "") throw wrong("the client certificate has no key with it");
  const chain = readCertificates(certificate, "client certificate");
  const privateKey = readKey(key);
  if (chain[0]?.checkPrivateKey(privateKey) !== true) {
    const hint = chain.some((one) => one.checkPrivateKey(privateKey))
      ? "put the certificate of the key first, before those that vouch for it"
      : "certificate and key have to be of one pair";
    throw wrong("the key does not fit the client certificate", hint);
  }
  return Math.min(...chain.map(endOf));
}

interface Block {
  readonly label: string;
  readonly text: string;
}

function blocksOf(pem: string): readonly Block[] {
  return pem
    .split(/^-----BEGIN /mu)
    .slice(1)
    .map((text) => {
      const label = /^[A-Z0-9 ]{1,60}(?=-----)/u.exec(text)?.[0] ?? "";
      const [inside = ""] = text.split(`-----END ${label}-----`, 1);
      return { label, text: `-----BEGIN ${inside}-----END ${label}-----\n` };
    });
}

function readCertificates(pem: string, what: string): readonly X509Certificate[] {
  const blocks = blocksOf(pem);
  if (blocks.length === 0) {
    const hint = "a certificate in PEM begins with -----BEGIN CERTIFICATE-----";
    throw wrong(`the ${what} is no PEM`, hint);
  }
  // Programs that read PEM would pass over it.
  if (/[^\r\n]-----BEGIN /u.test(pem)) throw wrong(`the ${what} holds a certificate that begins within a line`);
  const other = blocks.find(({ label }) => label !== "CERTIFICATE");
  if (other !== undefined) throw wrong(`the ${what} holds a ${other.label}, not certificates alone`);
  return blocks.map(({ text }, index) => {
    const certificate = attempt(() => new X509Certificate(text));
    if (certificate === undefined) throw wrong(`certificate ${index + 1} of the ${what} cannot be read`);
    return certificate;
  });
}

function readKey(pem: string): KeyObject {
  const block = blocksOf(pem).find(({ label }) => label.endsWith("PRIVATE KEY"));
  if (block === undefined) throw wrong("the client key is no private key in PEM");
  if (block.label.startsWith("ENCRYPTED") || /^Proc-Type:.*ENCRYPTED/mu.test(block.text)) {
    throw wrong(
      "the client key is encrypted",
      "the hub cannot ask for its passphrase: openssl pkey -in KEY -out PLAIN",
    );
  }
  const key = attempt(() => createPrivateKey(block.text));
  if (key === undefined) throw wrong("the client key cannot be read");
  return key;
}

function endOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo);
}

/** What OpenSSL says of a key is left out: it helps nobody here, and is about a secret. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function wrong(message: string, hint?: string): DroverError {
  return new DroverError("usage", message, hint === undefined ? {} : { hint });
}
