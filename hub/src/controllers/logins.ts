import { DroverError } from "@drover/shared/errors";
import type { JsonRecord } from "@drover/shared/json";

import type { KnownPerson, Logins } from "../api/logins.ts";
import type { IdentitySettings } from "../core/access/identity-settings.ts";
import { grantOf, readPerson } from "../core/access/person.ts";
import { principalOf } from "../core/access/principal.ts";
import type { Issuer } from "../identity/issuer.ts";
import type { Tickets } from "../identity/sealed-ticket.ts";

export interface LoginsDeps {
  readonly settings: IdentitySettings;
  readonly issuer: Issuer;
  readonly tickets: Tickets;
}

/** How long a person has to log in. */
const patienceSeconds = 10 * 60;
const [forBrowser, forDevice] = ["drover:browser", "drover:device"];

/** What people prove to the identity provider becomes what they may do here. */
export function createLogins({ settings, issuer, tickets }: LoginsDeps): Logins {
  const known = (claims: JsonRecord): KnownPerson => {
    const person = readPerson(claims, settings);
    const grant = grantOf(person, settings.grants);
    if (grant !== undefined) return { ...person, grant };
    throw new DroverError(
      "forbidden",
      `${person.name} may do nothing here: no grant is for them or one of their groups`,
      {
        hint: "those who run the hub give grants to groups and subjects in the file of --oidc-file",
      },
    );
  };
  return {
    async begin(returnTo) {
      if (settings.publicUrl === "")
        throw new DroverError("precondition_failed", "browsers cannot log in: publicUrl is not set");
      const checks = issuer.newChecks();
      const ticket = await tickets.seal(forBrowser, { ...checks, returnTo: placeOf(returnTo) }, patienceSeconds);
      return { location: (await issuer.authorizationUrl(checks)).href, ticket };
    },
    async finish(search, ticket) {
      const { state, nonce, verifier, returnTo } = (await tickets.open(forBrowser, ticket)) ?? {};
      const texts = [state, nonce, verifier].map((part) => (typeof part === "string" ? part : ""));
      const [stateText = "", nonceText = "", verifierText = ""] = texts;
      if (texts.includes("")) throw late();
      const checks = { state: stateText, nonce: nonceText, verifier: verifierText };
      const person = known(await issuer.redeem(search, checks));
      return { person, returnTo: placeOf(typeof returnTo === "string" ? returnTo : "") };
    },
    async beginDevice() {
      const { deviceCode, ...shown } = await issuer.beginDevice();
      return { ...shown, ticket: await tickets.seal(forDevice, { deviceCode }, shown.expiresInSeconds) };
    },
    async finishDevice(ticket) {
      const { deviceCode } = (await tickets.open(forDevice, ticket)) ?? {};
      if (typeof deviceCode !== "string") throw late();
      const outcome = await issuer.redeemDevice(deviceCode);
      return typeof outcome === "string" ? outcome : known(outcome);
    },
    async bearer(token) {
      const claims = await issuer.accessClaims(token);
      const person = known(claims);
      const { subject, name, grant } = person;
      const expiresAtMs = Number(claims["exp"]) * 1000;
      const who = { person: { issuer: person.issuer, subject, session: "" }, principal: principalOf(person) };
      return { name, roles: grant.roles, scope: grant.scope, expiresAtMs, ...who };
    },
  };
}

/** A path of this hub, whatever was asked for: nobody is sent elsewhere by having logged in. */
function placeOf(returnTo: string): string {
  return /^\/(?![/\\])[\x21-\x7e]{0,512}$/u.test(returnTo) && !returnTo.includes("\\") ? returnTo : "/";
}

function late(): DroverError {
  return new DroverError("unauthorized", "this login took too long, or was begun elsewhere", { hint: "begin again" });
}
