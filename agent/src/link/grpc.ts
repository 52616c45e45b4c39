import { AgentServiceClient } from "@drover/proto/gen/drover/agent/v1/agent";
import { digestOf, type Digest } from "@drover/shared/digest";
import { DroverError, retryable } from "@drover/shared/errors";
import type { AgentLink, AgentLinkHandler, HubMessage, Welcome } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";

import type { HubAddresses } from "./addresses.ts";
import { channelCredentials, channelOptions } from "./dial.ts";
import { fetchBlobs, type Blob } from "./fetch-blobs.ts";
import type { GrpcLinkOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { keepRenewed, type RenewalHooks } from "./renewal.ts";
import { runSession } from "./session.ts";

/**
 * "Full jitter": anything from 0 to the step, so that a fleet which lost its hub at once does not return at once. The step
 * grows once all addresses had their turn.
 */
const backoff = { baseMs: 200, capMs: 30_000 } as const;
/** A connection that held this long was a good one; shorter ones, as of two agents with one name, back off. */
const stableMs = 30_000;

/** The agent's end of the gRPC link. It also renews the identity that it connects with. */
export function createGrpcLink(options: GrpcLinkOptions): AgentLink {
  const { addresses, identity } = options;
  const dial = (): AgentServiceClient => {
    const address = addresses.current;
    const own = identity.current();
    const trust = { authority: own.authority, own };
    return new AgentServiceClient(address, channelCredentials(trust), channelOptions(address));
  };
  const { hooks, ...link } = createSessionLink({ ...options, dial });
  return {
    ...link,
    run: async (handler, signal) => {
      await Promise.all([link.run(handler, signal), keepRenewed(options, hooks, signal)]);
    },
  };
}

export interface SessionLinkOptions extends Pick<GrpcLinkOptions, "clock" | "random" | "log"> {
  /** A client of the hub, on a connection of its own and as whom the agent is by now. */
  readonly dial: () => AgentServiceClient;
  /** Where that is, when it may be elsewhere. */
  readonly addresses?: HubAddresses;
}

/** Sessions with the hub, one after the other, over whatever is dialled. `hooks`: for who renews the identity. */
export function createSessionLink(options: SessionLinkOptions): AgentLink & { readonly hooks: RenewalHooks } {
  const state: LinkState = {
    open: undefined,
    content: new Map(),
    reconnect: new AbortController(),
    refused: new AbortController(),
  };
  return {
    hooks: {
      renewed: () => state.reconnect.abort(new DroverError("canceled", "the certificate was renewed")),
      refused: () => (state.refused = new AbortController()).signal,
    },
    run: (handler, signal) => connectForever(options, handler, state, signal),
    send: (message) => state.open?.outbox.put(message),
    fetchBlobs: async function* (digests, signal) {
      const here = takeHere(state, digests);
      yield* here;
      if (here.length > 0 && here.length === new Set(digests).size) return;
      if (state.open === undefined) throw new DroverError("link_closed", "there is no connection to the hub");
      const came = new Set(here.map(({ digest }) => digest));
      const missing = digests.filter((digest) => !came.has(digest));
      yield* fetchBlobs(state.open.client, missing, AbortSignal.any([signal, state.open.ended]));
    },
  };
}

/** What came with the newest assignments; each once, since whoever asks keeps it. */
function takeHere({ content }: LinkState, digests: readonly Digest[]): readonly Blob[] {
  return [...new Set(digests)].flatMap((digest) => {
    const bytes = content.get(digest);
    content.delete(digest);
    return bytes === undefined ? [] : { digest, bytes };
  });
}

interface LinkState {
  /** Undefined while there is no connection that the hub welcomed. */
  open: OpenConnection | undefined;
  /** Of the newest assignments: no more than one message has. */
  content: Map<Digest, Uint8Array>;
  /** Ends the present connection, or the wait before the next one. */
  reconnect: AbortController;
  /** Asks for another certificate. */
  refused: AbortController;
}

interface OpenConnection {
  readonly client: AgentServiceClient;
  readonly outbox: Outbox;
  /** Aborts when the connection is over. */
  readonly ended: AbortSignal;
}

interface Ending {
  readonly established: boolean;
  readonly reason: string;
  /** Absent when the end was announced. */
  readonly error?: DroverError;
}

async function connectForever(
  options: SessionLinkOptions,
  handler: AgentLinkHandler,
  state: LinkState,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, log, addresses } = options;
  let failures = 0;
  while (!signal.aborted) {
    state.reconnect = new AbortController();
    const either = AbortSignal.any([signal, state.reconnect.signal]);
    const startedMs = clock.now();
    const ending = await connectOnce(options, handler, state, either);
    if (ending.error?.code === "unauthorized") state.refused.abort();
    if (ending.established) guard(log, () => handler.disconnected(ending.reason));
    failures = clock.now() - startedMs >= stableMs ? 0 : failures + 1;
    // Whoever refuses this agent is the hub. One that ends, or is not there, may have another in its place.
    if (!either.aborted && retryable(ending.error?.code ?? "link_closed")) addresses?.next();
    const rounds = Math.floor(failures / (addresses?.size ?? 1));
    const waitMs = random() * Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(rounds, 30));
    logEnding(log, ending, { failures, waitMs: Math.round(waitMs) });
    if (!either.aborted) await clock.sleep(waitMs, either).catch(() => undefined);
  }
}

async function connectOnce(
  { dial, clock, log }: SessionLinkOptions,
  handler: AgentLinkHandler,
  state: LinkState,
  signal: AbortSignal,
): Promise<Ending> {
  const client = dial();
  const outbox = new Outbox(log);
  const ended = new AbortController();
  let established = false;
  const onEstablished = (welcome: Welcome): void => {
    established = true;
    state.open = { client, outbox, ended: ended.signal };
    guard(log, () => handler.connected(welcome));
  };
  const onReceived = (message: HubMessage): void => {
    if (message.kind === "assignments")
      state.content = new Map(message.content?.map((bytes) => [digestOf(bytes), bytes]));
    guard(log, () => handler.received(message));
  };
  try {
    outbox.put({ kind: "hello", hello: handler.hello() });
    const reason = await runSession(
      { client, outbox, clock, established: onEstablished, received: onReceived },
      signal,
    );
    return { established, reason };
  } catch (cause) {
    const error = DroverError.from(cause, "link_closed");
    return { established, reason: error.message, error };
  } finally {
    state.open = undefined;
    ended.abort(new DroverError("link_closed", "the connection to the hub ended"));
    client.close();
  }
}

/** What the agent makes of one message must not cost it its connection. */
function guard(log: Logger, call: () => void): void {
  try {
    call();
  } catch (cause) {
    log.error({ err: DroverError.from(cause) }, "message of the hub could not be handled");
  }
}

function logEnding(log: Logger, ending: Ending, next: { readonly failures: number; readonly waitMs: number }): void {
  const fields = { code: ending.error?.code, reason: ending.reason, ...next };
  if (ending.established) log.info(fields, "disconnected from the hub");
  else if (next.failures === 1 || (ending.error !== undefined && !retryable(ending.error.code)))
    log.warn(fields, "hub cannot be reached");
  else log.debug(fields, "hub cannot be reached");
}
