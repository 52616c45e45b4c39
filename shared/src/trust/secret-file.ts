import { mkdir, open, readFile, rename } from "node:fs/promises";
import path from "node:path";

/**
 * Writes a file that only its owner can read (0600, in a folder of 0700): either the whole new content is there after a
 * crash, or the whole old one.
 */
export async function writeSecretFile(file: string, content: string): Promise<void> {
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const staging = `${file}.new`;
  await writeSynced(staging, content);
  await rename(staging, file);
  await syncFolder(folder);
}

/** Undefined when there is no such file. */
export async function readSecretFile(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw cause;
  }
}

async function writeSynced(file: string, content: string): Promise<void> {
  await using handle = await open(file, "w", 0o600);
  // A file that an earlier crash left keeps its mode; the mode of `open` is only for new ones.
  await handle.chmod(0o600);
  await handle.writeFile(content);
  await handle.sync();
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}
