import { connect } from "node:net";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { type BrokerAccess, hubSubjects, parseUpSubject } from "@drover/shared/link/broker";
import { type BrokerConnection, closeBroker, connectBroker, readFrame } from "@drover/shared/link/broker-connection";
import { encodeFrame } from "@drover/shared/link/frame";
import type { HubLink } from "@drover/shared/link/link";
import { Tunnel } from "@drover/shared/link/tunnel";
import type { Logger } from "@drover/shared/log";
import { backoffMs, type Random } from "@drover/shared/retry";
import { untilAborted } from "@drover/shared/until-aborted";
import type { Msg } from "@nats-io/transport-node";

import { weaknessOf } from "../core/broker-weakness.ts";

export interface NatsLinkOptions {
  /** Asked for each connection to the broker anew. */
  readonly access: () => BrokerAccess;
  /** See `weaknessOf`. */
  readonly acceptOld: boolean;
  /** Whether the broker is used: undefined = it is. At first, and each time that this changes. */
  readonly told: (failure: DroverError | undefined) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const backoff = { baseMs: 200, factor: 2, capMs: 5_000, jitter: 0.5 } as const;
/** Open tunnels altogether, and of one cluster: its connection, one that is being left, and one that renews. */
const maxTunnels = 12_000;
const maxTunnelsPerCluster = 4;

/**
 * The same link, which agents also reach through a NATS broker. What comes out of the broker goes into the hub's own port
 * like any other connection, and is trusted as little: agents show their certificates there, inside the tunnel.
 */
export function withNats(link: HubLink, options: NatsLinkOptions): HubLink {
  return {
    ...link,
    async run(handler, ready, signal) {
      // The tunnels outlive the signal for as long as the link takes to say its goodbyes.
      const drained = new AbortController();
      const address = Promise.withResolvers<string>();
      const announce = (at: string): void => {
        address.resolve(at);
        ready(at);
      };
      const relaying = relayForever(options, address.promise, drained.signal);
      try {
        await link.run(handler, announce, signal);
      } finally {
        address.resolve("");
        drained.abort(new DroverError("canceled", "the hub stops"));
        await relaying;
      }
    },
  };
}

async function relayForever(options: NatsLinkOptions, address: Promise<string>, signal: AbortSignal): Promise<void> {
  const { clock, random, log } = options;
  const target = parseTarget(await address);
  let last: string | undefined;
  const tell = (failure: DroverError | undefined): void => {
    // A broker that was changed may have another weakness; why one cannot be reached differs each time.
    const now = failure?.code === "broker_weak" ? failure.message : (failure?.code ?? "");
    if (now === last) return;
    if (failure !== undefined) {
      log.warn({ code: failure.code, reason: failure.message, hint: failure.hint }, "NATS broker is not used");
    } else if (last !== undefined) log.info({}, "connected to the NATS broker again");
    last = now;
    options.told(failure);
  };
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      await relayOnce(options, target, signal, () => {
        failures = 0;
        tell(undefined);
      });
    } catch (cause) {
      if (!signal.aborted) tell(DroverError.from(cause, "link_closed"));
    }
    if (!signal.aborted) await clock.sleep(backoffMs(backoff, failures, random), signal).catch(() => undefined);
  }
}

interface Target {
  readonly host: string;
  readonly port: number;
}

/** One connection to the broker. Whatever ran through it ends with it: neither end could tell what is lost. */
async function relayOnce(
  options: NatsLinkOptions,
  target: Target,
  signal: AbortSignal,
  connected: () => void,
): Promise<void> {
  const connection = await connectBroker(options.access(), "drover-hub", signal);
  const tunnels = new Tunnels(connection, target, options.log);
  try {
    refuseWeak(connection, options);
    connection.subscribe(hubSubjects.subscribe, { callback: (_, message) => tunnels.receive(message) });
    connected();
    const lost = connection.closed().then((cause) => {
      if (cause !== undefined) throw cause;
    });
    await Promise.race([lost, untilAborted(signal)]);
  } finally {
    tunnels.destroyAll();
    await closeBroker(connection, options.clock);
  }
}

/** Throws `broker_weak`. */
function refuseWeak({ info }: BrokerConnection, options: Pick<NatsLinkOptions, "acceptOld">): void {
  const weakness = weaknessOf(info, options);
  if (weakness === undefined) return;
  throw new DroverError("broker_weak", `the NATS broker ${weakness.reason}`, { hint: weakness.remedy });
}

type Place = NonNullable<ReturnType<typeof parseUpSubject>>;

class Tunnels {
  readonly #open = new Map<string, Tunnel>();
  readonly #countOf = new Map<string, number>();
  readonly #connection: BrokerConnection;
  readonly #target: Target;
  readonly #log: Logger;

  constructor(connection: BrokerConnection, target: Target, log: Logger) {
    this.#connection = connection;
    this.#target = target;
    this.#log = log;
  }

  receive(message: Msg): void {
    const place = parseUpSubject(message.subject);
    const frame = readFrame(message);
    if (place === undefined || frame === undefined) return;
    const tunnel = this.#open.get(place.down);
    if (tunnel !== undefined) return tunnel.receive(frame);
    if (frame.kind === "open" && this.#hasRoom(place.token)) return this.#begin(place);
    // The hub is a new one, or forgot the tunnel with a connection: the agent has to know at once.
    if (frame.kind !== "reset") this.#publish(place, encodeFrame({ kind: "reset" }));
  }

  destroyAll(): void {
    for (const tunnel of this.#open.values()) tunnel.destroy();
  }

  #hasRoom(token: string): boolean {
    return this.#open.size < maxTunnels && (this.#countOf.get(token) ?? 0) < maxTunnelsPerCluster;
  }

  #begin(place: Place): void {
    const { token, down } = place;
    const tunnel = new Tunnel({
      socket: connect({ ...this.#target, allowHalfOpen: true }),
      publish: (frame) => this.#publish(place, frame),
      closed: () => {
        this.#open.delete(down);
        const left = (this.#countOf.get(token) ?? 1) - 1;
        if (left > 0) this.#countOf.set(token, left);
        else this.#countOf.delete(token);
      },
    });
    this.#open.set(down, tunnel);
    this.#countOf.set(token, (this.#countOf.get(token) ?? 0) + 1);
    tunnel.accept();
  }

  #publish({ up, down }: Place, frame: Uint8Array): void {
    if (this.#connection.isClosed() || this.#connection.isDraining()) return;
    try {
      // A broker answers there when the agent's connection to it is gone.
      this.#connection.publish(down, frame, { reply: up });
    } catch (cause) {
      this.#log.debug({ err: cause }, "frame could not be published");
    }
  }
}

/** Where the hub's own port is reached from within. */
function parseTarget(address: string): Target {
  const host = address.slice(0, address.lastIndexOf(":")).replaceAll(/^\[|\]$/gu, "");
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  if (host === "0.0.0.0") return { host: "127.0.0.1", port };
  return { host: host === "::" ? "::1" : host, port };
}
