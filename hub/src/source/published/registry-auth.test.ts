import { expect, test } from "vitest";

import { mayKnow } from "./registry-auth.ts";

test.each([
  ["https://auth.docker.io/token", "https://registry-1.docker.io", true],
  ["https://gitlab.example.com/jwt/auth", "https://registry.gitlab.example.com", true],
  ["https://ghcr.io/token", "https://ghcr.io", true],
  ["http://127.0.0.1:5001/token", "http://127.0.0.1:5000", true],
  ["http://ghcr.io/token", "https://ghcr.io", false],
  ["https://evil.io/token", "https://ghcr.io", false],
  ["https://docker.io.evil.org/token", "https://registry-1.docker.io", false],
  ["https://evil.co.uk/token", "https://registry.good.co.uk", false],
  ["https://auth.good.co.uk/token", "https://registry.good.co.uk", true],
  ["https://10.0.0.2/token", "https://10.0.0.1", false],
  ["https://localhost/token", "https://registry", false],
  ["ftp://ghcr.io/token", "https://ghcr.io", false],
])("who gives tokens at %s may be shown the credential of %s: %s", (realm, registry, answer) => {
  expect(mayKnow(new URL(realm), new URL(registry))).toBe(answer);
});
