import { execFile } from "node:child_process";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { decodeYaml, type Decoded } from "@drover/shared/decode";
import { DroverError } from "@drover/shared/errors";

import type { SnapshotFile } from "../core/render/snapshot-files.ts";
import { followLinks } from "../source/links.ts";
import type { Snapshot } from "../source/snapshot.ts";

const execute = promisify(execFile);
const maxFiles = 50_000;

/**
 * The files of a folder as they are now, as if they had been committed: what Git ignores is left out where the folder is
 * of a work tree. Throws `not_found` and `input_too_large`.
 */
export async function readWorkingTree(folder: string, signal: AbortSignal): Promise<Snapshot> {
  const entries = new Map<string, SnapshotFile>();
  const folders = new Map<string, string>();
  for (const path of (await trackedFiles(folder, signal)) ?? (await walk(folder, signal))) {
    const stat = await lstat(join(folder, path)).catch(() => undefined);
    if (stat === undefined || stat.isDirectory()) continue;
    entries.set(path, { path, oid: path, mode: stat.isSymbolicLink() ? "symlink" : "file" });
    if (entries.size > maxFiles) throw new DroverError("input_too_large", `${folder} has more than ${maxFiles} files`);
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth += 1) folders.set(parts.slice(0, depth).join("/"), "");
  }
  const resolve = async (path: string): Promise<SnapshotFile> => {
    const final = await followLinks(path, async (link) =>
      entries.get(link)?.mode === "symlink" ? readlink(join(folder, link)) : undefined,
    );
    const found =
      entries.get(final) ?? (folders.has(final) ? ({ path: final, oid: final, mode: "folder" } as const) : undefined);
    if (found !== undefined) return found;
    throw new DroverError("not_found", `there is no file ${path}`, { at: { file: path, line: 1, column: 1 } });
  };
  const read = async (path: string): Promise<Uint8Array> => readFile(join(folder, (await resolve(path)).path));
  const decode = async (path: string): Promise<Decoded> => decodeYaml(path, await read(path));
  const commit = { id: "", ref: "", author: "", message: "", committedAtMs: 0 };
  return { repository: "config", commit, entries, folders, resolve, read, decode };
}

/** What Git has or would take with `git add`; undefined where Git knows nothing of the folder. */
async function trackedFiles(folder: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
  const args = ["-C", folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  try {
    const { stdout } = await execute("git", args, { signal, maxBuffer: 64 * 1024 * 1024 });
    return stdout.split("\0").filter((path) => path !== "");
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

async function walk(folder: string, signal: AbortSignal): Promise<readonly string[]> {
  signal.throwIfAborted();
  try {
    const found = await readdir(folder, { recursive: true });
    return found
      .map((path) => path.replaceAll("\\", "/"))
      .filter((path) => !/(?:^|\/)\.git(?:\/|$)/u.test(path))
      .toSorted();
  } catch (cause) {
    throw new DroverError("not_found", `there is no folder ${folder}`, { cause });
  }
}
