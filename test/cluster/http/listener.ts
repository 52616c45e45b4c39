import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createSecureServer, type Http2SecureServer, type Http2ServerRequest } from "node:http2";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

import type { Certificates } from "../certificates.ts";

export type AnyRequest = IncomingMessage | Http2ServerRequest;

/** What the responses of HTTP/1.1 and HTTP/2 have in common. */
export type AnyResponse = {
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  writeHead(status: number, headers: Record<string, string | string[]>): unknown;
  flushHeaders?(): void;
  /** False when the client is slow and the next write should wait for `drain`. */
  write(text: string): boolean;
  end(body: string | Buffer): unknown;
  destroy(): unknown;
  on(event: "close" | "drain", listener: () => void): unknown;
};

export type RequestHandler = (request: AnyRequest, response: AnyResponse) => void;

export type Listener = {
  readonly port: number;
  /** Ends all connections and frees the port. */
  readonly close: () => Promise<void>;
};

type Terminator = { readonly server: Http2SecureServer; readonly handlers: Map<number, RequestHandler> };

/**
 * One TLS server (HTTP/2, or HTTP/1.1 by ALPN) for all clusters with the same certificates. It listens nowhere itself:
 * each cluster has a plain socket of its own whose connections are handed over, and is recognised by its port. A
 * cluster then costs a file descriptor instead of a TLS context, which is what allows a thousand in one process.
 */
const terminators = new Map<string, Terminator>();

const longestHeadersBytes = 64 * 1024;
const streamsPerSession = 1000;
/** A session that buffers more refuses new streams; one list of a large cluster is already beyond Node's default of 10. */
const sessionMemoryMegabytes = 128;

function terminatorFor(certificates: Certificates): Terminator {
  const known = terminators.get(certificates.certificatePem);
  if (known !== undefined) return known;
  const handlers = new Map<number, RequestHandler>();
  const server = createSecureServer({
    cert: certificates.certificatePem,
    key: certificates.privateKeyPem,
    allowHTTP1: true,
    maxSessionMemory: sessionMemoryMegabytes,
    settings: { maxConcurrentStreams: streamsPerSession, maxHeaderListSize: longestHeadersBytes },
  });
  server.on("request", (request, response) => {
    const handler = handlers.get(portOf(request) ?? -1);
    if (handler === undefined) response.destroy();
    else handler(request, response);
  });
  // A client that goes away in the middle of a handshake or a stream is its own business.
  server.on("sessionError", () => undefined);
  server.on("tlsClientError", () => undefined);
  server.on("secureConnection", (socket) => socket.on("error", () => undefined));
  const terminator = { server, handlers };
  terminators.set(certificates.certificatePem, terminator);
  return terminator;
}

function portOf(request: AnyRequest): number | undefined {
  return "stream" in request && request.stream.session !== undefined
    ? request.stream.session.socket.localPort
    : request.socket.localPort;
}

/** Listens on 127.0.0.1; port 0 takes a free one. */
export async function listen(certificates: Certificates, port: number, handler: RequestHandler): Promise<Listener> {
  const terminator = terminatorFor(certificates);
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    terminator.server.emit("connection", socket);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as AddressInfo;
  terminator.handlers.set(address.port, handler);
  return {
    port: address.port,
    close: async () => {
      terminator.handlers.delete(address.port);
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
