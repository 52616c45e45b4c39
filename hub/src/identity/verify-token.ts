import { decodeYaml } from "@drover/shared/decode";
import { DroverError } from "@drover/shared/errors";
import { isRecord, type JsonRecord } from "@drover/shared/json";
import { errors, jwtVerify, type JWTVerifyGetKey } from "jose";

/** What a token has to be, for one use of it. One for another use does not fit, whoever signed it. */
export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  /** `typ` of its header, in lower case; "" stands for none. */
  readonly types: readonly string[];
  readonly maxAgeSeconds: number;
  readonly keys: JWTVerifyGetKey;
  /** Ms since the epoch. */
  readonly now: number;
}

const skewSeconds = 60;
/** In letters: as much as a header of a request may have. */
const longest = 16_384;
/** Headers that change what is signed, or say that there is another token inside. */
const refusedHeaders = ["crit", "b64", "zip", "enc", "cty"];

/**
 * The claims of a token that the issuer signed for this use, now. What its header says of where keys are (`jku`, `x5u`,
 * `jwk`, `x5c`) is looked at by nobody. Throws `unauthorized` whatever else it is, and `issuer_unreachable` when the
 * keys cannot be had.
 */
export async function verifyToken(token: string, rules: TokenRules): Promise<JsonRecord> {
  if (token.length > longest) throw refused("it is too long");
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/u.test(token)) throw refused("it is not a signed token");
  const [head = "", body = ""] = token.split(".");
  checkHeader(readPart(head), rules);
  const claims = readPart(body);
  for (const time of ["exp", "iat", "nbf"])
    if (Object.hasOwn(claims, time) && !isTime(claims[time])) throw refused(`its ${time} is no time`);
  try {
    const { payload } = await jwtVerify(token, rules.keys, {
      algorithms: [...rules.algorithms],
      issuer: rules.issuer,
      audience: rules.audience,
      clockTolerance: skewSeconds,
      maxTokenAge: rules.maxAgeSeconds,
      requiredClaims: ["sub", "exp", "iat"],
      currentDate: new Date(rules.now),
    });
    return payload;
  } catch (cause) {
    throw explain(cause);
  }
}

function checkHeader(header: JsonRecord, { algorithms, types }: TokenRules): void {
  const { alg, kid, typ = "" } = header;
  if (typeof alg !== "string" || !algorithms.includes(alg)) throw refused("it is signed in a way that is not taken");
  if (kid !== undefined && (typeof kid !== "string" || kid.length > 512)) throw refused("it names no key");
  if (typeof typ !== "string" || !types.includes(typ.toLowerCase().replace(/^application\//u, "")))
    throw refused("it is of a type for another use");
  const odd = refusedHeaders.find((name) => Object.hasOwn(header, name));
  if (odd !== undefined) throw refused(`its header has ${odd}`);
}

/** As JSON in which every key is there once: others may read the first of two where this hub reads the last. */
function readPart(part: string): JsonRecord {
  const bytes = Buffer.from(part, "base64url");
  if (bytes.toString("base64url") !== part) throw refused("it is not encoded as tokens are");
  const limits = { maxBytes: longest, maxDepth: 8, maxNodes: 5_000, maxAliases: 0, maxDocuments: 1 };
  const { documents, problems } = decodeYaml("token", bytes, limits);
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    if (problems.length === 0 && documents.length === 1 && isRecord(value)) return value;
  } catch {
    // Told below, without what is in it.
  }
  throw refused("a part of it is not one JSON object with each key once");
}

function isTime(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 && value < 1e11;
}

function explain(cause: unknown): DroverError {
  if (cause instanceof DroverError) return cause;
  if (cause instanceof errors.JWTExpired) return refused("it has ended");
  if (cause instanceof errors.JWTClaimValidationFailed) return refused(`its claim ${cause.claim} does not fit`);
  if (cause instanceof errors.JWKSTimeout)
    return new DroverError("issuer_unreachable", "the keys of the identity provider cannot be had: it took too long");
  return refused("it is not signed by the issuer");
}

function refused(why: string): DroverError {
  return new DroverError("unauthorized", `the token of the identity provider is not taken: ${why}`);
}
