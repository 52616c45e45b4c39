import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import { guard, release } from "./watchdog.ts";

/** A real server that a suite started; it is gone after dispose, and at the latest with the test process. */
export interface RigProcess extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Settles once the process has ended, with its exit code or the signal's name. */
  readonly ended: Promise<string>;
  running(): boolean;
  /** The last lines of what it printed, for failure messages. */
  logTail(): Promise<string>;
  /** Sends a signal: SIGSTOP and SIGCONT make a hung server, SIGKILL a crashed one. */
  signal(name: NodeJS.Signals): void;
  /** Ends the process (rig servers hold nothing worth a clean exit) and waits until it is gone. */
  stop(name?: NodeJS.Signals): Promise<void>;
}

export interface ProcessOptions {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Where `<name>.log` is appended to; also the working folder. */
  readonly folder: string;
  /** Besides the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whom it runs as, user and group; only root can choose. */
  readonly uid?: number;
}

/** The process ended before it was ready: mostly a port that somebody else took, so worth another attempt. */
export class StartError extends Error {}

const logTailBytes = 4_000;
const pollIntervalMs = 30;

/** Starts a server with its output in a log file. Rejects when the program cannot be executed. */
export async function startProcess(options: ProcessOptions): Promise<RigProcess> {
  const { name, program, args, folder, env, uid } = options;
  const logPath = join(folder, `${name}.log`);
  await using log = await open(logPath, "a");
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ["ignore", log.fd, log.fd],
    env: { ...process.env, ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  await once(child, "spawn");
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} has no process id`);
  guard(pid);
  const ended = once(child, "exit").then(([code, signal]: unknown[]) => {
    release(pid);
    return String(signal ?? code);
  });
  const stop = async (signal: NodeJS.Signals = "SIGKILL"): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  return {
    name,
    pid,
    ended,
    running: () => child.exitCode === null && child.signalCode === null,
    logTail: async () => (await readFile(logPath, "utf8")).slice(-logTailBytes),
    signal: (signal) => void child.kill(signal),
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}

/**
 * Polls until `probe` says true. Rejects with the tail of the log as soon as the process has ended or the signal fires,
 * so a server that dies at start names its own reason.
 */
export async function untilReady(
  process: RigProcess,
  probe: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const tail = async (): Promise<string> => `\n${await process.logTail()}`;
    if (!process.running()) throw new StartError(`${process.name} ended with ${await process.ended}${await tail()}`);
    if (await probe()) return;
    if (signal.aborted) throw new Error(`${process.name} is not ready in time${await tail()}`);
    await setTimeout(pollIntervalMs);
  }
}
