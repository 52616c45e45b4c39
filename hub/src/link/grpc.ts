import { BrokerServiceService } from "@drover/proto/gen/drover/broker/v1/broker";
import { EnrollServiceService } from "@drover/proto/gen/drover/enroll/v1/enroll";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { type HubLink, type HubLinkHandler, maxAgentMessageBytes, maxHubMessageBytes } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";
import type { Authority } from "@drover/shared/trust/authority";
import { Server, ServerCredentials } from "@grpc/grpc-js";

import { agentService, createAgentService } from "./agent-service.ts";
import { createBrokerService, type GrantBrokerUser } from "./broker-service.ts";
import { createEnrollService } from "./enroll.ts";
import { guardFrames } from "./frame-guard.ts";
import { defaultLinkLimits, type LinkLimits } from "./limits.ts";
import { listen, type Listener } from "./listener.ts";
import { Peers } from "./peers.ts";
import { type SessionEnd } from "./session.ts";
import { Sessions } from "./sessions.ts";

export interface GrpcLinkOptions {
  /** `host:port` to listen on; port 0 takes a free one. */
  readonly address: string;
  readonly authority: Authority;
  /** Further names and IP addresses for the server's certificate. Agents need none: they check `hubServerName`. */
  readonly serverNames?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<LinkLimits>;
  /** Absent: agents are told that there is no broker. */
  readonly grantBrokerUser?: GrantBrokerUser;
}

const sweepIntervalMs = 1_000;

/** The hub's end of the gRPC link: agents, and those that want to become one, on one port with TLS 1.3. */
export function createGrpcLink(options: GrpcLinkOptions): HubLink {
  const limits: LinkLimits = { ...defaultLinkLimits, ...options.limits };
  let sessions: Sessions | undefined;
  return {
    run: async (handler, ready, signal) => {
      const running = new Sessions(limits, (cluster, end) => tellDisconnected({ ...options, handler }, cluster, end));
      sessions = running;
      try {
        await serve({ ...options, limits, handler, sessions: running }, ready, signal);
      } finally {
        sessions = undefined;
      }
    },
    send: (cluster, message) => sessions?.find(cluster)?.send(message) ?? false,
    disconnect: (cluster, reason) => {
      const session = sessions?.find(cluster);
      if (session !== undefined) sessions?.end(session, { graceful: false, reason }, options.clock.now());
    },
  };
}

interface Serving extends GrpcLinkOptions {
  readonly limits: LinkLimits;
  readonly handler: HubLinkHandler;
  readonly sessions: Sessions;
}

async function serve(serving: Serving, ready: (address: string) => void, signal: AbortSignal): Promise<void> {
  const { clock, limits, sessions, authority, handler } = serving;
  const peers = new Peers(limits, authority.certificate, (speaker) => handler.holds(speaker));
  const findPeer = peers.find.bind(peers);
  const server = createServer(limits);
  server.addService(agentService, createAgentService({ ...serving, findPeer }));
  server.addService(EnrollServiceService, createEnrollService({ ...serving, findPeer, signal }));
  server.addService(BrokerServiceService, createBrokerService({ ...serving, findPeer }));
  // TLS is the listener's; see there.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  guardFrames(server, limits, clock);
  try {
    await using listener = await listen({ serverNames: [], ...serving }, peers, (socket) =>
      injector.injectConnection(socket),
    );
    ready(listener.address);
    await sweepUntil({ ...serving, peers, listener }, signal);
    sessions.endAll({ graceful: false, reason: "the hub stops" }, clock.now());
    await drain(serving);
  } finally {
    server.forceShutdown();
  }
}

/** One timer for all agents: a thousand timers of their own would cost more than the agents do. */
async function sweepUntil(
  { clock, sessions, peers, listener }: Serving & { readonly peers: Peers; readonly listener: Listener },
  signal: AbortSignal,
): Promise<void> {
  let last = clock.now();
  while (!signal.aborted) {
    try {
      await clock.sleep(sweepIntervalMs, signal);
    } catch {
      return;
    }
    const now = clock.now();
    if (now - last > 10 * sweepIntervalMs) sessions.forgive(now);
    last = now;
    sessions.sweep(now);
    peers.sweep(now);
    await listener.refresh();
  }
}

/** Lets goodbyes leave, for a moment: an agent that reads its goodbye comes back at once and without a warning. */
async function drain({ clock, limits, sessions }: Serving): Promise<void> {
  const stepMs = 20;
  for (let waitedMs = 0; waitedMs < limits.goodbyeMs && sessions.ending > 0; waitedMs += stepMs) {
    await clock.sleep(stepMs, new AbortController().signal);
  }
}

function createServer(limits: LinkLimits): Server {
  return new Server({
    "grpc.max_receive_message_length": maxAgentMessageBytes,
    "grpc.max_send_message_length": maxHubMessageBytes,
    "grpc.max_concurrent_streams": limits.streamsPerConnection,
    "grpc.keepalive_time_ms": 2 * limits.silenceMs,
    "grpc.keepalive_timeout_ms": limits.silenceMs,
    // MiB. grpc-js has none by default; beyond this a connection is refused further streams.
    "grpc-node.max_session_memory": 64,
    // Off: it keeps a record of each call of each connection.
    "grpc.enable_channelz": 0,
  });
}

function tellDisconnected(
  { handler, log }: { readonly handler: HubLinkHandler; readonly log: Logger },
  cluster: string,
  end: SessionEnd,
): void {
  log.info({ cluster, ...end }, "agent disconnected");
  try {
    handler.disconnected(cluster, end);
  } catch (cause) {
    log.error({ cluster, err: DroverError.from(cause) }, "end of a connection could not be handled");
  }
}
