import { DroverError } from "@drover/shared/errors";
import { textAt } from "@drover/shared/json";

import { basicOf, type Credential } from "../web/credential.ts";
import { showUrl, type WebAnswer, type WebClient } from "../web/web-client.ts";

export interface Challenge {
  /** What a registry answered with status 401. */
  readonly answer: WebAnswer;
  readonly registry: URL;
  /** `charts/podinfo` */
  readonly name: string;
}

const maxTokenBytes = 64 * 1024;

/**
 * The header that answers a challenge: Basic, or a token of the realm that it names (distribution's token
 * specification). Throws `source_auth`, and what the client throws.
 */
export async function authorize(
  { answer, registry, name }: Challenge,
  credential: Credential | undefined,
  clientFor: (origin: string) => WebClient,
): Promise<string> {
  const challenge = answer.header("www-authenticate");
  const parameter = (key: string): string => new RegExp(`[\\s,]${key}="([^"]*)"`, "iu").exec(challenge)?.[1] ?? "";
  const basic = basicOf(credential);
  if (!/^bearer\b/iu.test(challenge)) return basic ?? refuse(registry, "asks for credentials");
  const realm = parameter("realm");
  if (!URL.canParse(realm)) return refuse(registry, "names no address that gives tokens");
  const url = new URL(realm);
  const service = parameter("service");
  if (service !== "") url.searchParams.set("service", service);
  url.searchParams.set("scope", `repository:${name}:pull`);
  const isTrusted = mayKnow(url, registry);
  if (credential !== undefined && !isTrusted) {
    return refuse(registry, `wants the credential shown to ${url.origin}, which is another's or not encrypted`);
  }
  const given = await clientFor(url.origin).get(url, { authorization: basic, maxBytes: maxTokenBytes });
  const token = given.status === 200 ? tokenIn(given.body) : undefined;
  if (token !== undefined) return `Bearer ${token}`;
  const who = credential === undefined ? "nobody without credentials" : "these credentials";
  return refuse(registry, `lets ${who} read ${name}: ${showUrl(url)} gives no token (status ${given.status})`);
}

/**
 * Whether whoever gives tokens may be shown the registry's credential. The registry chooses that address, and so does
 * whoever can answer for it: it has to be the same host or of the same domain, and encrypted where the registry is.
 */
export function mayKnow(realm: URL, registry: URL): boolean {
  const isAsSafe = realm.protocol === "https:" || (realm.protocol === "http:" && registry.protocol === "http:");
  if (!isAsSafe) return false;
  if (realm.hostname === registry.hostname) return true;
  const [a, b] = [domainOf(realm.hostname), domainOf(registry.hostname)];
  return a !== undefined && a === b;
}

/** What somebody registers: `gitlab.com`, `example.co.uk`. Undefined for an address and for a name of one part. */
function domainOf(hostname: string): string | undefined {
  const parts = hostname.split(".");
  if (parts.length < 2 || /^[\d.]+$|:/u.test(hostname)) return undefined;
  const [second = "", top = ""] = parts.slice(-2);
  const depth = top.length === 2 && second.length <= 3 ? 3 : 2;
  return parts.length < depth ? undefined : parts.slice(-depth).join(".");
}

function tokenIn(body: Uint8Array): string | undefined {
  try {
    const answer: unknown = JSON.parse(new TextDecoder().decode(body));
    return textAt(answer, "token") ?? textAt(answer, "access_token");
  } catch {
    return undefined;
  }
}

function refuse(registry: URL, why: string): never {
  throw new DroverError("source_auth", `${registry.host} ${why}`, {
    hint: "give the source a credential that may read it",
  });
}
