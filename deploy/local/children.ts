import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, readFileSync, type WriteStream } from "node:fs";

import { DroverError } from "@drover/shared/errors";

/** The processes of the playground: each writes its log to a file, and none outlives this process. */
export class Children {
  readonly #children = new Map<string, ChildProcess>();
  readonly #onLost: (name: string, log: string) => void;
  #stopping = false;

  /** `onLost` is called when a process ends that was not asked to. */
  constructor(onLost: (name: string, log: string) => void) {
    this.#onLost = onLost;
  }

  start(
    name: string,
    program: { readonly file: string; readonly args: readonly string[]; readonly logFile: string },
  ): void {
    const log = createWriteStream(program.logFile, { flags: "a" });
    // The channel ends when this process does, however it ends; the child then stops too.
    const child = spawn(process.execPath, [program.file, ...program.args], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    this.#children.set(name, child);
    child.once("exit", () => this.#ended(name, program.logFile, log));
  }

  /** Asks all to stop, in reverse order of their start, and makes them after 8 s. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const ended = [...this.#children.values()].toReversed().map(stopChild);
    await Promise.all(ended);
  }

  #ended(name: string, logFile: string, log: WriteStream): void {
    log.end();
    this.#children.delete(name);
    if (!this.#stopping) this.#onLost(name, lastLines(logFile));
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const force = setTimeout(() => child.kill("SIGKILL"), 8_000);
    child.once("exit", () => {
      clearTimeout(force);
      resolve();
    });
    child.kill("SIGTERM");
  });
}

/** What a process said last, for the message that tells of its end. */
function lastLines(file: string): string {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-5).join("\n");
  } catch (cause) {
    throw new DroverError("internal", `the log ${file} cannot be read`, { cause });
  }
}
