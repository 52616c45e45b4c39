import { DroverError } from "./errors.ts";

/** One setting: its flag is `--poll-interval-ms`, its variable `DROVER_POLL_INTERVAL_MS` for the key `pollIntervalMs`. */
export interface Option<T> {
  readonly help: string;
  readonly parse: (text: string) => T;
  /** Absent: the option must be given. */
  readonly default?: T;
  /** How the default reads in the help. */
  readonly placeholder?: string;
}

export type Options = Readonly<Record<string, Option<unknown>>>;

export type ConfigOf<O extends Options> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never };

export interface ConfigSources {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Flag over environment over default, into one frozen value. Throws `config_invalid` naming every wrong setting. */
export function loadConfig<O extends Options>(options: O, sources: ConfigSources): ConfigOf<O> {
  const { flags, problems } = readFlags(options, sources.argv);
  const entries = Object.entries(options).map(([key, option]) => {
    const text = flags.get(key) ?? sources.env[envName(key)];
    if (text === undefined) {
      if (!("default" in option)) problems.push(`--${flagName(key)} is missing: ${option.help}`);
      return [key, option.default];
    }
    try {
      return [key, option.parse(text)];
    } catch (cause) {
      problems.push(`--${flagName(key)}: ${cause instanceof Error ? cause.message : String(cause)}`);
      return [key, undefined];
    }
  });
  if (problems.length > 0) {
    throw new DroverError("config_invalid", problems.join("; "), { hint: "run with --help for all settings" });
  }
  // The entries were made from the table itself, key by key.
  return Object.freeze(Object.fromEntries(entries)) as ConfigOf<O>;
}

/** One line for each setting, from the same table. */
export function formatOptions(options: Options): string {
  return Object.entries(options)
    .map(([key, option]) => {
      const fallback = option.placeholder ?? ("default" in option ? String(option.default) : "required");
      return `  --${flagName(key).padEnd(24)} ${option.help} (${envName(key)}; default: ${fallback})`;
    })
    .join("\n");
}

export const parseText = (text: string): string => text;

export function parseNumber(range: { readonly min: number; readonly max: number }): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isFinite(value) || text.trim() === "" || value < range.min || value > range.max) {
      throw new Error(`"${text}" is not a number from ${range.min} to ${range.max}`);
    }
    return value;
  };
}

export function parseOneOf<T extends string>(...values: readonly T[]): (text: string) => T {
  return (text) => {
    const value = values.find((candidate) => candidate === text);
    if (value === undefined) throw new Error(`"${text}" is not one of ${values.join(", ")}`);
    return value;
  };
}

function readFlags(options: Options, argv: readonly string[]) {
  const flags = new Map<string, string>();
  const problems: string[] = [];
  const keys = new Map(Object.keys(options).map((key) => [flagName(key), key]));
  for (let i = 0; i < argv.length; i += 1) {
    const [name, inline] = splitFlag(argv[i] ?? "");
    const key = keys.get(name);
    const value = inline ?? argv[i + 1];
    if (key === undefined) problems.push(`unknown setting "${argv[i]}"`);
    else if (value === undefined) problems.push(`--${name} needs a value`);
    else flags.set(key, value);
    if (inline === undefined) i += 1;
  }
  return { flags, problems };
}

function splitFlag(argument: string): [string, string | undefined] {
  const text = argument.replace(/^--/u, "");
  const equals = text.indexOf("=");
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}

function flagName(key: string): string {
  return key.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
}

function envName(key: string): string {
  return `DROVER_${flagName(key).replaceAll("-", "_").toUpperCase()}`;
}
