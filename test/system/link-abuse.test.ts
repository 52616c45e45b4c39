import { once } from "node:events";
import { connect as connectHttp2, constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { ConnectRequest, type ConnectResponse } from "@drover/proto/gen/drover/agent/v1/agent";
import { assignments } from "@drover/shared/link/world.contract";
import { describe, expect, it, onTestFinished } from "vitest";

import { hello, startHub } from "./hub-port.ts";

type Hub = Awaited<ReturnType<typeof startHub>>;

const enhanceYourCalm = constants.NGHTTP2_ENHANCE_YOUR_CALM;
const patience = { timeout: 10_000 };
/** Not where the agents of these tests are. */
const elsewhere = "127.0.0.2";

/** Raw HTTP/2 and raw sockets against a real hub's port, while an agent that does as it should goes on. */
describe("abuse of the hub's port", () => {
  it.each([
    ["T32: pings", (session: ClientHttp2Session) => session.ping(() => undefined), enhanceYourCalm],
    ["T32: settings", setAgain, enhanceYourCalm],
    // nghttp2's own limit; and so it says it.
    ["T32: streams cut off as soon as they began (rapid reset)", cutOff, constants.NGHTTP2_INTERNAL_ERROR],
  ])("%s without end are answered with a GOAWAY and the end of the connection", async (_title, abuse, code) => {
    await using hub = await startHub();
    const good = await startGood(hub);
    const session = await dialRaw(hub, "bad");
    const goaways: number[] = [];
    session.on("goaway", (said) => goaways.push(said));
    const closed = closing(session);
    for (let sent = 0; !session.destroyed && sent < 5_000; sent += 1) {
      abuse(session);
      if (sent % 50 === 0) await good.answers();
    }
    await closed;
    expect(goaways).toEqual([code]);
    await good.answers();
    expect(hub.recorder.of("disconnected")).toEqual([]);
  });

  it("T32: what an agent of ours sends of them is far below that", async () => {
    await using hub = await startHub();
    const session = await dialRaw(hub, "dev-1");
    for (let n = 0; n < 3; n += 1) await new Promise((resolve) => session.ping(resolve));
    for (let n = 0; n < 150; n += 1) cutOff(session);
    await new Promise((resolve) => session.ping(resolve));
    expect(session.destroyed).toBe(false);
  });

  it("T32: a connection has 32 streams at once and 8 KiB of headers in each", async () => {
    await using hub = await startHub();
    const good = await startGood(hub);
    const session = await dialRaw(hub, "bad");
    await expect
      .poll(() => session.remoteSettings)
      .toMatchObject({ maxConcurrentStreams: 32, maxHeaderListSize: 8_192 });
    const padding = Object.fromEntries(Array.from({ length: 4 }, (_, n) => [`x-${n}`, "x".repeat(4_000)]));
    const stream = session.request({ ...connectHeaders, ...padding });
    stream.on("error", () => undefined);
    stream.write(framed(hello));
    await closing(stream);
    expect(stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
    await good.answers();
    expect(hub.recorder.of("connected")).toMatchObject([{ cluster: "good" }]);
  });

  it("T33: a flood of connections that say nothing keeps nobody out, also not from where it comes", async () => {
    await using hub = await startHub({ limits: { silentPerAddress: 50, handshakeTimeoutMs: 1_500 } });
    const [here, there] = [await flood(hub, "127.0.0.1", 400), await flood(hub, elsewhere, 400)];
    await expect.poll(() => [here.open(), there.open()], patience).toEqual([50, 50]);
    const good = await startGood(hub);
    await good.answers();
    await expect.poll(() => here.open() + there.open(), patience).toBe(0);
    await good.answers();
  });

  it("T33: handshakes that are begun and left hold up their own address only, and that for a moment", async () => {
    await using hub = await startHub({ limits: { handshakes: 10, handshakesPerAddress: 5 } });
    const { open, sockets } = await flood(hub, elsewhere, 100);
    // The head of a TLS record of 512 bytes, and nothing of what is in it.
    for (const socket of sockets) socket.write(Buffer.from("1603010200", "hex"));
    const good = await startGood(hub);
    await good.answers();
    expect(open()).toBeGreaterThan(90);
    for (const socket of sockets.slice(0, 95)) socket.destroy();
    // Those that waited behind them have their turn.
    await (await startGood(hub, "dev-1", elsewhere)).answers();
  });

  it("R21: agents that never read cost two messages each, whatever is sent to them", async () => {
    await using hub = await startHub();
    const good = await startGood(hub);
    const deaf = Array.from({ length: 20 }, (_, n) => `deaf-${n}`);
    for (const cluster of deaf) await connectDeaf(hub, cluster);
    await expect.poll(() => hub.recorder.of("connected").length, patience).toBe(deaf.length + 1);
    const messageBytes = 256 * 1024;
    const before = heldBytes();
    for (let generation = 1; generation <= 50; generation += 1) {
      for (const cluster of deaf) hub.link.send(cluster, assignments(generation, messageBytes));
      await good.answers();
    }
    expect((heldBytes() - before) / deaf.length).toBeLessThan(4 * messageBytes);
  });
});

const connectHeaders = {
  ":method": "POST",
  ":path": "/drover.agent.v1.AgentService/Connect",
  "content-type": "application/grpc",
  te: "trailers",
};

/** Node lets nobody send more than ten without an answer. */
function setAgain(session: ClientHttp2Session): void {
  if (!session.pendingSettingsAck) session.settings({ enablePush: false });
}

function cutOff(session: ClientHttp2Session): void {
  if (session.destroyed || session.closed) return;
  const stream = session.request(connectHeaders);
  stream.on("error", () => undefined);
  stream.close(constants.NGHTTP2_CANCEL);
}

/** Whatever it was closed with. */
function closing(what: ClientHttp2Session | ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => void what.once("close", () => resolve()));
}

async function dialRaw(hub: Hub, cluster: string, localAddress = "127.0.0.1"): Promise<ClientHttp2Session> {
  const own = await hub.issue(cluster);
  const options: ConnectionOptions & { readonly localAddress: string } = {
    ...hub.endpoint,
    localAddress,
    cert: own.certificate,
    key: own.privateKey,
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
  };
  const session = connectHttp2(`https://${hub.address}`, {
    // A window of nothing: what the hub has for a stream stays with the hub.
    settings: { initialWindowSize: 0 },
    maxOutstandingPings: 10_000,
    createConnection: () => connectTls(options),
  });
  session.on("error", () => undefined);
  onTestFinished(() => session.destroy());
  await once(session, "remoteSettings");
  return session;
}

/** An agent that says hello, and takes nothing of what it is told. */
async function connectDeaf(hub: Hub, cluster: string): Promise<void> {
  const stream = (await dialRaw(hub, cluster)).request(connectHeaders);
  stream.on("error", () => undefined);
  stream.write(framed(hello));
}

/** As gRPC frames a message: not compressed, and how long it is. */
function framed(message: ConnectRequest): Buffer {
  const bytes = ConnectRequest.encode(message).finish();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.byteLength, 1);
  return Buffer.concat([head, bytes]);
}

/** An agent as it should be: what it is asked arrives, on the one connection that it has. */
async function startGood(hub: Hub, cluster = "good", localAddress?: string) {
  const call = localAddress === undefined ? hub.dial(await hub.issue(cluster)).connect() : undefined;
  if (call === undefined) {
    const session = await dialRaw(hub, cluster, localAddress);
    return { answers: async () => new Promise((resolve) => session.ping(resolve)) };
  }
  const asked = new Set<string>();
  call.on("error", () => undefined);
  call.on("data", ({ body }: ConnectResponse) => {
    if (body?.$case === "inspect") asked.add(body.value.id);
  });
  call.write(hello);
  await expect.poll(() => hub.recorder.of("connected").some((event) => event.cluster === cluster), patience).toBe(true);
  let questions = 0;
  return {
    async answers(): Promise<void> {
      questions += 1;
      const id = String(questions);
      const inspect = { id, application: "a", what: "tree" } as const;
      expect(hub.link.send(cluster, { kind: "inspect", inspect })).toBe(true);
      await expect.poll(() => asked.has(id), { ...patience, interval: 2 }).toBe(true);
    },
  };
}

async function flood(hub: Hub, localAddress: string, count: number) {
  const sockets: Socket[] = [];
  let open = 0;
  for (let n = 0; n < count; n += 1) {
    const socket = connectTcp({ ...hub.endpoint, localAddress });
    socket.on("error", () => undefined);
    sockets.push(socket);
    await once(socket, "connect");
    open += 1;
    socket.on("close", () => (open -= 1));
    // A socket that does not read does not see its end.
    socket.resume();
  }
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  return { sockets, open: () => open };
}

/** Bytes in buffers that somebody can still reach. */
function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
}
