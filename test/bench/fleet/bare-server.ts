import { systemClock } from "@drover/shared/clock";
import { loadAuthority } from "@drover/shared/trust/authority";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";

import { barePath, plainBytes, type BareReport, type BareServerOrder } from "./bare-wire.ts";

type Call = ServerDuplexStream<Buffer, Buffer>;

const payloadBytes = 1024;

/** A gRPC server and nothing else: each connection sends one message, and then acknowledges what it gets. */
async function serve({ keys, count, rounds }: BareServerOrder): Promise<void> {
  const authority = await loadAuthority(keys, { clock: systemClock });
  const { chain, privateKey } = await authority.issueServer(["127.0.0.1"]);
  const pair = { cert_chain: Buffer.from(chain), private_key: Buffer.from(privateKey) };
  const server = new Server({ "grpc.enable_channelz": 0 });
  const calls: Call[] = [];
  const all = Promise.withResolvers<void>();
  let acknowledged = (): void => undefined;
  const handler = (call: Call): void => {
    let isOpen = false;
    call.on("error", () => undefined);
    call.on("data", () => {
      if (isOpen) return acknowledged();
      isOpen = true;
      if (calls.push(call) === count) all.resolve();
    });
  };
  server.addService(
    { connect: { path: barePath, requestStream: true, responseStream: true, ...plainBytes } },
    {
      connect: handler,
    },
  );
  const credentials = ServerCredentials.createSsl(Buffer.from(authority.certificate), [pair], true);
  const beforeKiB = process.memoryUsage.rss() / 1024;
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  const startedMs = Date.now();
  report({ port });
  await all.promise;
  const connectedMs = Date.now() - startedMs;
  const connectionKiB = (process.memoryUsage.rss() / 1024 - beforeKiB) / count;
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const sentMs = Date.now();
    let waiting = count;
    const done = new Promise<void>((resolve) => {
      acknowledged = () => {
        samples.push(Date.now() - sentMs);
        waiting -= 1;
        if (waiting === 0) resolve();
      };
    });
    for (const call of calls) call.write(Buffer.alloc(payloadBytes, round));
    await done;
  }
  report({ connectedMs, connectionKiB, samples });
}

function report(message: BareReport): void {
  process.send?.(message);
}

process.once("message", (order: BareServerOrder) => void serve(order));
