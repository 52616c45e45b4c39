import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";

import { mulberry32 } from "./random.ts";

export interface FaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Same seed, same sequence of random faults. */
  readonly seed?: number;
}

/** Faults that strike by themselves, drawn anew for each connection from the seed. */
export interface RandomFaults {
  /** Every piece of data waits this long, in order; both directions. */
  readonly delayMs?: number;
  /** A number of bytes between the bounds: the side that sends more is reset, the other gets that many and an end. */
  readonly cutAfterBytes?: readonly [from: number, to: number];
}

/** A TCP proxy on loopback whose wire can be cut, stalled and mended. */
export interface FaultProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Open connections. */
  connections(): number;
  /** Accepted since the start: tells whether a client has come back. */
  accepted(): number;
  /** Resets every connection and every new one at once. */
  cut(): void;
  /** Lets nothing through, neither data nor ends, while every connection stays open: a half-open wire. */
  stall(): void;
  /** Lets nothing through on the connections of now, for ever, as a router that has forgotten them; new ones flow. */
  strand(): void;
  /** Mends the wire: what was stalled flows on, what was cut may connect again. */
  resume(): void;
  /** For connections from now on; `{}` ends the random faults. */
  setFaults(faults: RandomFaults): void;
}

/** Connections beyond this are reset: a client in a reconnect storm must not exhaust the test's sockets. */
const connectionLimit = 1_000;

const never = new Promise<void>(() => undefined);

type State = "flowing" | "stalled" | "cut";

export async function startFaultProxy({ target, seed = 1 }: FaultProxyOptions): Promise<FaultProxy> {
  const random = mulberry32(seed);
  const sockets = new Set<Socket>();
  let state: State = "flowing";
  let mended = Promise.withResolvers<void>();
  let faults: RandomFaults = {};
  let accepted = 0;
  let stranded = 0;
  const accept = (client: Socket): void => {
    accepted += 1;
    const number = accepted;
    const wire = {
      flowing: () => state === "flowing" && number > stranded,
      mended: () => (number > stranded ? mended.promise : never),
    };
    if (state === "cut" || sockets.size / 2 >= connectionLimit) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...target, allowHalfOpen: true });
    const pair = [client, upstream];
    const cut = (): void => pair.forEach(reset);
    for (const socket of pair) {
      sockets.add(socket);
      socket.on("error", cut);
      socket.once("close", () => sockets.delete(socket));
    }
    const limitBytes = drawLimit(faults.cutAfterBytes, random);
    const { delayMs = 0 } = faults;
    forward({ from: client, to: upstream, wire, limitBytes, delayMs }).catch(cut);
    forward({ from: upstream, to: client, wire, limitBytes, delayMs }).catch(cut);
  };
  const server = createServer({ allowHalfOpen: true }, accept);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  const enter = (next: State): void => {
    state = next;
    if (state === "flowing") mended.resolve();
    else mended = Promise.withResolvers();
  };
  const resetAll = (): void => {
    for (const socket of sockets) reset(socket);
    sockets.clear();
  };
  return {
    host: "127.0.0.1",
    port: address.port,
    connections: () => sockets.size / 2,
    accepted: () => accepted,
    cut() {
      enter("cut");
      resetAll();
    },
    stall: () => enter("stalled"),
    strand: () => void (stranded = accepted),
    resume: () => enter("flowing"),
    setFaults: (next) => void (faults = next),
    async [Symbol.asyncDispose]() {
      enter("flowing");
      const closed = once(server, "close");
      server.close();
      resetAll();
      await closed;
    },
  };
}

/** One that has said its end cannot be reset: Node would neither close it nor say so. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

interface Direction {
  readonly from: Socket;
  readonly to: Socket;
  readonly wire: { readonly flowing: () => boolean; readonly mended: () => Promise<void> };
  readonly limitBytes: number;
  readonly delayMs: number;
}

/** Moves one direction of a connection, one piece at a time, so nothing is buffered beyond the sockets themselves. */
async function forward({ from, to, wire, limitBytes, delayMs }: Direction): Promise<void> {
  let left = limitBytes;
  for await (const piece of from) {
    if (!Buffer.isBuffer(piece)) throw new Error("the socket is not in binary mode");
    if (delayMs > 0) await setTimeout(delayMs);
    while (!wire.flowing()) await wire.mended();
    if (to.destroyed) throw new Error("the other side is gone");
    if (piece.length > left) {
      to.end(piece.subarray(0, left));
      reset(from);
      return;
    }
    left -= piece.length;
    if (!to.write(piece)) await once(to, "drain");
  }
  while (!wire.flowing()) await wire.mended();
  to.end();
}

function drawLimit(bounds: RandomFaults["cutAfterBytes"], random: () => number): number {
  if (bounds === undefined) return Number.POSITIVE_INFINITY;
  return bounds[0] + Math.floor(random() * (bounds[1] - bounds[0] + 1));
}
