import { formatReleaseKey } from "@drover/shared/trust/release";
import { createSigningKey } from "@drover/shared/trust/signing-key";
import { describe, expect, it } from "vitest";

import { readPolicy } from "./policy-file.ts";

const key = formatReleaseKey(createSigningKey().publicKey);
const read = (text: string) => readPolicy("policy.yaml", new TextEncoder().encode(text));

describe("a policy file", () => {
  it("says what it says", () => {
    const text = `
namespaces: { allow: [shop, "team-*"], deny: [kube-system] }
kinds:
  deny: ["*.rbac.authorization.k8s.io"]
prune: { objects: 20, percent: 12.5, total: 50, within: 30m }
signatures: { required: 1, keys: { alice: ${key} }, applications: ["shop*"] }
freeze: true
`;
    expect(read(text)).toMatchObject({
      namespaces: { allow: ["shop", "team-*"], deny: ["kube-system"] },
      kinds: { allow: undefined, deny: ["*.rbac.authorization.k8s.io"] },
      prune: { objects: 20, percent: 12.5, total: 50, withinMs: 1_800_000 },
      signatures: { required: 1, keys: { alice: key }, applications: ["shop*"] },
      freeze: true,
      fault: "",
    });
    expect(read("{}")).toMatchObject({ freeze: false, prune: { objects: undefined, withinMs: 3_600_000 } });
  });

  it.each([
    ["", "has to be one YAML document"],
    ["a: 1\n---\nb: 2\n", "has to be one YAML document"],
    ["- shop", "policy.yaml:1:1: the policy must be object"],
    ["freeze: 'yes'", "policy.yaml:1:1: freeze must be boolean"],
    ["namespaces:\n  alow: [shop]\n", "policy.yaml:2:3: namespaces.alow is not a field of a policy"],
    ["namespaces: { allow: shop }", "namespaces.allow must be array"],
    ["kinds: { deny: [1] }", "kinds.deny.0 must be string"],
    ["prune: { objects: -1 }", "prune.objects must be >= 0"],
    ["prune: { percent: 101 }", "prune.percent must be <= 100"],
    ["prune: { within: soon }", "prune.within must match"],
    ["signatures: { required: 1, keys: { a: nonsense } }", "is no Ed25519 key"],
    [`signatures: { required: 2, keys: { a: ${key}, b: ${key} } }`, "required is 2, and there are 1 keys"],
    ["signatures: { required: 0, keys: {} }", "signatures.required must be >= 1"],
    ["freeze: true\nfreeze: false\n", "policy.yaml:2:1"],
    ["a: [", "policy.yaml:1"],
  ])("that says %j is refused with its place", (text, message) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: expect.stringMatching(/_invalid$/u) }));
    expect(() => read(text)).toThrow(message);
  });
});
