import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { run } from "@drover/cli/run";
import { sampleNow } from "@drover/hub/api/sample-fleet";
import { sampleToken } from "@drover/hub/api/start-api";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface InProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly signal?: AbortSignal;
  readonly now?: () => number;
  /** Filled while the command runs. */
  readonly output?: { stdout: string; stderr: string };
  /** Set: stdout and stderr are terminals of this size. */
  readonly screen?: { readonly columns: number; readonly rows: number };
}

/** Runs a command line in this process at the time of the sample fleet, so that ages are always the same. An empty address: what contexts say. */
export async function drover(url: string, argv: readonly string[], options: InProcessOptions = {}): Promise<Outcome> {
  const { env = {}, stdin = "", signal = new AbortController().signal, screen } = options;
  const written = options.output ?? { stdout: "", stderr: "" };
  const sink = (name: keyof typeof written) => ({
    write: (text: string) => void (written[name] += text),
    isTTY: screen !== undefined,
    columns: screen?.columns,
    rows: screen?.rows,
  });
  const code = await run(argv, {
    stdout: sink("stdout"),
    stderr: sink("stderr"),
    env: {
      LC_ALL: "C.UTF-8",
      NO_COLOR: "1",
      ...(url === "" ? {} : { DROVER_SERVER: url, DROVER_TOKEN: sampleToken }),
      ...env,
    },
    cwd: "/work-tree",
    now: options.now ?? (() => sampleNow),
    openBrowser: () => undefined,
    readStdin: () => Promise.resolve(stdin),
    signal,
  });
  return { code, ...written };
}

export interface RunningCommand {
  readonly pid: number | undefined;
  readonly output: { stdout: string; stderr: string };
  readonly outcome: Promise<Outcome>;
  interrupt(): void;
}

const program = join(import.meta.dirname, "..", "..", "hub", "cli", "main.ts");

/** Starts the command as a person does: a process of its own, with nothing of this one's environment but PATH. */
export function startDrover(argv: readonly string[], env: Readonly<Record<string, string>>): RunningCommand {
  const child = spawn(process.execPath, [program, ...argv], {
    env: { PATH: process.env["PATH"], TZ: "UTC", LC_ALL: "C.UTF-8", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (output.stderr += String(chunk)));
  const outcome = once(child, "close").then(([code]) => ({ code: Number(code), ...output }));
  return { pid: child.pid, output, outcome, interrupt: () => void child.kill("SIGINT") };
}
