import { DroverError } from "@drover/shared/errors";
import { expect, test } from "vitest";

import { readIdentitySettings } from "./identity-settings.ts";
import { grantOf, readPerson } from "./person.ts";

const checkScope = (selector: string): void => {
  if (selector.includes("~")) throw new DroverError("usage", `"${selector}" is no selector`);
};
const read = (text: string) => readIdentitySettings("oidc.yaml", new TextEncoder().encode(text), checkScope);

const whole = `
issuer: https://id.example.com/realms/acme
clientId: drover
clientSecretFile: secret
publicUrl: https://hub.example.com/
audience: drover-api
grants:
  - { group: platform, roles: [owner] }
  - { group: shop, roles: [editor, approver], scope: app=shop }
  - { subject: 6f1c, roles: [viewer] }
`;

test("says how people log in, with defaults for what most leave out", () => {
  expect(read(whole)).toEqual({
    issuer: "https://id.example.com/realms/acme",
    clientId: "drover",
    clientSecretFile: "secret",
    caFile: "",
    publicUrl: "https://hub.example.com",
    scopes: ["openid", "profile"],
    audience: "drover-api",
    tokenType: "at+jwt",
    algorithms: ["RS256", "PS256", "ES256", "ES384", "EdDSA"],
    groupsClaim: "groups",
    nameClaim: "preferred_username",
    grants: [
      { group: "platform", subject: "", roles: ["owner"], scope: "" },
      { group: "shop", subject: "", roles: ["editor", "approver"], scope: "app=shop" },
      { group: "", subject: "6f1c", roles: ["viewer"], scope: "" },
    ],
  });
});

test.each([
  ["", "has to be one map of settings"],
  ["- 1", "has to be one map of settings"],
  [whole.replace("https://id", "http://id"), "oidc.yaml:2:1: issuer has to be an address with https://"],
  [whole.replace("https://id", "https://u:p@id"), "issuer has to be an address"],
  [whole.replace("https://hub.example.com/", "https://hub.example.com/drover"), "publicUrl has to be an origin"],
  [whole.replace("clientId: drover", ""), "clientId is missing"],
  [whole.replace("drover-api", "drover"), "audience has to differ from clientId"],
  [whole.replace(/grants:[\s\S]*/u, ""), "grants are missing"],
  [whole.replace("[owner]", "[ower]"), "grants[0].roles[0] has to be one of viewer"],
  [whole.replace("roles: [owner]", "role: owner"), 'unknown key "role" (did you mean "roles"?)'],
  [whole.replace("app=shop", "app~shop"), 'grants[1].scope "app~shop" is no selector'],
  [whole.replace("subject: 6f1c", "subject: 6f1c, group: x"), "needs a group or a subject, and not both"],
  [`${whole}algorithms: [HS256]\n`, "algorithms have to be of RS256"],
  [`${whole}algorithms: [none]\n`, "algorithms have to be of RS256"],
  [`${whole}algorithms: []\n`, "algorithms have to be of RS256"],
  [`${whole}scopes: [profile]\n`, 'scopes have to hold "openid"'],
  [`${whole}clientId: other\n`, "clientId"],
])("refuses mistakes, and says where: %#", (text, message) => {
  const refusal = expect.objectContaining({ code: "config_invalid", message: expect.stringContaining(message) });
  expect(() => read(text)).toThrow(refusal);
});

const settings = { issuer: "https://id.example.com", groupsClaim: "groups", nameClaim: "preferred_username" };

test("a person is issuer and subject, and called what no token can be called", () => {
  const person = readPerson({ sub: "6f1c", preferred_username: "admin", email: "A@b.c" }, settings);
  expect(person).toEqual({
    issuer: "https://id.example.com",
    subject: "6f1c",
    name: "admin@id.example.com",
    email: "",
    groups: [],
  });
  const verified = { sub: "6f1c", email: "A@b.c", email_verified: true };
  expect(readPerson(verified, { ...settings, nameClaim: "email" })).toMatchObject({ name: "A@b.c", email: "a@b.c" });
  expect(readPerson({ ...verified, email_verified: "true" }, { ...settings, nameClaim: "email" })).toMatchObject({
    name: "6f1c@id.example.com",
    email: "",
  });
  expect(readPerson({ sub: "x", preferred_username: "a\u202e\nb\u0000@c" }, settings).name).toBe("a b @c");
});

test("the first grant that fits decides, and no group is no grant", () => {
  const { grants } = read(whole);
  const person = (sub: string, groups: unknown) => readPerson({ sub, groups }, settings);
  expect(grantOf(person("x", ["shop", "platform"]), grants)?.roles).toEqual(["owner"]);
  expect(grantOf(person("6f1c", ["shop"]), grants)?.scope).toBe("app=shop");
  expect(grantOf(person("6f1c", []), grants)?.roles).toEqual(["viewer"]);
  expect(grantOf(person("x", ["Platform", "", "platform "]), grants)).toBeUndefined();
  expect(grantOf(person("x", [""]), [{ group: "", subject: "y", roles: ["owner"], scope: "" }])).toBeUndefined();
});
