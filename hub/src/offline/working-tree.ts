import { execFile } from "node:child_process";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { decodeYaml, type Decoded } from "@drover/shared/decode";
import { DroverError } from "@drover/shared/errors";

import type { SnapshotFile } from "../core/render/snapshot-files.ts";
import { createMirror } from "../source/git/mirror.ts";
import { followLinks } from "../source/links.ts";
import { readSnapshot, type Snapshot } from "../source/snapshot.ts";

const execute = promisify(execFile);
const maxFiles = 50_000;

/**
 * The files of a folder as they are now, as if they had been committed. In a work tree of Git paths count from its root, as
 * in what it declares, and what Git ignores is left out. Throws `not_found` and `input_too_large`.
 */
export async function readWorkingTree(folder: string, signal: AbortSignal): Promise<Snapshot> {
  const root = (await git(folder, ["rev-parse", "--show-toplevel"], signal))?.trimEnd();
  const paths = root === undefined ? await walk(folder, signal) : await trackedFiles(folder, signal);
  return readFiles(root ?? folder, paths, signal);
}

async function readFiles(folder: string, paths: readonly string[], signal: AbortSignal): Promise<Snapshot> {
  const entries = new Map<string, SnapshotFile>();
  const folders = new Map<string, string>();
  for (const path of paths) {
    signal.throwIfAborted();
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
  const commit = { id: "", ref: "", author: "", emails: [], message: "", committedAtMs: 0, parents: [] };
  return { repository: "config", commit, entries, folders, resolve, read, decode };
}

/** The files of a commit. Throws `source_ref_missing` when Git does not know it. */
export async function readRevision(folder: string, revision: string, signal: AbortSignal): Promise<Snapshot> {
  const root = (await git(folder, ["rev-parse", "--show-toplevel"], signal))?.trimEnd();
  const verify = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`];
  const commit = (await git(folder, verify, signal))?.trimEnd();
  const path = (await git(folder, ["rev-parse", "--show-prefix"], signal))?.trimEnd() ?? "";
  if (root === undefined || commit === undefined) {
    const why = root === undefined ? `${folder} is in no work tree of Git` : `Git knows no commit ${revision}`;
    throw new DroverError("source_ref_missing", why, { hint: "name a commit, a branch or a tag, such as HEAD~1" });
  }
  // A repository on this machine is read where it is, so nothing is put into the folder.
  const mirror = createMirror({ folder: tmpdir() });
  const source = { name: "config", url: root, ref: commit };
  return readSnapshot(mirror, source, { commit: await mirror.fetch(source, signal), path }, signal);
}

/** What Git has under the folder or would take with `git add`, from the root of the work tree. */
async function trackedFiles(folder: string, signal: AbortSignal): Promise<readonly string[]> {
  const args = ["ls-files", "-z", "--full-name", "--cached", "--others", "--exclude-standard"];
  return ((await git(folder, args, signal)) ?? "").split("\0").filter((path) => path !== "");
}

/** What Git prints; undefined when it refuses, as where there is no repository, or is not here. */
async function git(folder: string, args: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await execute("git", ["-C", folder, ...args], { signal, maxBuffer: 64 * 1024 * 1024 })).stdout;
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
