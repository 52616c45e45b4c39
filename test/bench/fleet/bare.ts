import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";

import type { BareClientsOrder, BareFigures, BareReport, BareServerOrder } from "./bare-wire.ts";

const clientsPerProcess = 2_500;

/**
 * The ceiling: grpc-js with mutual TLS and no Drover around it, as many connections, 1 KiB sent to each and acknowledged
 * with a few bytes. Server and clients are processes of their own, as hub and agents are.
 */
export async function measureBareGrpc(options: {
  readonly keys: string;
  readonly count: number;
  readonly rounds: number;
}): Promise<BareFigures> {
  const { keys, count } = options;
  using parts = new DisposableStack();
  const start = (file: string): ChildProcess => {
    const child = fork(join(import.meta.dirname, file), { stdio: "inherit" });
    parts.defer(() => void child.kill("SIGKILL"));
    return child;
  };
  const server = start("bare-server.ts");
  server.send({ ...options } satisfies BareServerOrder);
  return await new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`the bare server ended with ${code}`)));
    server.on("message", (report: BareReport) => {
      if (!("port" in report)) return resolve(report);
      for (let done = 0; done < count; done += clientsPerProcess) {
        const some = Math.min(clientsPerProcess, count - done);
        start("bare-clients.ts").send({ keys, count: some, port: report.port } satisfies BareClientsOrder);
      }
    });
  });
}
