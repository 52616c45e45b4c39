import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import type { AddSource } from "@drover/shared/api/types";
import { parseDuration } from "@drover/shared/duration";
import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { isStructured, openSession, print, printValue, say } from "../session.ts";
import type { Terminal } from "../terminal.ts";

interface AddFlags extends GlobalFlags {
  readonly name?: string;
  readonly ref?: string;
  readonly path?: string;
  readonly interval?: string;
  readonly username?: string;
  readonly passwordFile?: string;
}

export function define(program: Command, { terminal }: CommandContext): void {
  const source = program.command("source").description("Add and remove the repositories that the hub reads.");
  const add = source
    .command("add")
    .description("Add a Git repository by address, or by path on the hub's machine.")
    .argument("<address>", "http(s) address or path")
    .option("--name <name>", "default: the last part of the address")
    .option("--ref <ref>", "branch, tag or commit; default: the repository's default branch")
    .option("--path <folder>", "only this folder of it")
    .option("--interval <duration>", "how often to look for commits", "60s")
    .option("--username <name>", "for basic authentication")
    .option("--password-file <file>", "file with the password or token; - reads it from standard input")
    .action(async (address: string) => {
      const flags = add.optsWithGlobals<AddFlags>();
      const input = await readInput(address, flags, terminal);
      const session = await openSession(terminal, flags);
      const added = await session.client.sources.add(input, session.signal);
      if (isStructured(session.format)) return printValue(session, added);
      print(session, [added.name]);
      return say(session, `next: drover describe source ${added.name}`);
    });
  withExamples(add, [
    ["drover source add https://git.example.com/platform.git --ref main", "a public repository"],
    ["drover source add ./config --interval 5s", "a work tree on this machine"],
    ["drover source add https://git.example.com/p.git --username ci --password-file token", "a private one"],
  ]);
  const remove = source
    .command("remove")
    .description("Read a repository no more. What it put on clusters stays.")
    .argument("<name>")
    .action(async (name: string) => {
      const session = await openSession(terminal, remove.optsWithGlobals<GlobalFlags>());
      await session.client.sources.remove(name.replace(/^source\//u, ""), session.signal);
      say(session, `source ${name} removed`);
    });
  withExamples(remove, [["drover source remove platform", "forget it"]]);
}

async function readInput(address: string, flags: AddFlags, terminal: Terminal): Promise<AddSource> {
  const { name, ref, path, username } = flags;
  const password = flags.passwordFile === undefined ? undefined : await readPassword(flags.passwordFile, terminal);
  return {
    // The hub does not know where this command runs.
    url: isAddress(address) ? address : resolve(terminal.cwd, address),
    intervalSeconds: readInterval(flags.interval),
    ...(name === undefined ? {} : { name }),
    ...(ref === undefined ? {} : { ref }),
    ...(path === undefined ? {} : { path }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function isAddress(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//iu.test(text) || /^[^\s/]+@[^\s/]+:/u.test(text);
}

function readInterval(text = "60s"): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1000) return ms / 1000;
  throw new DroverError("usage", `"${text}" is not an interval of at least 1s`, { hint: "write it as 30s, 5m or 1h" });
}

/** Passwords come from files and pipes: flags are seen by every process of the machine. */
async function readPassword(file: string, terminal: Terminal): Promise<string> {
  if (file === "-") return (await terminal.readStdin()).trim();
  try {
    return (await readFile(resolve(terminal.cwd, file), "utf8")).trim();
  } catch (cause) {
    throw new DroverError("usage", `the password file ${file} cannot be read`, { cause });
  }
}
