import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { DroverError } from "@drover/shared/errors";

import type { Terminal } from "./terminal.ts";

export const hostKeyFlag = [
  "--host-key <key>",
  "key of the SSH server; @FILE reads keys; may be given several times",
] as const;

export function appendHostKey(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** Keys as they are given, and those of files, one a line. The hub says which of them are keys of the server. */
export async function readHostKeys(values: readonly string[], terminal: Pick<Terminal, "cwd">): Promise<string[]> {
  const read = values.map(async (value) => (value.startsWith("@") ? readLines(value.slice(1), terminal) : [value]));
  return (await Promise.all(read)).flat();
}

async function readLines(file: string, { cwd }: Pick<Terminal, "cwd">): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(resolve(cwd, file), "utf8");
  } catch (cause) {
    throw new DroverError("usage", `the host keys in ${file} cannot be read`, { cause });
  }
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}
