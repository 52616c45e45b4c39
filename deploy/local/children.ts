import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";

/** A process that ended by itself. */
export interface LostChild {
  readonly name: string;
  /** `was killed by SIGKILL`. */
  readonly how: string;
  /** The errors that it logged last; "" when there were none. */
  readonly lastWords: string;
  readonly logFile: string;
}

/** The processes of the playground: each writes its log to a file, and none outlives this process. */
export class Children {
  readonly #children = new Map<string, ChildProcess>();
  readonly #onLost: (lost: LostChild) => void;
  #stopping = false;

  /** `onLost` is called when a process ends that was not asked to. */
  constructor(onLost: (lost: LostChild) => void) {
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
    child.once("exit", (code, killed) => {
      log.end();
      this.#children.delete(name);
      const how = killed === null ? `ended with exit code ${code ?? 1}` : `was killed by ${killed}`;
      if (!this.#stopping) this.#onLost({ name, how, lastWords: lastWords(program.logFile), logFile: program.logFile });
    });
  }

  /** Asks all to stop, in reverse order of their start, and makes them after 8 s. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const ended = [...this.#children.values()].toReversed().map(stopChild);
    await Promise.all(ended);
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

/** What a process said at its end that was wrong: errors of its log, and what is no log line at all. */
function lastWords(file: string): string {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n").slice(-5);
  return lines.map(complaint).filter(Boolean).join("\n");
}

function complaint(line: string): string {
  if (!line.startsWith("{")) return line;
  try {
    const entry = JSON.parse(line) as { readonly level?: unknown };
    return entry.level === "error" || entry.level === "fatal" ? line : "";
  } catch {
    return line;
  }
}
