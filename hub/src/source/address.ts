import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { DroverError } from "@drover/shared/errors";

import { isSshAddress, parseSshAddress, type SshAddress } from "./ssh-address.ts";

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

/** Reads where a repository is. Credentials inside a URL count as given, unless others are. Throws `usage`. */
export function parseAddress({ url, username = "", password = "" }: AddressInput): Address {
  if (/^$|^-|\p{Cc}/u.test(url)) {
    throw new DroverError("usage", "an address is not empty, begins with no dash and holds no control characters");
  }
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
  try {
    return new URL(url);
  } catch {
    throw new DroverError("usage", "the address of the repository is no valid URL");
  }
}
