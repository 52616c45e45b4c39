import { DroverError } from "@drover/shared/errors";
import { isRecord, type JsonRecord } from "@drover/shared/json";

import type { Grant, IdentitySettings } from "./identity-settings.ts";

/** Somebody whom the issuer vouches for. The two of issuer and subject are who it is; everything else is how it is shown. */
export interface Person {
  readonly issuer: string;
  readonly subject: string;
  /** For people to read. Always with an `@`, which no name of a token has. */
  readonly name: string;
  /** Of the address that the issuer has verified, in lower case; "" = none. */
  readonly email: string;
  readonly groups: readonly string[];
}

const maxGroups = 2_000;

/** Reads whom verified claims are about. Throws `unauthorized` for what is missing, empty or of another type: none of it means nobody. */
export function readPerson(
  claims: JsonRecord,
  settings: Pick<IdentitySettings, "issuer" | "groupsClaim" | "nameClaim">,
): Person {
  const { sub } = claims;
  if (typeof sub !== "string" || !/^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/u.test(sub))
    throw refused("it does not say who it is for");
  const email = claims["email_verified"] === true ? textOf(claims["email"]).toLowerCase() : "";
  const groups = readGroups(claims, settings.groupsClaim);
  return { issuer: settings.issuer, subject: sub, name: nameOf(claims, sub, settings), email, groups };
}

/** The first that fits; undefined = this person may do nothing here. */
export function grantOf({ subject, groups }: Person, grants: readonly Grant[]): Grant | undefined {
  return grants.find((grant) => (grant.group === "" ? grant.subject === subject : groups.includes(grant.group)));
}

/** No claim is no group. One that is left out because it would be too long is told, instead of being taken for none. */
function readGroups(claims: JsonRecord, claim: string): readonly string[] {
  const elsewhere = claims["_claim_names"];
  if ((isRecord(elsewhere) && Object.hasOwn(elsewhere, claim)) || claims["hasgroups"] === true)
    throw refused("its groups are too many to be in it: have the identity provider name only those that matter here");
  const groups = Object.hasOwn(claims, claim) ? claims[claim] : [];
  if (!Array.isArray(groups) || groups.length > maxGroups || groups.some((group) => typeof group !== "string"))
    throw refused(`its claim ${claim} is no list of at most ${maxGroups} names`);
  return groups.filter((group): group is string => group !== "");
}

function nameOf(
  claims: JsonRecord,
  subject: string,
  { issuer, nameClaim }: Pick<IdentitySettings, "issuer" | "nameClaim">,
): string {
  // An address that nobody has verified says nothing of who it is.
  const isTaken = nameClaim !== "email" || claims["email_verified"] === true;
  const shown = textOf(isTaken && Object.hasOwn(claims, nameClaim) ? claims[nameClaim] : undefined) || subject;
  return shown.includes("@") ? shown : `${shown}@${new URL(issuer).host}`;
}

/** Bounded, and without what would change how the rest of a line looks. */
function textOf(value: unknown): string {
  return typeof value === "string"
    ? value
        .replaceAll(/[\p{C}\p{Z}]+/gu, " ")
        .trim()
        .slice(0, 128)
    : "";
}

function refused(why: string): DroverError {
  return new DroverError("unauthorized", `the token of the identity provider is not taken: ${why}`);
}
