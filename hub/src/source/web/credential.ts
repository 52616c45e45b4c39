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

/** The credential of a name, if it may be shown to this address. */
export type CredentialFor = (name: string, url: string) => Credential | undefined;

/** The credential that an address is read with; undefined when it names none. Throws `source_auth` when there is none of that name. */
export function findCredential(credentialFor: CredentialFor, name: string, url: string): Credential | undefined {
  if (name === "") return undefined;
  const credential = credentialFor(name, url);
  if (credential !== undefined) return credential;
  throw new DroverError("source_auth", `there is no credential named ${name} for ${url}`, {
    hint: `see drover credential list; to add it: drover credential add ${name} --for ${url}`,
  });
}

/** The header that shows user and password. */
export function basicOf(login: Pick<Credential, "username" | "password"> | undefined): string | undefined {
  const { username = "", password = "" } = login ?? {};
  if (username === "" && password === "") return undefined;
  // Servers that take a token as the password look at the user name little, but want one.
  return `Basic ${Buffer.from(`${username || "token"}:${password}`, "utf8").toString("base64")}`;
}
