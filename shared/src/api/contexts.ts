import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { DroverError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { readSecretFile, writeSecretFile } from "../trust/secret-file.ts";

/** One hub that commands can talk to. The token is here, or in a file that is read when it is needed. */
export interface HubContext {
  readonly server: string;
  readonly token?: string;
  /** Relative to the folder of contexts.yaml. */
  readonly tokenFile?: string;
  /** When the token ends, in ms since the epoch; absent: it is no login. */
  readonly expires?: number;
}

export interface Contexts {
  readonly current?: string;
  readonly contexts: Readonly<Record<string, HubContext>>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** `$XDG_CONFIG_HOME/drover/contexts.yaml`, by default in ~/.config. */
export function contextsFile(env: Environment): string {
  const base = env["XDG_CONFIG_HOME"];
  const folder = base === undefined || base === "" ? join(env["HOME"] ?? homedir(), ".config") : base;
  return join(folder, "drover", "contexts.yaml");
}

/** What is stored; nothing when there is no file yet. Throws `config_invalid`. */
export async function readContexts(env: Environment): Promise<Contexts> {
  const file = contextsFile(env);
  const text = await readSecretFile(file).catch((cause: unknown) => {
    throw new DroverError("config_invalid", `${file} cannot be read`, { cause });
  });
  if (text === undefined) return { contexts: {} };
  const { parse } = await import("yaml");
  try {
    return checkContexts(parse(text));
  } catch (cause) {
    throw new DroverError("config_invalid", `${file} is not a list of contexts`, {
      hint: "move the file away, then add contexts with drover context add",
      cause,
    });
  }
}

export interface WriteOptions {
  /** Names the folder of the contexts; default: the variables of this process. */
  readonly env?: Environment;
  /** Makes it the current context. The first one is in any case. */
  readonly current?: boolean;
}

/** Adds or replaces one context. */
export async function writeContext(name: string, context: HubContext, options: WriteOptions = {}): Promise<void> {
  // oxlint-disable-next-line node/no-process-env -- where contexts are is the same for every program of a user
  const env = options.env ?? process.env;
  const stored = await readContexts(env);
  const current = options.current === true || stored.current === undefined ? name : stored.current;
  await store({ current, contexts: { ...stored.contexts, [name]: context } }, env);
}

/** Throws `not_found`. */
export async function useContext(name: string, env: Environment): Promise<void> {
  const stored = await readContexts(env);
  findContext(stored, name);
  await store({ ...stored, current: name }, env);
}

/** Throws `not_found`, naming the context that was probably meant. */
export function findContext(stored: Contexts, name: string): HubContext {
  const context = Object.hasOwn(stored.contexts, name) ? stored.contexts[name] : undefined;
  if (context !== undefined) return context;
  const meant = nearest(name, Object.keys(stored.contexts));
  throw new DroverError("not_found", `there is no context "${name}"`, {
    hint: meant === undefined ? "all there are: drover context ls" : `did you mean ${meant}?`,
  });
}

export async function readToken(context: HubContext, env: Environment): Promise<string | undefined> {
  if (context.tokenFile === undefined) return context.token;
  return readTokenFile(resolve(dirname(contextsFile(env)), context.tokenFile));
}

/** Throws `config_invalid`; the file's content is never in the message. */
export async function readTokenFile(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    throw new DroverError("config_invalid", `the token file ${file} cannot be read`, { cause });
  }
}

async function store(contexts: Contexts, env: Environment): Promise<void> {
  const { stringify } = await import("yaml");
  // Tokens are inside: readable by the owner only, and never half a file.
  await writeSecretFile(contextsFile(env), stringify(contexts));
}

function checkContexts(value: unknown): Contexts {
  const { current, contexts } = asRecord(value ?? {});
  if (current !== undefined && typeof current !== "string") throw new TypeError("current is not a name");
  const entries = Object.entries(asRecord(contexts ?? {})).map(([name, entry]) => [name, checkContext(entry)] as const);
  return { ...(current === undefined ? {} : { current }), contexts: Object.fromEntries(entries) };
}

function checkContext(value: unknown): HubContext {
  const { server, token, tokenFile, expires } = asRecord(value);
  if (typeof server !== "string") throw new TypeError("server is not an address");
  return {
    server,
    ...(typeof token === "string" ? { token } : {}),
    ...(typeof tokenFile === "string" ? { tokenFile } : {}),
    ...(typeof expires === "number" ? { expires } : {}),
  };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("not a map");
  // Just checked; keys of a JavaScript object are always text.
  return value as Readonly<Record<string, unknown>>;
}
