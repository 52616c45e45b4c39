import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";

import { freePort } from "./ports.ts";
import { program } from "./programs.ts";
import { type RigProcess, StartError, startProcess, untilReady } from "./rig-process.ts";
import { temporaryFolder } from "./watchdog.ts";

export interface NatsOptions {
  /** Streams and key-value buckets, stored in a temporary folder that outlives `restart`. */
  readonly jetstream?: boolean;
  /** More of nats-server's own configuration language: accounts, users, TLS, limits. */
  readonly config?: string;
  /** Default: a free one. */
  readonly port?: number;
}

export interface Nats extends AsyncDisposable {
  /** `nats://127.0.0.1:port`, the same over restarts. */
  readonly url: string;
  readonly pid: number;
  /** SIGSTOP and SIGCONT make a hung server. */
  signal(name: NodeJS.Signals): void;
  /** Kills the server as a crash would; clients see their connections break. */
  kill(): Promise<void>;
  /** Starts it again on the same port with what it had stored; kills it first if it runs. */
  restart(signal?: AbortSignal): Promise<void>;
}

const startAttempts = 3;
const startTimeoutMs = 30_000;

export async function startNats(
  options: NatsOptions = {},
  signal: AbortSignal = AbortSignal.timeout(startTimeoutMs),
): Promise<Nats> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options, signal);
    } catch (error) {
      if (!(error instanceof StartError) || attempt === startAttempts || signal.aborted) throw error;
    }
  }
}

async function startOnce(options: NatsOptions, signal: AbortSignal): Promise<Nats> {
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder("nats"));
  const { jetstream = false, config = "" } = options;
  const port = options.port ?? (await freePort());
  const configPath = join(folder, "nats.conf");
  await writeFile(configPath, config);
  const args = [`--config=${configPath}`, "--addr=127.0.0.1", `--port=${port}`];
  if (jetstream) args.push("--jetstream", `--store_dir=${folder}/jetstream`);
  const run = async (signal: AbortSignal): Promise<RigProcess> => {
    const server = await startProcess({ name: "nats-server", program: program("nats-server"), args, folder });
    await untilReady(server, () => greets(port), signal);
    return server;
  };
  let server = await run(signal);
  parts.defer(() => server.stop());
  const owned = parts.move();
  return {
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return server.pid;
    },
    signal: (name) => server.signal(name),
    kill: () => server.stop(),
    async restart(signal = AbortSignal.timeout(startTimeoutMs)) {
      await server.stop();
      server = await run(signal);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A NATS server speaks first: a line that begins with INFO. */
async function greets(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    const [greeting]: unknown[] = await once(socket, "data", { signal: AbortSignal.timeout(1_000) });
    return String(greeting).startsWith("INFO ");
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
