import { createHash, type X509Certificate } from "node:crypto";

/**
 * Every hub certificate carries this name beside its addresses, and agents check for it: the authority issues server
 * certificates to nobody but its hub, so an agent need not care at which address, tunnel or proxy it reaches it.
 */
export const hubServerName = "hub.drover.internal";

const clusterUriPrefix = "spiffe://drover/cluster/";
const clientAuth = "1.3.6.1.5.5.7.3.2";

/** The longest name that fits into a certificate's common name (X.520). */
export const maxClusterNameLength = 64;

const clusterName = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/u;

/** Whether a certificate can be issued for a cluster of this name: a DNS-1123 subdomain of at most 64 characters. */
export function isClusterName(name: string): boolean {
  return name.length <= maxClusterNameLength && clusterName.test(name);
}

export function clusterUri(name: string): string {
  return `${clusterUriPrefix}${name}`;
}

/** SHA-256 over the public key of a certificate, base64url: survives a new certificate for the same key. */
export function spkiPin(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64url");
}

/** Serial numbers of client certificates begin with this byte, then their generation; those of others with 0x40 to 0x7f. */
const countedSerial = 0x01;
const generationBytes = 5;

/** Random but for its beginning, which tells the how manieth certificate of its cluster this is; hex. */
export function clientSerial(generation: number, random: Uint8Array): string {
  const bytes = Buffer.alloc(6 + random.byteLength);
  bytes[0] = countedSerial;
  bytes.writeUIntBE(generation, 1, generationBytes);
  bytes.set(random, 1 + generationBytes);
  return bytes.toString("hex");
}

/** The how manieth certificate of its cluster this is; 0 for those of hubs that did not count yet. */
export function generationOf(certificate: X509Certificate): number {
  const bytes = Buffer.from(certificate.serialNumber.padStart(32, "0"), "hex");
  return bytes[0] === countedSerial ? bytes.readUIntBE(1, generationBytes) : 0;
}

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export function validityOf(certificate: X509Certificate): Validity {
  return { notBeforeMs: certificate.validFromDate.getTime(), notAfterMs: certificate.validToDate.getTime() };
}

/**
 * The cluster that a certificate of this authority names; undefined when the authority did not sign it, when it is not
 * a client certificate, or when its two names differ. Says nothing about time: see `validityOf`.
 */
export function clusterOf(certificate: X509Certificate, authority: X509Certificate): string | undefined {
  if (certificate.ca || !(certificate.keyUsage ?? []).includes(clientAuth)) return undefined;
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) return undefined;
  const name = /^CN=(?<name>[^\n]+)$/u.exec(certificate.subject)?.groups?.["name"];
  if (name === undefined || !isClusterName(name)) return undefined;
  return certificate.subjectAltName === `URI:${clusterUri(name)}` ? name : undefined;
}
