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
