import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { DroverError } from "@drover/shared/errors";

import type { Terminal } from "./terminal.ts";

/**
 * What is secret comes from files and pipes: flags are seen by every process of the machine. `-` is standard input.
 * `what` names it in the error.
 */
export async function readSecret(
  file: string,
  what: string,
  terminal: Pick<Terminal, "cwd" | "readStdin">,
): Promise<string> {
  if (file === "-") return (await terminal.readStdin()).trim();
  try {
    return (await readFile(resolve(terminal.cwd, file), "utf8")).trim();
  } catch (cause) {
    throw new DroverError("usage", `the ${what} file ${file} cannot be read`, { cause });
  }
}
