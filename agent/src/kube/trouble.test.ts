import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Refusal } from "./api.ts";
import { maybeInvalid, troubleOf } from "./trouble.ts";

function refusal(status: number, fields: Partial<Refusal> = {}): Refusal {
  return { status, reason: "Unknown", message: "", about: "", causes: [], ...fields };
}

const cause = (field: string, message: string, reason = "FieldValueInvalid") => ({ reason, field, message });

describe("the error table", () => {
  it.each([
    [404, { about: "namespaces" }, "WaitingForNamespace", "soon"],
    [404, { reason: "" }, "WaitingForKind", "kind"],
    [403, { causes: [cause("metadata.namespace", "", "NamespaceTerminating")] }, "NamespaceTerminating", "soon"],
    [403, {}, "Forbidden", "later"],
    [409, {}, "Conflict", "soon"],
    [413, {}, "TooLarge", "changed"],
    [422, {}, "Invalid", "changed"],
    [400, {}, "Invalid", "changed"],
    [429, { retryAfterMs: 3000 }, "TooManyRequests", "soon"],
    [500, {}, "ServerError", "soon"],
    [503, {}, "ServerError", "soon"],
  ] as const)("%i with %j is %s and is tried again: %s", (status, fields, reason, retry) => {
    const trouble = troubleOf(refusal(status, fields));
    expect(trouble).toMatchObject({ reason, retry });
    expect(trouble.message).not.toBe("");
  });

  it("keeps the wait that the server asks for", () => {
    expect(troubleOf(refusal(429, { retryAfterMs: 3000 })).retryAfterMs).toBe(3000);
  });

  it("takes only a 500 without a reason for one that may be about the object", () => {
    expect(maybeInvalid(refusal(500))).toBe(true);
    expect(maybeInvalid(refusal(500, { reason: "InternalError" }))).toBe(false);
    expect(maybeInvalid(refusal(503))).toBe(false);
  });
});

describe("messages", () => {
  it("say what is wrong with which field", () => {
    const causes = [cause("metadata.name", 'Invalid value: "A": must consist of lower case characters')];
    expect(troubleOf(refusal(422, { causes })).message).toBe("metadata.name: must consist of lower case characters");
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
