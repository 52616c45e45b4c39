import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Refusal } from "./api.ts";
import { maybeInvalid, troubleOf } from "./trouble.ts";

function refusal(status: number, fields: Partial<Refusal> = {}): Refusal {
  return { status, reason: "Unknown", message: "", about: "", causes: [], ...fields };
}

const cause = (field: string, message: string, reason = "FieldValueInvalid") => ({ reason, field, message });

const webhook = "policy.example.com";
const because = (text: string): Partial<Refusal> => ({
  reason: "Forbidden",
  message: `pods "x" is forbidden: ${text}`,
});
const cannot = 'User "system:serviceaccount:d:a" cannot patch resource "pods" in API group "" in the namespace "n"';
const owned = (field: string) => ({
  causes: [cause(field, 'conflict with "helm" using apps/v1', "FieldManagerConflict")],
});
const denial = { message: `admission webhook "${webhook}" denied the request: hunter2 is too short` };
const policy = {
  message: `pods "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: hunter2`,
};
const dead = (why: string) => ({
  reason: "InternalError",
  message: `Internal error occurred: failed calling webhook "${webhook}": ${why}`,
});

describe("the error table", () => {
  it.each([
    [401, { reason: "Unauthorized" }, "Unauthorized", "soon", "does not accept the agent's credentials"],
    [404, { reason: "NotFound", about: "namespaces" }, "WaitingForNamespace", "soon", "namespace does not exist"],
    [404, { reason: "" }, "WaitingForKind", "kind", "does not have this kind"],
    [404, { reason: "NotFound" }, "WaitingForKind", "kind", "does not have this kind"],
    [404, { reason: "NotFound", about: "pods" }, "NotFound", "soon", "not there"],
    [403, { causes: [cause("metadata.namespace", "", "NamespaceTerminating")] }, "NamespaceTerminating", "soon", ""],
    [403, because("exceeded quota: small, requested: pods=1"), "QuotaExceeded", "later", 'the quota "small"'],
    [403, because(cannot), "Forbidden", "later", "does not allow"],
    [403, { message: "" }, "Forbidden", "later", "does not allow"],
    [403, denial, "AdmissionDenied", "later", `the admission webhook "${webhook}"`],
    [400, denial, "AdmissionDenied", "later", `the admission webhook "${webhook}"`],
    [422, policy, "AdmissionDenied", "later", 'the admission policy "p"'],
    [500, dead("connection refused"), "WebhookUnreachable", "soon", `the admission webhook "${webhook}"`],
    [504, dead("context deadline exceeded"), "WebhookUnreachable", "soon", `the admission webhook "${webhook}"`],
    [405, {}, "NotSupported", "changed", "server-side apply"],
    [409, owned(".spec.replicas"), "FieldManagerConflict", "later", 'spec.replicas belongs to "helm"'],
    [
      409,
      owned('.metadata.finalizers["a/b"]'),
      "FieldManagerConflict",
      "later",
      'metadata.finalizers[*] belongs to "helm"',
    ],
    [409, { reason: "AlreadyExists" }, "Conflict", "soon", "made it at the same moment"],
    [409, { reason: "Conflict" }, "Conflict", "soon", "wrote it at the same moment"],
    [410, { reason: "Expired" }, "ServerError", "soon", "answered 410"],
    [413, {}, "TooLarge", "changed", "larger"],
    [415, {}, "NotSupported", "changed", "server-side apply"],
    [422, {}, "Invalid", "changed", "rejects"],
    [400, {}, "Invalid", "changed", "cannot read"],
    [429, { retryAfterMs: 3000 }, "TooManyRequests", "soon", "slow down"],
    [500, {}, "ServerError", "soon", "the API server answered 500"],
    [502, { reason: "" }, "ServerError", "soon", "something in front of the API server answered 502"],
    [503, {}, "ServerError", "soon", "answered 503"],
    [504, { reason: "Timeout" }, "Timeout", "soon", "may have done it"],
    [200, { reason: "" }, "ServerError", "soon", "not an API server's answer"],
  ] as const)("%i with %j is %s and is tried again: %s", (...[status, fields, reason, retry, says]) => {
    const trouble = troubleOf(refusal(status, fields));
    expect(trouble).toMatchObject({ reason, retry });
    expect(trouble.message).not.toBe("");
    expect(trouble.message).toContain(says);
    expect(trouble.message).not.toContain("hunter2");
  });

  it("keeps the wait that the server asks for", () => {
    expect(troubleOf(refusal(429, { retryAfterMs: 3000 })).retryAfterMs).toBe(3000);
  });

  it("takes only a 500 without a reason for one that may be about the object", () => {
    expect(maybeInvalid(refusal(500))).toBe(true);
    expect(maybeInvalid(refusal(500, { reason: "InternalError" }))).toBe(false);
    expect(maybeInvalid(refusal(503))).toBe(false);
    expect(maybeInvalid(refusal(500, { message: dead("refused").message }))).toBe(false);
  });
});

describe("messages", () => {
  it("say what is wrong with which field", () => {
    const causes = [cause("metadata.name", 'Invalid value: "A": must consist of lower case characters')];
    expect(troubleOf(refusal(422, { causes })).message).toBe("metadata.name: must consist of lower case characters");
  });

  it.each([
    'Invalid value: "object": hunter2 is too short',
    'Invalid value: "string": spec.pin in body should match hunter2',
    "Invalid value: hunter2",
    'Unsupported value: "hunter2": supported values: "a"',
    "no: hunter2 does not do",
  ])("quote nothing that an author of custom resources wrote: %s", (message) => {
    expect(troubleOf(refusal(422, { causes: [cause("spec.pin", message)] })).message).toBe(
      "spec.pin: FieldValueInvalid",
    );
  });

  it("say that a field is immutable whatever its value was", () => {
    const quoted = 'Invalid value: core.PodTemplateSpec{Env: "hunter2: x"}: field is immutable';
    const { message } = troubleOf(refusal(422, { causes: [cause("spec.template", quoted)] }));
    expect(message).toBe("spec.template: field is immutable");
  });

  it("name unknown fields", () => {
    const message = "failed to create typed patch object: .spec.foo: field not declared in schema";
    expect(troubleOf(refusal(500, { message })).message).toContain("spec.foo: field not declared in schema");
  });

  it("case 69: never quote a value, whatever the server quotes", () => {
    const value = fc.string({ minLength: 8, unit: "binary-ascii" }).filter((text) => /[^a-z0-9 ,.'()/-]/iu.test(text));
    fc.assert(
      fc.property(value, fc.constantFrom("422", "400", "500"), (text, status) => {
        const quoted = JSON.stringify(text);
        const causes = [
          cause("data[password]", `Invalid value: ${quoted}: must be something else`),
          cause("spec.template", `Invalid value: core.PodTemplateSpec{Env: []core.EnvVar{Value:${quoted}}}`),
          cause("x", `Duplicate value: ${quoted}`, "FieldValueDuplicate"),
        ];
        const message = `Secret "x" is invalid: .data: expected string, got &value{${quoted}}`;
        expect(troubleOf(refusal(Number(status), { causes, message })).message).not.toContain(text);
      }),
    );
  });
});
