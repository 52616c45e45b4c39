import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { DroverError } from "@drover/shared/errors";
import { nearest } from "@drover/shared/nearest";

/** One hub that commands can talk to. The token is here, or in a file that is read when it is needed. */
export interface HubContext {
  readonly server: string;
  readonly token?: string;
  /** Relative to the folder of contexts.yaml. */
  readonly tokenFile?: string;
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
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (isMissing(cause)) return { contexts: {} };
    throw new DroverError("config_invalid", `${file} cannot be read`, { cause });
  }
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

/** Adds or replaces one context, for its owner's eyes only. The first context, or `current: true`, becomes current. */
export async function writeContext(
  name: string,
  context: HubContext,
  options: { readonly env: Environment; readonly current?: boolean },
): Promise<void> {
  const stored = await readContexts(options.env);
  const current = options.current === true || stored.current === undefined ? name : stored.current;
  await store({ current, contexts: { ...stored.contexts, [name]: context } }, options.env);
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
  const file = contextsFile(env);
  const { stringify } = await import("yaml");
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // A rename is whole or not at all: two commands at once cannot leave half a file with half the tokens.
  const staging = `${file}.${randomBytes(4).toString("hex")}`;
  await writeFile(staging, stringify(contexts), { mode: 0o600, flag: "wx" });
  await rename(staging, file);
}

function checkContexts(value: unknown): Contexts {
  const { current, contexts } = asRecord(value ?? {});
  if (current !== undefined && typeof current !== "string") throw new TypeError("current is not a name");
  const entries = Object.entries(asRecord(contexts ?? {})).map(([name, entry]) => [name, checkContext(entry)] as const);
  return { ...(current === undefined ? {} : { current }), contexts: Object.fromEntries(entries) };
}

function checkContext(value: unknown): HubContext {
  const { server, token, tokenFile } = asRecord(value);
  if (typeof server !== "string") throw new TypeError("server is not an address");
  return {
    server,
    ...(typeof token === "string" ? { token } : {}),
    ...(typeof tokenFile === "string" ? { tokenFile } : {}),
  };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("not a map");
  // Just checked; keys of a JavaScript object are always text.
  return value as Readonly<Record<string, unknown>>;
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}
