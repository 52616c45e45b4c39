import { connect, jwtAuthenticator, type Msg, type NatsConnection, nkeys } from "@nats-io/transport-node";

import type { Clock } from "../clock.ts";
import { DroverError } from "../errors.ts";
import { untilAborted } from "../until-aborted.ts";
import type { BrokerAccess } from "./broker.ts";
import { decodeFrame, type Frame } from "./frame.ts";

export type BrokerConnection = NatsConnection;

const timeoutMs = 10_000;
const pingIntervalMs = 10_000;
const drainMs = 1_000;

/**
 * One connection to a NATS broker, which is not made again when it breaks; `name` is for the broker's own logs. Throws
 * `link_closed`, or what `signal` says.
 */
export async function connectBroker(
  access: BrokerAccess,
  name: string,
  signal: AbortSignal,
): Promise<BrokerConnection> {
  signal.throwIfAborted();
  const connecting = connect({
    servers: access.servers.split(",").map((server) => server.trim()),
    authenticator: jwtAuthenticator(access.jwt, Buffer.from(access.seed)),
    name,
    timeout: timeoutMs,
    pingInterval: pingIntervalMs,
    reconnect: false,
  });
  const ended = new AbortController();
  try {
    const first = await Promise.race([connecting, untilAborted(AbortSignal.any([signal, ended.signal]))]);
    if (first !== undefined && !signal.aborted) return first;
  } catch (cause) {
    throw DroverError.from(cause, "link_closed");
  } finally {
    ended.abort();
  }
  // The client takes no signal: what it still opens is closed when it comes.
  connecting.then((late) => late.close()).catch(() => undefined);
  throw DroverError.from(signal.reason);
}

/** Lets what was published last leave, for a moment: a broker that does not read must not hold up who is done. */
export async function closeBroker(connection: BrokerConnection, clock: Clock): Promise<void> {
  if (connection.isClosed()) return;
  const over = new AbortController();
  await Promise.race([connection.drain(), connection.closed(), clock.sleep(drainMs, over.signal)]).catch(
    () => undefined,
  );
  over.abort();
  if (!connection.isClosed()) connection.close().catch(() => undefined);
}

/** What a message says. Where nobody listens any more, a broker answers for them: that is a reset. */
export function readFrame({ data, headers }: Pick<Msg, "data" | "headers">): Frame | undefined {
  return headers?.code === 503 ? { kind: "reset" } : decodeFrame(data);
}

/** A new key of a NATS user. */
export function createUserKey(): { readonly publicKey: string; readonly seed: string } {
  const key = nkeys.createUser();
  return { publicKey: key.getPublicKey(), seed: Buffer.from(key.getSeed()).toString() };
}
