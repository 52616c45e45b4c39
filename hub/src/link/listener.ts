import { constants } from "node:crypto";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from "node:tls";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";
import type { Authority } from "@drover/shared/trust/authority";

import { Admission } from "./admission.ts";
import type { LinkLimits } from "./limits.ts";
import type { Peers } from "./peers.ts";

export interface ListenerOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  /** Names and IP addresses beside the host that the server's certificate is to carry. */
  readonly serverNames: readonly string[];
  readonly authority: Authority;
  readonly limits: LinkLimits;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Listener extends AsyncDisposable {
  /** `host:port` as it was bound. */
  readonly address: string;
  /** To be called each second: ends connections that never got to their TLS, and renews the server's certificate at half its life. */
  refresh(): Promise<void>;
}

const serverRenewalMs = 3.5 * 24 * 3_600_000;

/**
 * The hub's one port. Agents without a certificate must be able to enrol on it, and gRPC knows only "required" or "not
 * asked for"; so TLS is terminated here, certificates are asked for but judged stream by stream, and the connection is
 * handed on. It also gives a hold on each socket, which grpc-js hides.
 */
export async function listen(
  options: ListenerOptions,
  peers: Peers,
  accept: (socket: TLSSocket) => void,
): Promise<Listener> {
  const { limits, log } = options;
  const { host, port } = parseAddress(options.address);
  const credentials = await issueCredentials(options, host);
  let issuedMs = options.clock.now();
  // Listens to nothing itself: gets its connections when it is their turn.
  const tls = createTlsServer({ ...credentials, handshakeTimeout: limits.handshakeTimeoutMs });
  const handshakes = new Map<string, Socket>();
  const admission = new Admission(limits, (socket) => {
    const endpoint = `${socket.remoteAddress}:${socket.remotePort}`;
    handshakes.set(endpoint, socket);
    socket.once("close", () => handshakes.delete(endpoint));
    tls.emit("connection", socket);
  });
  tls.on("tlsClientError", (cause, socket) => {
    log.debug({ err: cause }, "TLS handshake failed");
    // Node reports a handshake that takes too long, and leaves its connection open.
    socket.destroy();
  });
  tls.on("secureConnection", (socket) => {
    const raw = handshakes.get(`${socket.remoteAddress}:${socket.remotePort}`);
    if (raw !== undefined) admission.finished(raw);
    socket.on("error", (cause) => log.debug({ err: cause }, "connection broke"));
    if (socket.alpnProtocol === "h2" && peers.admit(socket, options.clock.now())) accept(socket);
    else socket.destroy();
  });
  const server = createServer((socket) => admission.add(socket, options.clock.now()));
  server.maxConnections = limits.connections;
  server.listen(port, host);
  await once(server, "listening");
  const bound = server.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
  return {
    address: host.includes(":") ? `[${host}]:${boundPort}` : `${host}:${boundPort}`,
    refresh: async () => {
      admission.sweep(options.clock.now());
      if (options.clock.now() - issuedMs < serverRenewalMs) return;
      issuedMs = options.clock.now();
      tls.setSecureContext(await issueCredentials(options, host));
      log.info({}, "server certificate renewed");
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      admission.destroyAll();
      peers.destroyAll();
      await closed;
    },
  };
}

async function issueCredentials(options: ListenerOptions, host: string): Promise<TlsOptions> {
  const { chain, privateKey } = await options.authority.issueServer([...withoutWildcard(host), ...options.serverNames]);
  return {
    ca: options.authority.certificate,
    cert: chain,
    key: privateKey,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.3",
    ALPNProtocols: ["h2"],
    // Node does not look at the client's certificate again when a session is resumed: an expired one would do.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

function withoutWildcard(host: string): readonly string[] {
  return host === "0.0.0.0" || host === "::" ? [] : [host];
}

function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:[\]]+)):(?<port>\d{1,5})$/u.exec(address)?.groups;
  const host = match?.["v6"] ?? match?.["name"];
  const port = Number(match?.["port"]);
  if (host === undefined || port > 65_535) {
    throw new DroverError("config_invalid", `"${address}" is not of the form host:port`);
  }
  return { host, port };
}
