import { execFile } from "node:child_process";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { systemClock } from "@drover/shared/clock";
import { expect, onTestFinished, test, vi } from "vitest";

import { watchRepository } from "./watch-repository.ts";

const run = promisify(execFile);
const identity = ["-c", "user.name=Test", "-c", "user.email=test@drover.dev"];

async function createRepository(): Promise<{ path: string; git: (...args: string[]) => Promise<unknown> }> {
  const path = await mkdtemp(join(tmpdir(), "drover-watch-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  const git = (...args: string[]) => run("git", ["-C", path, ...identity, ...args]);
  await git("init", "--quiet", "--initial-branch=main");
  await git("commit", "--quiet", "--allow-empty", "--message=first");
  return { path, git };
}

/** Begins to watch; counts what is told after the first look. */
async function watch(path: string): Promise<{ readonly count: number }> {
  const seen = { count: 0 };
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const changed = (): void => void (seen.count += 1);
  watchRepository({ path, clock: systemClock, changed }, stop.signal).catch(() => undefined);
  await vi.waitFor(() => expect(seen.count).toBe(1));
  return seen;
}

async function expectSeen(seen: { readonly count: number }, act: () => Promise<unknown>): Promise<void> {
  const before = seen.count;
  await act();
  await vi.waitFor(() => expect(seen.count).toBeGreaterThan(before), { timeout: 5000 });
}

test("sees commits, new branches with slashes, packed refs and a switch of branches", async () => {
  const { path, git } = await createRepository();
  const seen = await watch(path);
  for (let commit = 0; commit < 5; commit += 1) {
    await expectSeen(seen, () => git("commit", "--quiet", "--allow-empty", "--message=next"));
  }
  await expectSeen(seen, () => git("branch", "feature/deep/one"));
  await expectSeen(seen, () => git("branch", "feature/deep/two"));
  await expectSeen(seen, () => git("pack-refs", "--all"));
  await expectSeen(seen, () => git("switch", "--quiet", "feature/deep/one"));
  await expectSeen(seen, () => git("commit", "--quiet", "--allow-empty", "--message=there"));
});

test("sees commits in a linked work tree and in a bare repository", async () => {
  const { path, git } = await createRepository();
  const linked = `${path}-linked`;
  onTestFinished(() => rm(linked, { recursive: true, force: true }));
  await git("worktree", "add", "--quiet", linked);
  await expectSeen(await watch(linked), () =>
    run("git", ["-C", linked, ...identity, "commit", "--allow-empty", "-mx"]),
  );
  const bare = `${path}-bare`;
  onTestFinished(() => rm(bare, { recursive: true, force: true }));
  await run("git", ["clone", "--quiet", "--bare", path, bare]);
  const seen = await watch(bare);
  await git("commit", "--quiet", "--allow-empty", "--message=pushed");
  await expectSeen(seen, () => git("push", "--quiet", bare, "main"));
});

test("sees a repository vanish, come back, and change again", async () => {
  const { path, git } = await createRepository();
  const seen = await watch(path);
  await expectSeen(seen, () => git("commit", "--quiet", "--allow-empty", "--message=next"));
  await expectSeen(seen, () => rename(path, `${path}-away`));
  await expectSeen(seen, () => rename(`${path}-away`, path));
  await expectSeen(seen, () => git("commit", "--quiet", "--allow-empty", "--message=again"));
});
