import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

import { describe, expect, it } from "vitest";

import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";

interface Dialled {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  readonly received: () => string;
}

interface Wire extends AsyncDisposable {
  readonly proxy: FaultProxy;
  /** Bytes that each connection brought to the server, in order of arrival, once it has ended. */
  readonly arrived: readonly number[];
  readonly dial: () => Promise<Dialled>;
}

/** An echo server behind a proxy. */
async function startWire(seed = 1): Promise<Wire> {
  await using parts = new AsyncDisposableStack();
  const arrived: number[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("end", () => arrived.push(socket.bytesRead));
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  parts.defer(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const proxy = parts.use(await startFaultProxy({ target: { host: "127.0.0.1", port: address.port }, seed }));
  const owned = parts.move();
  const dial = async (): Promise<Dialled> => {
    const socket = connect(proxy.port, proxy.host);
    let text = "";
    socket.on("data", (data) => (text += String(data)));
    socket.on("error", () => socket.destroy());
    const closed = new Promise((resolve) => socket.once("close", resolve));
    // A connection that is reset at once may fail before the client sees it open.
    await Promise.race([new Promise((resolve) => socket.once("connect", resolve)), closed]);
    return { socket, closed, received: () => text };
  };
  return { proxy, arrived, dial, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

describe("the fault proxy", () => {
  it("passes everything through, ends included", async () => {
    await using wire = await startWire();
    const { socket, closed, received } = await wire.dial();
    socket.end("x".repeat(1_000_000));
    await closed;
    expect(received()).toHaveLength(1_000_000);
    await expect.poll(() => wire.proxy.connections()).toBe(0);
  });

  it("resets open and new connections while it is cut, and none after that", async () => {
    await using wire = await startWire();
    const first = await wire.dial();
    first.socket.write("before");
    await expect.poll(first.received).toBe("before");
    wire.proxy.cut();
    await first.closed;
    await (
      await wire.dial()
    ).closed;
    wire.proxy.resume();
    const second = await wire.dial();
    second.socket.write("after");
    await expect.poll(second.received).toBe("after");
    expect(wire.proxy.accepted()).toBe(3);
    second.socket.destroy();
  });

  it("holds data and ends back while it is stalled and delivers them afterwards, in order", async () => {
    await using wire = await startWire();
    const { socket, closed, received } = await wire.dial();
    socket.write("a");
    await expect.poll(received).toBe("a");
    wire.proxy.stall();
    socket.write("b");
    socket.end("c");
    const silence = once(socket, "data", { signal: AbortSignal.timeout(200) });
    await expect(silence).rejects.toThrow(/aborted/);
    expect(wire.proxy.connections()).toBe(1);
    wire.proxy.resume();
    await closed;
    expect(received()).toBe("abc");
  });

  it("tears connections at the same bytes for the same seed", async () => {
    const lengths = async (seed: number): Promise<readonly number[]> => {
      await using wire = await startWire(seed);
      wire.proxy.setFaults({ cutAfterBytes: [100, 10_000] });
      for (let round = 1; round <= 3; round += 1) {
        const { socket, closed } = await wire.dial();
        socket.write("x".repeat(20_000));
        await closed;
        await expect.poll(() => wire.arrived).toHaveLength(round);
      }
      return wire.arrived;
    };
    const once = await lengths(7);
    expect(await lengths(7)).toEqual(once);
    expect(await lengths(8)).not.toEqual(once);
  });
});
