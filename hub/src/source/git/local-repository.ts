import { readFile, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

import { DroverError } from "@drover/shared/errors";

/** Where the parts of a repository on this machine are. They differ only in linked work trees. */
export interface LocalRepository {
  /** Has HEAD. */
  readonly gitFolder: string;
  /** Has refs and objects. */
  readonly commonFolder: string;
}

/** Finds the repository of a work tree, a linked work tree or a bare repository. Throws `source_missing`. */
export async function findLocalRepository(path: string): Promise<LocalRepository> {
  const dotGit = join(path, ".git");
  const kind = await kindOf(dotGit);
  if (kind === "folder") return open(dotGit);
  if (kind === "file") return open(await followGitFile(dotGit, path));
  if ((await kindOf(join(path, "HEAD"))) === "file" && (await kindOf(join(path, "objects"))) === "folder") {
    return open(path);
  }
  const exists = (await kindOf(path)) !== undefined;
  throw new DroverError("source_missing", exists ? `${path} is not a Git repository` : `${path} does not exist`, {
    hint: "give the folder that has .git in it, on the hub's machine",
  });
}

async function open(gitFolder: string): Promise<LocalRepository> {
  const common = (await readText(join(gitFolder, "commondir")))?.trim();
  const commonFolder = common === undefined ? gitFolder : isAbsolute(common) ? common : join(gitFolder, common);
  const config = (await readText(join(commonFolder, "config"))) ?? "";
  const unreadable = /^\s*(?:objectformat\s*=\s*sha256|refstorage\s*=\s*reftable)\s*$/imu.exec(config)?.[0].trim();
  if (unreadable === undefined) return { gitFolder, commonFolder };
  throw new DroverError("source_missing", `${gitFolder} has a format that cannot be read (${unreadable})`, {
    hint: "serve it over http",
  });
}

/** In linked work trees and submodules `.git` is a file: `gitdir: PATH`. */
async function followGitFile(dotGit: string, path: string): Promise<string> {
  const target = /^gitdir: (?<target>.+)$/mu.exec((await readText(dotGit)) ?? "")?.groups?.["target"]?.trim();
  if (target === undefined) throw new DroverError("source_missing", `${dotGit} is not a Git repository`);
  return isAbsolute(target) ? target : join(path, target);
}

async function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}
