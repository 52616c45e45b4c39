import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { type BrokerAccess, brokerUserOf, downSubject, upSubject } from "@drover/shared/link/broker";
import { type BrokerConnection, closeBroker, connectBroker, readFrame } from "@drover/shared/link/broker-connection";
import { encodeFrame, type Frame } from "@drover/shared/link/frame";
import type { AgentLink } from "@drover/shared/link/link";
import { Tunnel } from "@drover/shared/link/tunnel";
import type { Logger } from "@drover/shared/log";
import { untilAborted } from "@drover/shared/until-aborted";

import { type BrokerAccessOptions, keepBrokerAccess } from "./broker-access.ts";

export interface RelayOptions {
  /** Asked for each connection anew. */
  readonly access: () => BrokerAccess;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Relay extends AsyncDisposable {
  /** `127.0.0.1:port`: what is connected here reaches the hub's port, as if it were the hub's port. */
  readonly address: string;
}

/** How often the hub is asked for a tunnel until it answers, and how many times. */
const openIntervalMs = 500;
const openAttempts = 10;
/** The link has one connection, and for a moment another that renews. */
const maxConnections = 4;

/**
 * The way to a hub that only a NATS broker reaches. Each TCP connection gets one to the broker, so that one which breaks,
 * is refused or runs out looks to the link like one to the hub would; the TLS in it is between link and hub.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  let failing = false;
  const sockets = new Set<Socket>();
  const relaying = new Set<Promise<void>>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    const done = relay(options, socket).then(
      () => void (failing = false),
      (cause: unknown) => {
        const { code, message, hint } = DroverError.from(cause, "link_closed");
        options.log[failing ? "debug" : "warn"](
          { code, reason: message, hint },
          "no way to the hub through the broker",
        );
        failing = true;
        socket.destroy();
      },
    );
    relaying.add(done);
    void done.then(() => relaying.delete(done));
  });
  server.maxConnections = maxConnections;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  if (typeof bound !== "object" || bound === null) throw new DroverError("internal", "the relay has no port");
  return {
    address: `127.0.0.1:${bound.port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(relaying);
    },
  };
}

/** The same link, which keeps the access to the broker as well, and whose way to the hub ends after it. */
export function withBroker(link: AgentLink, access: BrokerAccessOptions, way: AsyncDisposable): AgentLink {
  return {
    ...link,
    async run(handler, signal) {
      await using _ = way;
      await Promise.all([link.run(handler, signal), keepBrokerAccess(access, signal)]);
    },
  };
}

/** Resolves when the socket and its connection to the broker are closed. */
async function relay(options: RelayOptions, socket: Socket): Promise<void> {
  socket.on("error", () => undefined);
  const closed = new AbortController();
  socket.once("close", () => closed.abort(new DroverError("link_closed", "the link has closed the connection")));
  const access = options.access();
  const { cluster } = brokerUserOf(access);
  const connection = await connectBroker(access, "drover-agent", closed.signal);
  void connection.closed().then(() => socket.destroy());
  try {
    await openTunnel({ socket, connection, cluster }, options.clock, closed.signal);
    await untilAborted(closed.signal);
  } finally {
    // What was said last, a goodbye among it, still has to leave.
    await closeBroker(connection, options.clock);
  }
}

interface Ends {
  readonly socket: Socket;
  readonly connection: BrokerConnection;
  readonly cluster: string;
}

/** Resolves when the hub has answered, or the socket is closed. Throws `link_closed` when nobody answers. */
async function openTunnel({ socket, connection, cluster }: Ends, clock: Clock, closed: AbortSignal): Promise<void> {
  const id = randomBytes(16).toString("hex");
  const [up, down] = [upSubject(cluster, id), downSubject(cluster, id)];
  const publish = (frame: Uint8Array): void => {
    // A broker answers there when nobody listens to the subject: there is no hub, and nothing to wait for.
    if (!connection.isClosed() && !connection.isDraining()) connection.publish(up, frame, { reply: down });
  };
  const answered = new AbortController();
  let tunnel: Tunnel | undefined;
  const receive = (frame: Frame): void => {
    if (tunnel !== undefined) return tunnel.receive(frame);
    if (frame.kind === "reset") return void socket.destroy();
    if (frame.kind !== "credit") return;
    tunnel = new Tunnel({ socket, publish, closed: () => undefined });
    socket.resume();
    answered.abort();
  };
  connection.subscribe(down, {
    callback: (_, message) => {
      const frame = readFrame(message);
      if (frame !== undefined) receive(frame);
    },
  });
  const over = AbortSignal.any([answered.signal, closed]);
  for (let attempt = 0; attempt < openAttempts && !over.aborted; attempt += 1) {
    publish(encodeFrame({ kind: "open" }));
    await clock.sleep(openIntervalMs, over).catch(() => undefined);
  }
  if (!over.aborted) throw new DroverError("link_closed", "no hub answers through the broker");
}
