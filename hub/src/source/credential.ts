import { DroverError } from "@drover/shared/errors";

/** What the hub shows to a server that asks who it is, and by what it knows that server. "" = none. */
export interface Credential {
  readonly username: string;
  /** Or a token. */
  readonly password: string;
  /** PEM: certificates of authorities that are trusted besides the system's. */
  readonly ca: string;
  /** PEM, with its key. */
  readonly clientCertificate: string;
  readonly clientKey: string;
}

/** What something says that names a credential which is not there, or not for its address. */
export function credentialMissing(name: string, url: string): DroverError {
  return new DroverError("source_auth", `there is no credential named ${name} for ${url}`, {
    hint: `drover credential list shows those that there are; this one is added with drover credential add ${name} --for ${url}`,
  });
}
