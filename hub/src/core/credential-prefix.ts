import { DroverError } from "@drover/shared/errors";

/** An address as servers understand it, in parts that can be compared one by one. */
interface Place {
  readonly scheme: string;
  /** With its port, unless that is the scheme's own. */
  readonly host: string;
  /** Without escapes. */
  readonly path: readonly string[];
}

const shape = /^(https?|oci):\/\/([^/]*)((?:\/[^/]*)*)$/iu;
/** White space besides the plain blank, and what shows as nothing or turns the text around. */
const invisible = /[\p{C}\p{Zl}\p{Zp}]/u;
/** What ends a part of a path for some servers, or is read once more as an escape. */
const ambiguous = /[/\\%?#]/u;

/**
 * The one form of a prefix that a person wrote: `HTTPS://Git.example.org:443/team/` is `https://git.example.org/team`.
 * Throws `usage` for what is none, and for what two servers could understand in two ways.
 */
export function readPrefix(text: string): string {
  const place = readPlace(text);
  if (typeof place === "string") {
    throw new DroverError("usage", `the addresses that a credential is for ${place}`, {
      hint: "write how they begin: https://git.example.org/team/, or oci://registry.example.org",
    });
  }
  const { scheme, host, path } = place;
  return [`${scheme}://${host}`, ...path.map((part) => encodeURI(part))].join("/");
}

/**
 * Whether the credential of a prefix may be shown to an address: same scheme, so that nothing that is meant for https goes
 * unencrypted, same host and port, and a path that begins with all parts of the prefix. What is not clear is not covered.
 */
export function covers(prefix: string, address: string): boolean {
  const [outer, inner] = [readPlace(prefix), readPlace(address)];
  if (typeof outer === "string" || typeof inner === "string") return false;
  return (
    outer.scheme === inner.scheme &&
    outer.host === inner.host &&
    outer.path.every((part, index) => part === inner.path[index])
  );
}

/** Or what is wrong, for a sentence that begins with the address. */
function readPlace(text: string): Place | string {
  if (text.length > 4096) return "have up to 4096 characters";
  if (/[\s\\]/u.test(text) || invisible.test(text)) return "hold no white space, backslashes or invisible characters";
  if (/[?#]/u.test(text)) return "hold no query and no fragment";
  const [, scheme, host = "", rest = ""] = shape.exec(text) ?? [];
  if (scheme === undefined) return "begin with https://, http:// or oci://";
  if (host.includes("@")) return "hold no user name and no password";
  const origin = readHost(scheme.toLowerCase(), host);
  if (origin === undefined) return "have a host: a name or an IP address, and a port if need be";
  const path: string[] = [];
  for (const part of rest.replace(/\/$/u, "").split("/").slice(1)) {
    const plain = readPart(part);
    if (plain === undefined) return "hold no empty parts, no parts of dots, and no escapes that hide such";
    path.push(plain);
  }
  return { scheme: scheme.toLowerCase(), host: origin, path };
}

function readHost(scheme: string, host: string): string | undefined {
  if (host.includes("%")) return undefined;
  // A registry is reached as a website is, but for one on this machine, whose ports are not https's.
  const isLoopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/iu.test(host);
  const url = `${scheme === "oci" ? `http${isLoopback ? "" : "s"}` : scheme}://${host}`;
  return URL.canParse(url) ? new URL(url).host : undefined;
}

function readPart(text: string): string | undefined {
  const part = decode(text);
  if (part === undefined || part === "" || ambiguous.test(part) || invisible.test(part)) return undefined;
  // Some servers take off everything from a semicolon on before they look for dots.
  return /^\.{1,2}(?:;|$)/u.test(part) ? undefined : part;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
