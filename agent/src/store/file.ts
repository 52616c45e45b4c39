import { mkdir, open, readFile, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

import { DroverError } from "@drover/shared/errors";

/** undefined when there is no such file. */
export async function readOptional(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (isNodeError(cause) && cause.code === "ENOENT") return undefined;
    throw storeFailed("read", path, cause);
  }
}

let counter = 0;

/**
 * Replaces a file as a whole: a reader or a crash sees the old or the new content, never a part. With `durable` the new
 * content has reached the disk when this resolves.
 */
export async function replaceFile(
  path: string,
  content: Uint8Array | string,
  { durable }: { readonly durable: boolean },
): Promise<void> {
  counter += 1;
  const draft = `${path}.${process.pid}.${counter}.draft`;
  try {
    await using file = await openDraft(draft);
    await file.writeFile(content);
    if (durable) await file.sync();
    await rename(draft, path);
    if (durable) await syncFolder(dirname(path));
  } catch (cause) {
    await rm(draft, { force: true });
    throw storeFailed("write", path, cause);
  }
}

/** Not for other users: bundles may hold secrets. */
async function openDraft(path: string): Promise<FileHandle> {
  try {
    return await open(path, "w", 0o600);
  } catch (cause) {
    if (!isNodeError(cause) || cause.code !== "ENOENT") throw cause;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return open(path, "w", 0o600);
  }
}

/** A rename is on the disk only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

export function storeFailed(verb: string, path: string, cause: unknown): DroverError {
  const code = isNodeError(cause) ? (cause.code ?? "") : "";
  return new DroverError("store_failed", `cannot ${verb} ${path} (${code})`, { cause });
}

function isNodeError(cause: unknown): cause is NodeJS.ErrnoException {
  return cause instanceof Error && "code" in cause;
}
