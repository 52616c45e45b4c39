import { spawn, type ChildProcess } from "node:child_process";
import { openSync } from "node:fs";
import { readFile } from "node:fs/promises";

import { guard, release } from "../rig/watchdog.ts";
import { eventually } from "./eventually.ts";

/** A program of Drover's as a process of its own, which a test may kill and start again. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** Whether it runs still. */
  readonly running: boolean;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Asks it to end, and waits. */
  stop(): Promise<void>;
  /** Keeps it from running until `resume`, as a suspended machine would; its connections stay open. */
  pause(): void;
  resume(): void;
  /** Starts it again with the same arguments, or with others from now on. */
  start(args?: readonly string[]): void;
  log(): Promise<string>;
  /** Resolves when the program says that it is ready; the error carries its log. */
  ready(): Promise<void>;
}

export interface ProgramOptions {
  /** A TypeScript file or a bundle. */
  readonly file: string;
  readonly args: readonly string[];
  /** Besides the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** The command in front of Node, which gives it another world and then becomes it. */
  readonly enter?: readonly string[];
  /** Flags of Node itself. */
  readonly nodeArgs?: readonly string[];
  /** Where what it prints goes. */
  readonly logFile: string;
  /** `host:port` of its probes. */
  readonly probes: string;
}

/** Starts a program on the Node that runs this test. */
export function startProgram(options: ProgramOptions): Program {
  let child = launch(options);
  let used = options.args;
  const log = async (): Promise<string> => readFile(options.logFile, "utf8");
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!isRunning()) return;
    const ended = new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
    });
    child.kill(signal);
    await ended;
  };
  return {
    get pid() {
      return child.pid ?? 0;
    },
    get running() {
      return isRunning();
    },
    kill: async () => end("SIGKILL"),
    stop: async () => end("SIGTERM"),
    pause() {
      // One that stands still would not notice that the test process is gone.
      guard(child.pid ?? 0);
      child.kill("SIGSTOP");
    },
    resume() {
      child.kill("SIGCONT");
      release(child.pid ?? 0);
    },
    start(args = used) {
      used = args;
      child = launch({ ...options, args });
    },
    log,
    ready: async () =>
      eventually(
        async () => {
          const answer = await fetch(`http://${options.probes}/readyz`).catch(() => undefined);
          if (answer?.ok !== true) throw new Error(`${options.file} is not ready:\n${await log()}`);
        },
        { timeoutMs: 30_000, intervalMs: 5 },
      ),
    [Symbol.asyncDispose]: async () => end("SIGKILL"),
  };
}

/**
 * What the images set. With an arena of its own for each of Node's threads, malloc keeps 10 MiB that nobody uses; and
 * without a fixed threshold it learns from large buffers to keep such memory, 50 MiB after a fetch of 20 MiB.
 */
export const imageEnv = { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: "131072", MALLOC_TRIM_THRESHOLD_: "131072" };

function launch({ enter = [], file, args, env, nodeArgs = [], logFile }: ProgramOptions): ChildProcess {
  const log = openSync(logFile, "a");
  const [command = "", ...rest] = [...enter, process.execPath, ...nodeArgs, file, ...args];
  // The channel ends with the test process, and the program with the channel.
  return spawn(command, rest, {
    stdio: ["ignore", log, log, "ipc"],
    env: { ...process.env, ...imageEnv, ...env },
  });
}
