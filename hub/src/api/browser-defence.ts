import { isIP } from "node:net";

import { DroverError } from "@drover/shared/errors";

/** On every answer: nothing here is a page, so nothing may be loaded, framed, sniffed or kept. */
export const securityHeaders: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

export interface RequestOrigin {
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

/**
 * Refuses what a foreign web page makes a browser send. A page whose name was re-bound to 127.0.0.1 shows by its Host
 * header, any other page by its Origin. There is no CORS: other origins have no business here. Throws `forbidden`.
 */
export function checkBrowser(request: RequestOrigin, options: { readonly hosts: ReadonlySet<string> | "any" }): void {
  const name = hostName(request.host);
  if (options.hosts !== "any" && !options.hosts.has(name) && !isLoopback(name)) {
    throw new DroverError("forbidden", `the hub is not called "${name}"`, {
      hint: "use localhost, or allow the name in the hub's settings",
    });
  }
  if (request.origin !== undefined && originHost(request.origin) !== request.host?.toLowerCase()) {
    throw new DroverError("forbidden", "pages of another origin may not use the hub");
  }
}

export function isLoopback(name: string): boolean {
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

/** The name in a Host header, without port and brackets; empty when there is none. */
function hostName(host: string | undefined): string {
  const text = (host ?? "").toLowerCase();
  const bracketed = /^\[(?<address>[^\]]*)\](:\d+)?$/u.exec(text)?.groups?.["address"];
  return bracketed ?? text.replace(/:\d+$/u, "");
}

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
