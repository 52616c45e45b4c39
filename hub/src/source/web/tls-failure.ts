import { DroverError } from "@drover/shared/errors";

/** What the hub cannot trust about a server, by the code that Node (and OpenSSL below it) gives to a failed connection. */
const untrusted: Readonly<Record<string, { readonly what: string; readonly hint: string }>> = {
  ...sayOf(
    ["DEPTH_ZERO_SELF_SIGNED_CERT"],
    "shows a certificate that it signed itself",
    "if it is the right server, give its source a credential with this certificate as the CA",
  ),
  ...sayOf(
    [
      "SELF_SIGNED_CERT_IN_CHAIN",
      "UNABLE_TO_GET_ISSUER_CERT",
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "CERT_SIGNATURE_FAILURE",
      "CERT_UNTRUSTED",
      "INVALID_CA",
    ],
    "shows a certificate of an authority that the hub does not know",
    "give its source a credential with the authority's certificate as the CA; the server also has to send what is between",
  ),
  ...sayOf(["CERT_HAS_EXPIRED"], "shows a certificate that has expired", "those who run the server have to renew it"),
  ...sayOf(
    ["CERT_NOT_YET_VALID"],
    "shows a certificate that is not valid yet",
    "compare the clocks of the server and of the hub",
  ),
  ...sayOf(["CERT_REVOKED"], "shows a certificate that was revoked", "those who run the server have to replace it"),
  ...sayOf(
    ["ERR_TLS_CERT_ALTNAME_INVALID", "HOSTNAME_MISMATCH"],
    "shows a certificate of another host",
    "register the name that the certificate is for",
  ),
  ...sayOf(
    ["CERT_REJECTED", "INVALID_PURPOSE", "PATH_LENGTH_EXCEEDED", "CERT_CHAIN_TOO_LONG"],
    "shows a certificate that is none for a server",
    "those who run the server have to replace it",
  ),
};

/** By which alert a server turns down what it was shown, be it nothing. OpenSSL names their families by its own version. */
const turnedDown =
  /^ERR_SSL_(?:SSLV3|SSL\/TLS|TLSV1|TLSV13)_ALERT_(?:CERTIFICATE_(?:REQUIRED|REVOKED|EXPIRED|UNKNOWN)|(?:NO|BAD|UNSUPPORTED)_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)$/u;

/** `source_untrusted` where TLS failed because one side does not trust the other; undefined for any other failure. */
export function tlsFailure(url: string, code: string, showsCertificate: boolean): DroverError | undefined {
  const found = Object.hasOwn(untrusted, code) ? untrusted[code] : undefined;
  if (found !== undefined) return untrustedError(url, found.what, found.hint);
  if (!turnedDown.test(code)) return undefined;
  const [what, hint] = showsCertificate
    ? ["refuses the client certificate", "it has expired, or is of an authority that the server does not know"]
    : ["asks for a client certificate", "give its source a credential with a client certificate and its key"];
  return untrustedError(url, what, hint);
}

function untrustedError(url: string, what: string, hint: string): DroverError {
  return new DroverError("source_untrusted", `${url} ${what}`, { hint });
}

function sayOf(codes: readonly string[], what: string, hint: string): typeof untrusted {
  return Object.fromEntries(codes.map((code) => [code, { what, hint }]));
}
