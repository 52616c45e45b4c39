import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { pipeline } from "node:stream";

/** A port of 127.0.0.1, or a Unix socket, which also leads into other namespaces of the network. */
export type Place = { readonly host: "127.0.0.1"; readonly port: number } | { readonly path: string };

/** Whoever connects to `from` is connected to `to`. */
export async function startRelay(from: Place, to: Place): Promise<AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(to);
    for (const socket of [client, upstream]) open.add(socket);
    pipeline(client, upstream, client, () => {
      for (const socket of [client, upstream]) {
        socket.destroy();
        open.delete(socket);
      }
    });
  });
  server.listen(from);
  await once(server, "listening");
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
