import { resolve } from "node:path";

import { findContext, readContexts, readToken, readTokenFile } from "@drover/shared/api/contexts";
import { formatDuration } from "@drover/shared/duration";
import { DroverError } from "@drover/shared/errors";

import type { Terminal } from "./terminal.ts";

/** The flags that every command takes. */
export interface GlobalFlags {
  readonly context?: string;
  readonly server?: string;
  readonly tokenFile?: string;
  readonly output?: string;
  readonly ascii?: boolean;
}

/** The hub that a command is to talk to. */
export interface Connection {
  readonly url: string;
  readonly token: string;
}

/** The variables that the process was started with; the only place that reads them. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

/**
 * Flag over variable over context. A context's token goes to that context's server only: naming another server must
 * not hand it over. Throws `config_invalid`, `not_found`, `unauthorized`.
 */
export async function resolveConnection(flags: GlobalFlags, terminal: Terminal): Promise<Connection> {
  const { env } = terminal;
  const explicitServer = flags.server ?? env["DROVER_SERVER"];
  const explicitToken =
    flags.tokenFile === undefined ? env["DROVER_TOKEN"] : await readTokenFile(resolve(terminal.cwd, flags.tokenFile));
  if (explicitServer !== undefined && explicitToken !== undefined) {
    return { url: checkUrl(explicitServer), token: explicitToken };
  }
  if (explicitServer !== undefined) {
    throw new DroverError("unauthorized", `no token for ${explicitServer}`, {
      hint: "give --token-file or DROVER_TOKEN with --server",
    });
  }
  const { name, context } = await chooseContext(flags, env);
  const token = explicitToken ?? (await readToken(context, env));
  if (token === undefined) {
    throw new DroverError("unauthorized", `the context "${name}" has no token`, {
      hint: `drover login ${name}, or drover context add ${name} --server ${context.server} --token-file FILE`,
    });
  }
  const { expires = Number.POSITIVE_INFINITY } = context;
  if (explicitToken === undefined && expires <= terminal.now()) {
    const ago = formatDuration(terminal.now() - expires);
    throw new DroverError("unauthorized", `the login of the context "${name}" ended ${ago} ago`, {
      hint: `log in again: drover login ${name}`,
    });
  }
  return { url: checkUrl(context.server), token };
}

async function chooseContext(flags: GlobalFlags, env: Terminal["env"]) {
  const stored = await readContexts(env);
  const name = flags.context ?? env["DROVER_CONTEXT"] ?? stored.current;
  if (name === undefined) {
    throw new DroverError("config_invalid", "no hub is configured", {
      hint: "start one here with npm start, or name one: drover context add NAME --server URL --token-file FILE",
    });
  }
  return { name, context: findContext(stored, name) };
}

/** Throws `config_invalid` for what is no address over http(s). */
export function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === "http:" || url.protocol === "https:")) return text;
  throw new DroverError("config_invalid", `"${text}" is not the address of a hub`, {
    hint: "write it as http://127.0.0.1:7474",
  });
}
