import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { mustRun } from "./command.ts";
import { program } from "./programs.ts";
import { temporaryFolder } from "./watchdog.ts";

/** Content by path; undefined removes the file. */
export type FileChanges = Readonly<Record<string, string | undefined>>;

/** An ordinary Git work tree that a test commits to with plain git. */
export interface WorkTree extends AsyncDisposable {
  readonly path: string;
  readonly branch: string;
  /** Changes files without committing them. */
  write(files: FileChanges): Promise<void>;
  /** Commits every change in the folder, with `files` applied first. Returns the commit's id. */
  commit(message: string, files?: FileChanges): Promise<string>;
  /** Pushes the branch, by force: tests rewrite history on purpose. */
  push(remote: string): Promise<void>;
  /** Any other git command; returns what it prints. */
  git(...args: readonly string[]): Promise<string>;
}

export interface WorkTreeOptions {
  readonly branch?: string;
  /** Committed as the first commit. */
  readonly files?: FileChanges;
}

/** Commits are a minute apart from here on, so the same steps give the same commit ids on every machine. */
const firstCommitSeconds = 1_767_225_600;

/** Git without the configuration of the user or the machine. */
export const plainGit: Readonly<Record<string, string>> = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "Drover Test",
  GIT_AUTHOR_EMAIL: "test@drover.dev",
  GIT_COMMITTER_NAME: "Drover Test",
  GIT_COMMITTER_EMAIL: "test@drover.dev",
};

/** Makes a work tree in a temporary folder; without `files` it has no commit yet. */
export async function createWorkTree({ branch = "main", files }: WorkTreeOptions = {}): Promise<WorkTree> {
  await using parts = new AsyncDisposableStack();
  const { path } = parts.use(await temporaryFolder("worktree"));
  let commits = 0;
  const run = (args: readonly string[]): Promise<string> => {
    const date = `${firstCommitSeconds + commits * 60} +0000`;
    const env = { ...plainGit, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    return mustRun(program("git"), args, { cwd: path, env });
  };
  const write = async (changes: FileChanges): Promise<void> => {
    for (const [name, content] of Object.entries(changes)) {
      const file = join(path, name);
      if (content === undefined) {
        await rm(file, { recursive: true });
      } else {
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, content);
      }
    }
  };
  const commit = async (message: string, changes: FileChanges = {}): Promise<string> => {
    await write(changes);
    await run(["add", "--all"]);
    await run(["commit", "--quiet", "--allow-empty", `--message=${message}`]);
    commits += 1;
    return (await run(["rev-parse", "HEAD"])).trim();
  };
  await run(["init", "--quiet", `--initial-branch=${branch}`]);
  if (files !== undefined) await commit("Start", files);
  const owned = parts.move();
  return {
    path,
    branch,
    write,
    commit,
    async push(remote) {
      await run(["push", "--quiet", "--force", remote, branch]);
    },
    git: (...args) => run(args),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
