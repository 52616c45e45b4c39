import { once } from "node:events";
import { connect, createServer } from "node:net";

/** A TCP proxy on loopback that counts what the target sends. */
export interface CountingProxy extends Disposable {
  /** `host:port`. */
  readonly address: string;
  /** Bytes from the target so far, as they are on the wire. */
  readonly bytes: number;
}

export async function startCountingProxy(target: string): Promise<CountingProxy> {
  let bytes = 0;
  const port = Number(target.split(":")[1]);
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    upstream.on("data", (data) => (bytes += data.byteLength));
    client.pipe(upstream).pipe(client);
    client.on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
    upstream.on("error", () => client.destroy()).on("close", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  if (typeof bound !== "object" || bound === null) throw new Error("the proxy has no port");
  return {
    address: `127.0.0.1:${bound.port}`,
    get bytes() {
      return bytes;
    },
    [Symbol.dispose]: () => void server.close(),
  };
}
