import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { canonicalJson } from "../digest.ts";
import { isRecord } from "../json.ts";
import type { FieldPath } from "./field-path.ts";
import { formatChange, isSecretPath, redactText, redactValue } from "./redact.ts";

/** Equal for equal values, as an agent's is, and readable in a test. */
const seen = new Map<string, string>();
const fingerprint = (value: string): string => {
  const known = seen.get(value) ?? String(seen.size + 1);
  seen.set(value, known);
  return known;
};
const path = (...names: readonly string[]): FieldPath => names.map((name) => ({ kind: "field", name }));
const canary = "c4nary-v4lue";

describe("redaction", () => {
  it("shows whether a secret's values are equal and nothing else of them", () => {
    const same = formatChange("Secret", { path: path("data", "a"), desired: btoa("x"), live: btoa("x") }, fingerprint);
    expect(same.desired).toBe(same.live);
    expect(same.desired).toMatch(/^\*\*\*\(\d+\)$/u);
    const other = formatChange("Secret", { path: path("data", "a"), desired: btoa("x"), live: btoa("y") }, fingerprint);
    expect(other.desired).toBe(same.desired);
    expect(other.live).not.toBe(same.live);
  });

  it("gives a value the same mask whether it is encoded or not", () => {
    const encoded = formatChange("Secret", { path: path("data", "p"), desired: btoa(canary) }, fingerprint);
    const plain = formatChange("ConfigMap", { path: path("data", "password"), desired: canary }, fingerprint);
    expect(encoded.desired).toBe(plain.desired);
  });

  it("masks inside of what is shown as a whole, and keeps the names", () => {
    const value = {
      name: "web",
      env: [
        { name: "DB_PASSWORD", value: canary },
        { name: "LEVEL", value: "debug" },
      ],
      args: [`--url=https://u:${canary}@db/x`, `--token=${canary}`],
    };
    const text = canonicalJson(redactValue({ kind: "Pod", path: path("spec", "containers"), value }, fingerprint));
    expect(text).not.toContain(canary);
    expect(text).toContain("DB_PASSWORD");
    expect(text).toContain('"debug"');
  });

  it.each<[string, FieldPath, boolean]>([
    ["Secret", path("data"), true],
    ["Secret", path("stringData", "x"), true],
    ["Secret", path("metadata", "labels"), false],
    ["Secret", path("type"), false],
    ["ConfigMap", path("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"), true],
    ["ConfigMap", path("data", "db.password"), true],
    ["ConfigMap", path("data", "API_KEY"), true],
    ["ConfigMap", path("data", "level"), false],
    ["Widget", path("spec", "clientSecret"), true],
    ["Ingress", path("spec", "tls", "secretName"), false],
    ["Pod", path("spec", "automountServiceAccountToken"), true],
    ["Pod", [...path("spec", "env"), { kind: "item", keys: { name: "TOKEN_FILE" } }, ...path("value")], false],
    ["Pod", [...path("spec", "env"), { kind: "item", keys: { name: "TOKEN" } }, ...path("value")], true],
    ["Pod", [...path("spec", "env"), { kind: "item", keys: { name: "TOKEN" } }, ...path("name")], false],
  ])("tells of %s %j whether it is secret: %s", (kind, at, secret) => {
    expect(isSecretPath(kind, at)).toBe(secret);
  });

  it("leaves yes and no alone, whatever their name", () => {
    const value = { automountServiceAccountToken: false };
    expect(redactValue({ kind: "Pod", path: path("spec"), value }, fingerprint)).toEqual(value);
  });

  it.each([
    `postgres://admin:${canary}@db:5432/shop`,
    `password=${canary} host=db`,
    `{"token": "${canary}"}`,
    `client_secret: '${canary}'`,
    `-----BEGIN RSA PRIVATE KEY-----\n${canary}\n-----END RSA PRIVATE KEY-----`,
  ])("takes what is secret by its form out of %j", (text) => {
    expect(redactText(text, fingerprint)).not.toContain(canary);
  });

  it("never shows a value below a Secret's data, of whatever form", () => {
    fc.assert(
      fc.property(fc.object({ values: [fc.constant(canary), fc.integer(), fc.string()] }), (value) => {
        const redacted = redactValue({ kind: "Secret", path: path("data"), value }, fingerprint);
        expect(canonicalJson(redacted ?? null)).not.toContain(`:"${canary}"`);
        expect(isRecord(redacted) ? Object.keys(redacted) : []).toEqual(Object.keys(value));
      }),
    );
  });
});
