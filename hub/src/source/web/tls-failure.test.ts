import { expect, test } from "vitest";

import { tlsFailure } from "./tls-failure.ts";

const url = "https://git.example.org/config.git";

test.each([
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "signed itself", "as the CA"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "does not know", "as the CA"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "does not know", "as the CA"],
  ["CERT_HAS_EXPIRED", "has expired", "renew"],
  ["CERT_NOT_YET_VALID", "not valid yet", "clocks"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "another host", "the name"],
  ["INVALID_PURPOSE", "none for a server", "replace"],
])("a server with %s cannot be trusted, and the error says what to do", (code, what, hint) => {
  expect(tlsFailure(url, code, false)).toMatchObject({
    code: "source_untrusted",
    message: expect.stringContaining(what),
    hint: expect.stringContaining(hint),
  });
});

test.each([
  "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
  "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
  "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE",
  "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
  "ERR_SSL_TLSV1_ALERT_ACCESS_DENIED",
])("after %s it matters whether a client certificate was shown", (code) => {
  expect(tlsFailure(url, code, false)?.message).toBe(`${url} asks for a client certificate`);
  expect(tlsFailure(url, code, true)?.message).toBe(`${url} refuses the client certificate`);
});

test.each(["ECONNRESET", "ERR_SSL_WRONG_VERSION_NUMBER", "constructor", ""])("%s is about no trust", (code) => {
  expect(tlsFailure(url, code, true)).toBeUndefined();
});
