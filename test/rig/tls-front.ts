import { once } from "node:events";
import { connect } from "node:net";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";

/** TLS in front of a server of this machine that speaks without it. */
export interface TlsFront extends AsyncDisposable {
  /** `https://127.0.0.1:12345` */
  readonly url: string;
  /** Handshakes that succeeded. */
  connections(): number;
}

/** Passes on what it decrypts to a target like `http://127.0.0.1:12345`. */
export async function startTlsFront(target: string, options: TlsOptions): Promise<TlsFront> {
  const clients = new Set<TLSSocket>();
  let connections = 0;
  const server = createServer(options, (client) => {
    connections += 1;
    clients.add(client);
    const upstream = connect(Number(new URL(target).port), "127.0.0.1");
    client
      .on("error", () => undefined)
      .once("close", () => {
        clients.delete(client);
        upstream.destroy();
      });
    upstream.on("error", () => undefined).once("close", () => client.end());
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `https://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}
