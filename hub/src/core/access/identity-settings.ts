import { roles as knownRoles, type Role } from "@drover/shared/api/access";
import { decodeYaml } from "@drover/shared/decode";
import { DroverError } from "@drover/shared/errors";
import { isRecord } from "@drover/shared/json";
import { formatProblem, type Problem } from "@drover/shared/problems";

import { Fields, type Findings } from "../fields.ts";

/** How people log in, and what they may do then: what the file of `--oidc-file` says. */
export interface IdentitySettings {
  /** As its metadata and its tokens name it, letter by letter. */
  readonly issuer: string;
  readonly clientId: string;
  /** Relative to the file; "" = a client without a secret. */
  readonly clientSecretFile: string;
  /** PEM of the authority of the issuer's certificate, relative to the file; "" = the system's are enough. */
  readonly caFile: string;
  /** Origin at which browsers reach the hub; "" = only the command logs in. */
  readonly publicUrl: string;
  readonly scopes: readonly string[];
  /** Of access tokens that are used instead of a login; "" = none are taken. */
  readonly audience: string;
  /** `typ` in the header of these tokens. */
  readonly tokenType: (typeof tokenTypes)[number];
  readonly algorithms: readonly Algorithm[];
  readonly groupsClaim: string;
  readonly nameClaim: string;
  /** The first that fits a person decides. */
  readonly grants: readonly Grant[];
}

/** What a person gets who is in this group, or is this subject. */
export interface Grant {
  /** "" = by subject. */
  readonly group: string;
  readonly subject: string;
  readonly roles: readonly Role[];
  /** Selector of clusters' labels; "" = everything. */
  readonly scope: string;
}

/** Signatures with a key that only the issuer has. With a shared secret, or none, there is nothing to tell apart by. */
export const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;
export type Algorithm = (typeof algorithms)[number];
const usualAlgorithms: readonly Algorithm[] = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];

const tokenTypes = ["at+jwt", "jwt"] as const;
const oneLine = { pattern: /^[\x21-\x7e]{1,512}$/u, rule: "printable ASCII without blanks" };
const anyLine = { pattern: /^[^\p{C}]{1,256}$/u, rule: "one line of at most 256 letters" };

/** Throws `config_invalid` with all mistakes and their places. `checkScope` throws for what is no selector. */
export function readIdentitySettings(
  file: string,
  bytes: Uint8Array,
  checkScope: (selector: string) => unknown,
): IdentitySettings {
  const { documents, problems: decoding } = decodeYaml(file, bytes);
  const problems: Problem[] = [...decoding];
  const [document] = documents;
  if (problems.length === 0 && (document === undefined || !isRecord(document.value) || documents.length > 1))
    throw invalid(`${file} has to be one map of settings`);
  if (document === undefined || !isRecord(document.value)) throw invalid(problems.map(formatProblem).join("; "));
  const findings: Findings = { document, problems };
  const settings = readSettings(new Fields(findings, [], document.value), checkScope);
  if (problems.length > 0) throw invalid(problems.map(formatProblem).join("; "));
  return settings;
}

function readSettings(fields: Fields, checkScope: (selector: string) => unknown): IdentitySettings {
  const settings: IdentitySettings = {
    issuer: readAddress(fields, "issuer", fields.requiredText("issuer", oneLine)),
    clientId: fields.requiredText("clientId", oneLine),
    clientSecretFile: fields.text("clientSecretFile") ?? "",
    caFile: fields.text("caFile") ?? "",
    publicUrl: readAddress(fields, "publicUrl", fields.text("publicUrl", oneLine) ?? "").replace(/\/$/u, ""),
    scopes: fields.has("scopes") ? fields.texts("scopes", oneLine) : ["openid", "profile"],
    audience: fields.text("audience", oneLine) ?? "",
    tokenType: fields.oneOf("tokenType", tokenTypes, "at+jwt"),
    algorithms: readAlgorithms(fields),
    ...readClaims(fields),
    grants: fields.maps("grants").map((grant) => readGrant(grant, checkScope)),
  };
  checkSettings(fields, settings);
  fields.finish();
  return settings;
}

/** What only shows when settings are held against each other. */
function checkSettings(fields: Fields, settings: IdentitySettings): void {
  if (fields.has("scopes") && !settings.scopes.includes("openid")) fields.wrong("scopes", 'have to hold "openid"');
  if (settings.grants.length === 0) fields.wrong("grants", "are missing", "without one nobody may do anything");
  if (settings.audience !== "" && settings.audience === settings.clientId)
    fields.wrong("audience", "has to differ from clientId", "tokens that only say who logged in have that one");
  const { pathname, search, hash } = new URL(settings.publicUrl === "" ? "http://localhost" : settings.publicUrl);
  if (pathname !== "/" || search !== "" || hash !== "")
    fields.wrong("publicUrl", "has to be an origin, without a path", "write https://hub.example.com");
}

/** What can be read or changed on the way is no way to log in; what does not leave the machine cannot. */
function readAddress(fields: Fields, key: string, text: string): string {
  if (text === "") return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url?.protocol === "http:" && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/u.test(url.hostname);
  if (url !== undefined && (url.protocol === "https:" || isLocal) && url.username + url.password === "") return text;
  fields.wrong(key, "has to be an address with https://", "http:// is for this machine only");
  return "";
}

function readClaims(fields: Fields): Pick<IdentitySettings, "groupsClaim" | "nameClaim"> {
  const groupsClaim = fields.text("groupsClaim", oneLine) ?? "groups";
  return { groupsClaim, nameClaim: fields.text("nameClaim", oneLine) ?? "preferred_username" };
}

function readAlgorithms(fields: Fields): readonly Algorithm[] {
  if (!fields.has("algorithms")) return usualAlgorithms;
  const named = fields.texts("algorithms");
  const read = named.flatMap((name) => algorithms.find((known) => known === name) ?? []);
  if (read.length < named.length || read.length === 0)
    fields.wrong("algorithms", `have to be of ${algorithms.join(", ")}`, "shared secrets and none are not taken");
  return read;
}

function readGrant(fields: Fields, checkScope: (selector: string) => unknown): Grant {
  const group = fields.text("group", anyLine) ?? "";
  const subject = fields.text("subject", anyLine) ?? "";
  const roles = fields.texts("roles").flatMap((name, index) => {
    const role = knownRoles.find((known) => known === name);
    if (role === undefined) fields.note(["roles", index], `has to be one of ${knownRoles.join(", ")}`);
    return role ?? [];
  });
  const scope = fields.text("scope") ?? "";
  if ((group === "") === (subject === "")) fields.note([], "needs a group or a subject, and not both");
  if (!fields.has("roles") || roles.length === 0) fields.wrong("roles", "are missing");
  try {
    if (scope !== "") checkScope(scope);
  } catch (cause) {
    fields.wrong("scope", DroverError.from(cause).message);
  }
  fields.finish();
  return { group, subject, roles, scope };
}

function invalid(message: string): DroverError {
  return new DroverError("config_invalid", message, { hint: "see hub/README.md, Logging in" });
}
