import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

// A killed test run must leave no server and no folder behind, and Node runs nothing after SIGKILL. So a shell sits at
// the other end of a pipe: when the pipe closes, however this process ended, it kills what is still guarded.
const script = `
trap '' INT TERM HUP
pids=
while read -r verb pid; do
  case "$verb" in
    guard) pids="$pids $pid" ;;
    release)
      left=
      for other in $pids; do [ "$other" = "$pid" ] || left="$left $other"; done
      pids=$left ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
rm -rf "$1"
`;

interface Watchdog {
  readonly folder: string;
  readonly shell: ChildProcess;
}

let watchdog: Watchdog | undefined;

/** From now on the process dies with this one. */
export function guard(pid: number): void {
  tell(`guard ${pid}`);
}

/** The process has ended: its number may soon belong to a stranger. */
export function release(pid: number): void {
  tell(`release ${pid}`);
}

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** A folder that is removed on dispose, and at the latest when this process ends. */
export async function temporaryFolder(name: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(start().folder, `${name}-`));
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function tell(line: string): void {
  start().shell.stdin?.write(`${line}\n`);
}

function start(): Watchdog {
  if (watchdog !== undefined) return watchdog;
  const folder = mkdtempSync(join(tmpdir(), "drover-rig-"));
  const shell = spawn("/bin/sh", ["-c", script, "drover-rig-watchdog", folder], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  shell.unref();
  const stdin = shell.stdin;
  if ("unref" in stdin && typeof stdin.unref === "function") stdin.unref();
  // A test worker outlives a killed vitest as long as it has children; its closed channel is the only sign.
  process.once("disconnect", () => stdin.destroy());
  watchdog = { folder, shell };
  return watchdog;
}
