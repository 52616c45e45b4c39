import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { mutations, type Mutation, type Suite } from "./table.ts";

/** Longer than any of the suites takes: one that hangs counts as one that fails. */
const timeoutMs = 20 * 60_000;
const root = join(import.meta.dirname, "../..");

/** Plants each bug in a copy of the last commit, and runs the suite that has to see it. Names may be given. */
function main(wanted: readonly string[]): void {
  const chosen = mutations.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  const copy = mkdtempSync(join(tmpdir(), "drover-mutations-"));
  run("git", ["worktree", "add", "--force", "--detach", copy, "HEAD"], root);
  try {
    run("pnpm", ["install", "--frozen-lockfile", "--offline"], copy);
    const missed = chosen.filter((mutation) => !isCaught(copy, mutation));
    console.log(`${chosen.length - missed.length} of ${chosen.length} caught`);
    if (missed.length > 0) process.exitCode = 1;
  } finally {
    run("git", ["worktree", "remove", "--force", copy], root);
    rmSync(copy, { recursive: true, force: true });
  }
}

function isCaught(copy: string, { name, promise, file, from, to, caughtBy }: Mutation): boolean {
  const path = join(copy, file);
  const original = readFileSync(path, "utf8");
  const startedAt = Date.now();
  writeFileSync(
    path,
    original.replace(from, () => to),
  );
  try {
    const { args, env } = commandOf(caughtBy);
    const { status } = spawnSync("pnpm", args, {
      cwd: copy,
      env: { ...process.env, ...env },
      stdio: "ignore",
      timeout: timeoutMs,
    });
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    console.log(
      `${status === 0 ? "MISSED" : "caught"}  ${promise.padEnd(4)} ${name} (${describe(caughtBy)}, ${seconds} s)`,
    );
    return status !== 0;
  } finally {
    writeFileSync(path, original);
  }
}

function commandOf(suite: Suite): { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  if ("seeds" in suite) {
    const tests = ["test/simulation/even-seeds.test.ts", "test/simulation/odd-seeds.test.ts"];
    const args = ["vitest", "run", "--project", "simulation", "--bail", "1", "-t", "R1–R33", ...tests];
    return { args, env: { DROVER_SIM_SEEDS: String(suite.seeds) } };
  }
  return { args: ["vitest", "run", "--project", suite.project, "--bail", "1", ...suite.tests], env: {} };
}

function describe(suite: Suite): string {
  return "seeds" in suite ? `${suite.seeds} seeds` : suite.tests.join(" ");
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}

main(process.argv.slice(2));
