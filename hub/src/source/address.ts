import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { DroverError } from "@drover/shared/errors";

export type Address =
  | {
      readonly kind: "http";
      /** Without user, password, query and fragment. */
      readonly url: string;
      readonly username: string;
      readonly password: string;
    }
  | { readonly kind: "local"; readonly path: string };

export interface AddressInput {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
}

/** Reads where a repository is. Credentials inside a URL count as given, unless others are. Throws `usage`. */
export function parseAddress({ url, username = "", password = "" }: AddressInput): Address {
  if (/^https?:\/\//iu.test(url)) {
    const parsed = parseUrl(url);
    return {
      kind: "http",
      url: `${parsed.origin}${parsed.pathname.replace(/\/+$/u, "")}`,
      username: username === "" ? decodeURIComponent(parsed.username) : username,
      password: password === "" ? decodeURIComponent(parsed.password) : password,
    };
  }
  if (/^file:\/\//iu.test(url)) return { kind: "local", path: fileURLToPath(parseUrl(url)) };
  if (/^[a-z][a-z0-9+.-]*:\/\//iu.test(url) || /^[^/\\]+@[^/\\]+:/u.test(url)) {
    throw new DroverError("usage", "only http, https and paths on this machine can be read", {
      hint: "use the https address of the repository with a token",
    });
  }
  return { kind: "local", path: resolve(url) };
}

function parseUrl(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new DroverError("usage", "the address of the repository is no valid URL");
  }
}
