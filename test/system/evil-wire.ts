import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** What becomes of a chunk of one direction of one connection. */
export type Bend = (chunk: Buffer) => Iterable<Buffer>;

export interface EvilWire extends AsyncDisposable {
  readonly port: number;
}

/** A TCP proxy on loopback whose bytes are bent; `createBend` is called for each direction of each connection. */
export async function startEvilWire(
  target: { readonly host: string; readonly port: number },
  createBend: () => Bend,
): Promise<EvilWire> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      const bend = createBend();
      sockets.add(from);
      from.on("data", (chunk) => {
        for (const bent of bend(chunk)) if (!to.destroyed) to.write(bent);
      });
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  if (typeof bound !== "object" || bound === null) throw new Error("no port");
  return {
    port: bound.port,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      return Promise.resolve();
    },
  };
}
