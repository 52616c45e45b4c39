import { DroverError } from "@drover/shared/errors";

import type { Disk } from "./disk.ts";

/** undefined when there is no such file. Throws `store_failed`. */
export async function readOptional(disk: Pick<Disk, "read">, path: string): Promise<Buffer | undefined> {
  try {
    return await disk.read(path);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw storeFailed("read", path, cause);
  }
}

/** As `Disk.replace`. Throws `store_failed`. */
export async function replaceFile(
  disk: Pick<Disk, "replace">,
  path: string,
  content: Uint8Array | string,
  options: { readonly durable: boolean },
): Promise<void> {
  try {
    await disk.replace(path, content, options);
  } catch (cause) {
    throw storeFailed("write", path, cause);
  }
}

export function storeFailed(verb: string, path: string, cause: unknown): DroverError {
  return new DroverError("store_failed", `cannot ${verb} ${path} (${codeOf(cause)})`, { cause });
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}
