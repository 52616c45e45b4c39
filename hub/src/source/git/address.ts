import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { DroverError } from "@drover/shared/errors";

import { isSshAddress, parseSshAddress, type SshAddress } from "../ssh/ssh-address.ts";

export interface HttpAddress {
  readonly kind: "http";
  /** Without user, password, query and fragment. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

export type RemoteAddress = HttpAddress | SshAddress;

export type Address = RemoteAddress | { readonly kind: "local"; readonly path: string };

export interface AddressInput {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
}

/** Characters that show as nothing or turn the text around, and halves of characters. */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const maxLength = 4096;

/** Reads where a repository is. Credentials inside a URL count as given, unless others are. Throws `usage`. */
export function parseAddress({ url, username = "", password = "" }: AddressInput): Address {
  if (/^\s*$|^-/u.test(url) || invisible.test(url)) {
    throw new DroverError("usage", "an address is not empty, begins with no dash and holds no invisible characters");
  }
  if (url.length > maxLength) throw new DroverError("usage", `an address has up to ${maxLength} characters`);
  if (/^https?:\/\//iu.test(url)) {
    const parsed = parseUrl(url);
    return {
      kind: "http",
      url: `${parsed.origin}${parsed.pathname.replace(/\/+$/u, "")}`,
      username: username === "" ? decode(parsed.username) : username,
      password: password === "" ? decode(parsed.password) : password,
    };
  }
  if (/^file:\/\//iu.test(url)) return { kind: "local", path: readFileUrl(url) };
  if (isSshAddress(url)) {
    if (password === "") return parseSshAddress(url, username);
    throw new DroverError("usage", "a repository over SSH takes no password", { hint: "the hub logs in with a key" });
  }
  if (/^[a-z][a-z0-9+.-]*:/iu.test(url)) {
    throw new DroverError("usage", "only http, https, ssh and paths on the hub's machine can be read", {
      hint: "use the https or ssh address of the repository",
    });
  }
  return { kind: "local", path: resolve(url) };
}

function parseUrl(url: string): URL {
  return readable(() => new URL(url));
}

/** A file of another host, or with an encoded slash, is none. */
function readFileUrl(url: string): string {
  const path = readable(() => fileURLToPath(url));
  if (!path.includes("\0")) return path;
  throw new DroverError("usage", "the address of the repository is no valid URL");
}

function decode(text: string): string {
  return readable(() => decodeURIComponent(text));
}

/** The errors of URLs quote them, and they may hold a password. */
function readable<T>(read: () => T): T {
  try {
    return read();
  } catch {
    throw new DroverError("usage", "the address of the repository is no valid URL");
  }
}
