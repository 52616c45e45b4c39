import type { Client } from "@drover/shared/api/client";
import { DroverError } from "@drover/shared/errors";
import { formatProblem, type Problem } from "@drover/shared/problems";

import type { GlobalFlags } from "./config.ts";
import { resolveConnection } from "./config.ts";
import type { Style, Terminal } from "./terminal.ts";
import { styleOf } from "./terminal.ts";
import { plain } from "./text.ts";

export const outputs = ["table", "wide", "json", "yaml", "name"] as const;
export type OutputFormat = (typeof outputs)[number];

/** Where a command writes, and how. */
export interface Output {
  readonly terminal: Terminal;
  readonly format: OutputFormat;
  /** For stdout. */
  readonly style: Style;
  /** For stderr. */
  readonly asideStyle: Style;
}

/** What a running command has at hand. */
export interface Session extends Output {
  readonly client: Client;
  /** The hub's address, as this machine knows it. */
  readonly url: string;
  readonly signal: AbortSignal;
}

export function openOutput(terminal: Terminal, flags: GlobalFlags): Output {
  return {
    terminal,
    format: checkFormat(flags.output),
    style: styleOf(terminal, terminal.stdout, flags),
    asideStyle: styleOf(terminal, terminal.stderr, flags),
  };
}

export async function openSession(terminal: Terminal, flags: GlobalFlags): Promise<Session> {
  const output = openOutput(terminal, flags);
  const connection = await resolveConnection(flags, terminal);
  const { createClient } = await import("@drover/shared/api/client");
  return { ...output, client: createClient(connection), url: connection.url, signal: terminal.signal };
}

/** Writes lines of data. */
export function print(session: Pick<Session, "terminal">, lines: readonly string[]): void {
  if (lines.length > 0) session.terminal.stdout.write(`${lines.join("\n")}\n`);
}

/** Writes a line that is not data: a total, a hint, what was done. */
export function say(session: Pick<Session, "terminal">, line: string): void {
  session.terminal.stderr.write(`${line}\n`);
}

/** Writes what is wrong, and says whether any of it is an error. */
export function sayProblems(session: Pick<Session, "terminal">, problems: readonly Problem[]): boolean {
  for (const problem of problems) say(session, plain(`${problem.severity}: ${formatProblem(problem)}`));
  return problems.some(({ severity }) => severity === "error");
}

/** Writes a value as JSON or YAML. */
export async function printValue(session: Output, value: unknown): Promise<void> {
  if (session.format === "yaml") {
    const { stringify } = await import("yaml");
    session.terminal.stdout.write(stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 }));
    return;
  }
  session.terminal.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** All items of a list over its pages. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

export function isStructured(format: OutputFormat): boolean {
  return format === "json" || format === "yaml";
}

function checkFormat(text: string | undefined): OutputFormat {
  const format = outputs.find((candidate) => candidate === (text ?? "table"));
  if (format !== undefined) return format;
  throw new DroverError("usage", `"${text}" is not an output format`, { hint: `formats: ${outputs.join(" ")}` });
}
