import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

import { afterEach, beforeEach, expect, test } from "vitest";

import { decodeFrame, encodeFrame, type Frame } from "./frame.ts";
import { Tunnel } from "./tunnel.ts";

let server: Server;
let outer: Socket;
let inner: Socket;
let sent: Frame[];
let tunnel: Tunnel;
let closed: number[];

/** A tunnel's end on one side of a TCP connection, and the test on the other. */
beforeEach(async () => {
  server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  const accepted = once(server, "connection");
  outer = connect({ port: address.port, host: "127.0.0.1", allowHalfOpen: true });
  outer.on("error", () => undefined);
  [inner] = (await accepted) as [Socket];
  // Of this test only: the tunnel of the one before may still be closing.
  const [frames, closings]: [Frame[], number[]] = [[], []];
  const publish = (bytes: Uint8Array): void => {
    const frame = decodeFrame(bytes);
    if (frame !== undefined) frames.push(frame);
  };
  tunnel = new Tunnel({ socket: inner, publish, closed: () => void closings.push(1) });
  [sent, closed] = [frames, closings];
});
afterEach(() => {
  outer.destroy();
  inner.destroy();
  server.close();
});

const sentBytes = (): number =>
  sent.reduce((sum, frame) => sum + (frame.kind === "data" ? frame.bytes.byteLength : 0), 0);
const kinds = (): string[] => sent.map((frame) => frame.kind);
const data = (bytes: number): Frame => ({ kind: "data", bytes: new Uint8Array(bytes) });

test("sends no more than the other end has room for, and goes on as it takes", async () => {
  outer.write(new Uint8Array(2 * 1024 * 1024));
  await expect.poll(sentBytes).toBeGreaterThanOrEqual(256 * 1024);
  expect(sentBytes()).toBeLessThanOrEqual(256 * 1024 + 64 * 1024);
  while (sentBytes() < 2 * 1024 * 1024) {
    const before = sentBytes();
    tunnel.receive({ kind: "credit", taken: before });
    await expect.poll(sentBytes).toBeGreaterThan(before);
  }
  expect(Math.max(...sent.map((frame) => encodeFrame(frame).byteLength))).toBeLessThan(64 * 1024);
});

test("says how much was taken, each time anew in all, so that one lost word costs nothing", async () => {
  outer.resume();
  for (let round = 0; round < 8; round += 1) tunnel.receive(data(32 * 1024));
  await expect.poll(() => sent.at(-1)).toEqual({ kind: "credit", taken: 256 * 1024 });
});

test("ends with whoever sends far beyond its room", async () => {
  // More than the buffers of a socket that nobody reads, and without waiting for credit.
  for (let round = 0; round < 1_000 && !inner.destroyed; round += 1) tunnel.receive(data(32 * 1024));
  await expect.poll(kinds).toContain("reset");
  expect(closed).toHaveLength(1);
});

test("ends with whoever claims to have taken what was never sent", async () => {
  tunnel.receive({ kind: "credit", taken: 1 });
  await expect.poll(kinds).toEqual(["reset"]);
});

test("passes on the end of each direction, and a reset only when there was none", async () => {
  outer.end();
  await expect.poll(kinds).toEqual(["end"]);
  tunnel.receive({ kind: "end" });
  outer.resume();
  await expect.poll(() => closed).toHaveLength(1);
  expect(kinds()).toEqual(["end"]);
});

test("passes on a connection that breaks", async () => {
  outer.resetAndDestroy();
  await expect.poll(kinds).toContain("reset");
});
