import { encode } from "@drover/proto/encode";
import {
  AgentServiceService,
  ConnectResponse,
  type AgentServiceServer,
  type ConnectRequest,
  type FetchBlobsRequest,
  type FetchBlobsResponse,
} from "@drover/proto/gen/drover/agent/v1/agent";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { AgentMessage, Hello, HubLinkHandler, Speaker } from "@drover/shared/link/link";
import { toStatus } from "@drover/shared/link/status";
import { agentMessageFromWire } from "@drover/shared/link/wire";
import type { Logger } from "@drover/shared/log";
import type { ServerDuplexStream, ServerWritableStream } from "@grpc/grpc-js";

import { sendBlobs } from "./blobs.ts";
import type { LinkLimits } from "./limits.ts";
import { authenticate, type Peer } from "./peers.ts";
import { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

export interface AgentContext {
  readonly handler: HubLinkHandler;
  readonly sessions: Sessions;
  readonly findPeer: (endpoint: string) => Peer | undefined;
  readonly limits: LinkLimits;
  readonly clock: Clock;
  readonly log: Logger;
}

type ConnectCall = ServerDuplexStream<ConnectRequest, ConnectResponse>;
type FetchBlobsCall = ServerWritableStream<FetchBlobsRequest, FetchBlobsResponse>;

/** What a hub sends most often goes through one writer. */
export const agentService = {
  ...AgentServiceService,
  connect: {
    ...AgentServiceService.connect,
    responseSerialize: (message: ConnectResponse) => encode(ConnectResponse, message),
  },
};

export function createAgentService(context: AgentContext): AgentServiceServer {
  return {
    connect: (call) => settle(call, serveConnect(context, call)),
    fetchBlobs: (call) => settle(call, serveFetchBlobs(context, call)),
  };
}

/** Ends a call with the status of what its body came to. grpc-js takes no promises: a rejection would vanish. */
function settle(call: ConnectCall | FetchBlobsCall, body: Promise<void>): void {
  body.then(
    () => call.end(),
    // An `error` event is how grpc-js is told the status of a stream.
    (reason: unknown) => call.emit("error", toStatus(reason)),
  );
}

async function serveFetchBlobs(context: AgentContext, call: FetchBlobsCall): Promise<void> {
  const { cluster } = admit(context, context.findPeer(call.getPeer()));
  await sendBlobs(call.request, (digest) => context.handler.blob(cluster, digest), call, closedSignal(call));
}

async function serveConnect(context: AgentContext, call: ConnectCall): Promise<void> {
  const { clock, sessions } = context;
  const peer = context.findPeer(call.getPeer());
  const speaker = admit(context, peer);
  const session = new Session(speaker.cluster, clock.now(), () => peer?.destroy());
  sessions.begin(session);
  try {
    // Left alone, the iterator would destroy the whole call at the end of its reading half, with the status unsent.
    const requests: AsyncIterableIterator<ConnectRequest> = call.iterator({ destroyOnReturn: false });
    const hello = await readHello(requests);
    context.handler.admit({ ...speaker, ...(hello.run === undefined ? {} : { run: hello.run }) });
    sessions.open(session);
    greet(context, session, hello);
    const delivered = session.deliver(call, closedSignal(call));
    await Promise.race([readAll(context, session, requests), delivered]);
    await delivered;
  } finally {
    sessions.end(session, { graceful: false, reason: "connection lost" }, clock.now());
    sessions.closed(session);
  }
}

/** Who opened a stream. */
function admit({ handler, clock }: AgentContext, peer: Peer | undefined): Speaker {
  const speaker = authenticate(peer, clock.now());
  handler.admit(speaker);
  return speaker;
}

async function readHello(requests: AsyncIterator<ConnectRequest>): Promise<Hello> {
  const first = await requests.next();
  const message = first.done === true ? undefined : agentMessageFromWire(first.value);
  if (message?.kind === "hello") return message.hello;
  throw new DroverError("document_invalid", "the first message of a connection must be a hello");
}

/** The welcome goes first, whatever the handler sends meanwhile. */
function greet({ handler, sessions, limits: { pingIntervalMs } }: AgentContext, session: Session, hello: Hello): void {
  session.welcome({ pingIntervalMs, reportsKnown: false });
  try {
    session.welcome({ pingIntervalMs, ...handler.connected(session.cluster, hello) });
  } catch (cause) {
    sessions.withdraw(session);
    throw cause;
  }
}

/** Never fails: a stream that breaks off is an end like others. */
async function readAll(
  context: AgentContext,
  session: Session,
  requests: AsyncIterable<ConnectRequest>,
): Promise<void> {
  const { clock, sessions } = context;
  try {
    for await (const request of requests) {
      session.heardMs = clock.now();
      if (session.ended !== undefined) continue;
      if (request.body?.$case === "goodbye") {
        sessions.end(session, { graceful: true, reason: request.body.value.reason }, clock.now());
      } else if (request.body?.$case === "ping") {
        session.pong();
      } else {
        const message = agentMessageFromWire(request);
        if (message !== undefined) deliver(context, session.cluster, message);
      }
    }
  } catch (cause) {
    context.log.debug({ cluster: session.cluster, err: cause }, "stream of an agent broke");
  }
  sessions.end(session, { graceful: false, reason: "connection lost" }, clock.now());
}

/** Whatever the handler makes of one message, the others of this agent and of all others are still read. */
function deliver({ handler, log }: AgentContext, cluster: string, message: AgentMessage): void {
  try {
    switch (message.kind) {
      case "acknowledgement":
        return handler.acknowledged(cluster, message.acknowledgement);
      case "report":
        return handler.reported(cluster, message.report);
      case "inspection":
        return handler.inspected(cluster, message.inspection);
      case "hello":
        return handler.introduced(cluster, message.hello);
    }
  } catch (cause) {
    log.error({ cluster, err: DroverError.from(cause) }, "message of an agent could not be handled");
  }
}

/** One for all: every fetch ends with it, and a stack trace is the dearest part of a small one. */
const streamClosed = new DroverError("link_closed", "the agent's stream is closed");

function closedSignal(call: ConnectCall | FetchBlobsCall): AbortSignal {
  const controller = new AbortController();
  const close = (): void => controller.abort(streamClosed);
  call.once("cancelled", close);
  call.once("close", close);
  if (call.cancelled) close();
  return controller.signal;
}
