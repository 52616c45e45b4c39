import { spawn } from "node:child_process";
import { once } from "node:events";

import { DroverError } from "@drover/shared/errors";

export interface BoundedCommand {
  /** Program with its full path, and arguments. */
  readonly command: readonly string[];
  /** The working folder, and the only HOME that the program knows. */
  readonly workFolder: string;
  readonly timeoutMs: number;
  readonly cpuSeconds: number;
  readonly maxOutputBytes: number;
  /** Of addresses: a Go program reserves about 700 MiB before it does anything. What it keeps, GOMEMLIMIT bounds. */
  readonly maxAddressKiB: number;
}

export interface BoundedResult {
  readonly output: Uint8Array;
  /** The end of what the program said on stderr. */
  readonly complaint: string;
  readonly failed: boolean;
}

const maxComplaint = 16_384;
/** Runs a program to its end or to its limits. Throws `timeout` and `input_too_large`. */
export async function runBounded(bounds: BoundedCommand, signal: AbortSignal): Promise<BoundedResult> {
  const limit = `ulimit -v ${bounds.maxAddressKiB} 2>/dev/null; ulimit -t ${bounds.cpuSeconds} 2>/dev/null; exec "$0" "$@"`;
  const timeout = AbortSignal.timeout(bounds.timeoutMs);
  const child = spawn("/bin/sh", ["-c", limit, ...bounds.command], {
    cwd: bounds.workFolder,
    env: emptyEnvironment(bounds.workFolder),
    stdio: ["ignore", "pipe", "pipe"],
    signal: AbortSignal.any([signal, timeout]),
    killSignal: "SIGKILL",
  });
  let size = 0;
  const chunks: Uint8Array[] = [];
  child.stdout.on("data", (chunk: Uint8Array) => {
    size += chunk.length;
    if (size > bounds.maxOutputBytes) child.kill("SIGKILL");
    else chunks.push(chunk);
  });
  let complaint = "";
  let outOfMemory = false;
  child.stderr.on("data", (chunk: Uint8Array) => {
    const text = new TextDecoder().decode(chunk);
    // Said first, above pages of what the program was doing.
    outOfMemory ||= /^(?:runtime: out of memory|fatal error: (?:out of memory|stack overflow))/mu.test(text);
    complaint = (complaint + text).slice(-maxComplaint);
  });
  try {
    const [code] = (await once(child, "close")) as [number | null];
    if (size > bounds.maxOutputBytes) {
      throw new DroverError("input_too_large", `the output is more than ${bounds.maxOutputBytes} bytes`);
    }
    // By the limit of processor time, or by a system that has no memory left: it may go better another time.
    if (code === null) throw new DroverError("timeout", "the program was stopped by the system or after its time");
    if (outOfMemory && code !== 0) {
      throw new DroverError("input_too_large", "the program needs more memory than it may have");
    }
    return { output: Buffer.concat(chunks), complaint, failed: code !== 0 };
  } catch (cause) {
    signal.throwIfAborted();
    if (!timeout.aborted) throw cause;
    const seconds = Math.round(bounds.timeoutMs / 1000);
    throw new DroverError("timeout", `the program was stopped after ${seconds} s`, { cause });
  }
}

let networkless: Promise<readonly string[]> | undefined;

/** The start of a command that runs without any network; empty where the system cannot do that. */
export function withoutNetwork(): Promise<readonly string[]> {
  networkless ??= probe(["/usr/bin/unshare", "--user", "--map-root-user", "--net"]);
  return networkless;
}

async function probe(command: readonly string[]): Promise<readonly string[]> {
  const [program = "", ...args] = command;
  const child = spawn(program, [...args, "/bin/true"], { stdio: "ignore", timeout: 5000 });
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return code === 0 ? command : [];
  } catch {
    return [];
  }
}

/** Nothing of the hub's: no credentials, no programs to call, and a proxy that is not there for what tries a network. */
function emptyEnvironment(home: string): Record<string, string> {
  const nowhere = "http://127.0.0.1:9";
  return {
    HOME: home,
    TMPDIR: home,
    PATH: "",
    GOMEMLIMIT: "400MiB",
    GOMAXPROCS: "2",
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
  };
}
