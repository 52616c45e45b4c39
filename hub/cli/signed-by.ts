import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { DroverError } from "@drover/shared/errors";

import type { Terminal } from "./terminal.ts";

export const signedByFlag = [
  "--signed-by <file>",
  "file with public keys of OpenPGP or SSH; only commits that one of them signed are taken; may be given several times",
] as const;

export function appendFile(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** Texts of files; which keys they hold, the hub says. A private key does not get as far as there. */
export async function readSignedBy(files: readonly string[], { cwd }: Pick<Terminal, "cwd">): Promise<string[]> {
  return Promise.all(files.map(async (file) => readKeys(file, cwd)));
}

async function readKeys(file: string, cwd: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(resolve(cwd, file), "utf8");
  } catch (cause) {
    throw new DroverError("usage", `the keys in ${file} cannot be read`, { cause });
  }
  if (!text.includes("PRIVATE KEY")) return text;
  throw new DroverError("usage", `${file} holds a private key`, { hint: "give the public one" });
}
