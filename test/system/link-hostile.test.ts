import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";

import { channelCredentials } from "@drover/agent/link/dial";
import { AgentServiceClient } from "@drover/proto/gen/drover/agent/v1/agent";
import { EnrollServiceClient } from "@drover/proto/gen/drover/enroll/v1/enroll";
import { systemClock } from "@drover/shared/clock";
import { maxAgentMessageBytes } from "@drover/shared/link/link";
import { credentials, type ServiceError, connectivityState, status as Status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";

import { hello, secured, startHub, statusOf } from "./hub-port.ts";

/** Clients that no agent of ours would be: each talks to a real hub over its real port. */
describe("the hub's port", () => {
  it("answers streams without a certificate with UNAUTHENTICATED, and hears nothing of them", async () => {
    await using hub = await startHub();
    const client = hub.dial();
    expect(await statusOf(client.connect())).toBe(Status.UNAUTHENTICATED);
    expect(await statusOf(client.fetchBlobs({ digests: [Buffer.alloc(32)] }))).toBe(Status.UNAUTHENTICATED);
    expect(hub.recorder.events).toEqual([]);
  });

  it("does not renew without a certificate", async () => {
    await using hub = await startHub();
    const client = new EnrollServiceClient(hub.address, channelCredentials({ authority: hub.authority.certificate }));
    const failure = await new Promise<ServiceError | null>((resolve) => {
      client.renew({ csr: Buffer.alloc(10), proof: undefined }, (error) => resolve(error));
    });
    expect(failure?.code).toBe(Status.UNAUTHENTICATED);
    client.close();
  });

  it("T26: takes no certificate that its authority gave to a server", async () => {
    await using hub = await startHub();
    const { chain, privateKey } = await hub.authority.issueServer(["dev-1"]);
    const client = hub.dial({ certificate: chain, privateKey });
    expect(await statusOf(client.connect())).toBe(Status.UNAUTHENTICATED);
  });

  it("speaks nothing below TLS 1.3, and nothing without TLS", async () => {
    await using hub = await startHub();
    const old = connectTls({
      ...hub.endpoint,
      maxVersion: "TLSv1.2",
      rejectUnauthorized: false,
      ALPNProtocols: ["h2"],
    });
    await expect(once(old, "secureConnect")).rejects.toThrow(/protocol version/);
    const plain = new AgentServiceClient(hub.address, credentials.createInsecure());
    expect(await statusOf(plain.connect())).toBe(Status.UNAVAILABLE);
    plain.close();
  });

  it("T25: resumes no TLS session, so that a certificate is asked for on every connection", async () => {
    await using hub = await startHub();
    const own = await hub.issue("dev-1");
    const options = { ...hub.endpoint, rejectUnauthorized: false, ALPNProtocols: ["h2"] } as const;
    const sessions: Buffer[] = [];
    const first = connectTls({ ...options, cert: own.certificate, key: own.privateKey });
    first.on("session", (session) => sessions.push(session));
    await secured(first);
    // Tickets are sent right after the handshake, before the first byte of HTTP/2.
    await once(first, "data");
    first.destroy();
    const session = sessions.at(-1) ?? first.getSession();
    const second = connectTls({ ...options, ...(session === undefined ? {} : { session }) });
    await secured(second);
    expect(second.isSessionReused()).toBe(false);
    second.destroy();
  });

  it("judges each stream on its own clock: a certificate that ran out opens no further one", async () => {
    let skewMs = 0;
    await using hub = await startHub({ clock: { ...systemClock, now: () => Date.now() + skewMs } });
    const client = hub.dial(await hub.issue("dev-1"));
    const blobs = client.fetchBlobs({ digests: [Buffer.alloc(32)] });
    expect(await statusOf(blobs)).toBe(Status.OK);
    skewMs = 25 * 3_600_000;
    // Either the stream is refused, or the connection was ended already: nothing is served.
    expect(await statusOf(client.fetchBlobs({ digests: [Buffer.alloc(32)] }))).not.toBe(Status.OK);
  });

  it("T25: ends an open stream when its certificate runs out", async () => {
    let skewMs = 0;
    await using hub = await startHub({ clock: { ...systemClock, now: () => Date.now() + skewMs } });
    const call = hub.dial(await hub.issue("dev-1")).connect();
    const ended = statusOf(call);
    call.write(hello);
    await expect.poll(() => hub.recorder.of("connected").length).toBe(1);
    skewMs = 25 * 3_600_000;
    expect(await ended).not.toBe(Status.OK);
    await expect.poll(() => hub.recorder.of("disconnected")).toMatchObject([{ cluster: "dev-1", graceful: false }]);
  });

  it.each([
    [
      "a report before the hello",
      { $case: "acknowledgement", value: { epoch: "", generation: 0n, refusal: undefined } },
    ],
    ["a message of an unknown kind", undefined],
  ] as const)("refuses %s", async (_title, body) => {
    await using hub = await startHub();
    const call = hub.dial(await hub.issue("dev-1")).connect();
    const ended = statusOf(call);
    call.write({ body });
    expect(await ended).toBe(Status.INVALID_ARGUMENT);
    expect(hub.recorder.events).toEqual([]);
  });

  it("E72: ignores kinds of messages that it does not know, after the hello", async () => {
    await using hub = await startHub();
    const call = hub.dial(await hub.issue("dev-1")).connect();
    call.on("error", () => undefined);
    call.write(hello);
    call.write({ body: undefined });
    call.write({ body: { $case: "inspection", value: { id: "q1", answer: undefined } } });
    await expect.poll(() => hub.recorder.of("inspected").length).toBe(1);
    expect(hub.recorder.of("disconnected")).toEqual([]);
  });

  it("T32: ends a stream over a message above the limit, and no other stream", async () => {
    await using hub = await startHub();
    const good = hub.dial(await hub.issue("dev-2")).connect();
    good.on("error", () => undefined);
    good.write(hello);
    const call = hub.dial(await hub.issue("dev-1")).connect();
    const ended = statusOf(call);
    call.write(hello);
    const result = Buffer.alloc(maxAgentMessageBytes + 1);
    call.write({ body: { $case: "inspection", value: { id: "q", answer: { $case: "result", value: result } } } });
    expect(await ended).toBe(Status.RESOURCE_EXHAUSTED);
    await expect.poll(() => hub.recorder.of("disconnected")).toMatchObject([{ cluster: "dev-1" }]);
    expect(hub.link.send("dev-2", { kind: "inspect", inspect: { id: "q", application: "a", what: "tree" } })).toBe(
      true,
    );
  });

  it("T33: waits only so long for a hello", async () => {
    await using hub = await startHub({ limits: { helloTimeoutMs: 500 } });
    expect(await statusOf(hub.dial(await hub.issue("dev-1")).connect())).not.toBe(Status.OK);
  });

  it("T33: keeps few strangers of one address, each for a while, and agents meanwhile come in", async () => {
    await using hub = await startHub({ limits: { strangersPerAddress: 3, strangerLifetimeMs: 1_500 } });
    const strangers = Array.from({ length: 6 }, () =>
      connectTls({ ...hub.endpoint, rejectUnauthorized: false, ALPNProtocols: ["h2"] }),
    );
    let open = strangers.length;
    for (const socket of strangers) {
      socket.on("error", () => undefined).on("close", () => (open -= 1));
      // A socket that does not read does not see its end.
      socket.resume();
    }
    await expect.poll(() => open).toBe(3);
    const call = hub.dial(await hub.issue("dev-1")).connect();
    call.on("error", () => undefined);
    call.write(hello);
    await expect.poll(() => hub.recorder.of("connected").length).toBe(1);
    await expect.poll(() => open, { timeout: 5_000 }).toBe(0);
    expect(hub.recorder.of("disconnected")).toEqual([]);
  });

  it("T33: ends a stranger that sends more than enrolling takes", async () => {
    await using hub = await startHub();
    const enrolling = new EnrollServiceClient(
      hub.address,
      channelCredentials({ authority: hub.authority.certificate }),
      {
        "grpc.ssl_target_name_override": "hub.drover.internal",
      },
    );
    const request = {
      token: "x".repeat(1024 * 1024),
      csr: Buffer.alloc(0),
      clusterUid: "",
      agentVersion: "",
      proof: undefined,
    };
    const call = () => new Promise<Status | undefined>((resolve) => enrolling.enroll(request, (e) => resolve(e?.code)));
    await call();
    await expect
      .poll(
        async () => {
          // Ended between two calls shows in the channel, ended during one in its code.
          const isEnded = enrolling.getChannel().getConnectivityState(false) !== connectivityState.READY;
          return isEnded || (await call()) === Status.UNAVAILABLE;
        },
        { timeout: 10_000 },
      )
      .toBe(true);
    enrolling.close();
  });

  it("T33: drops a connection that never finishes its handshake", async () => {
    await using hub = await startHub({ limits: { handshakeTimeoutMs: 300 } });
    const socket = connectTcp(hub.endpoint);
    socket.on("error", () => undefined);
    socket.resume();
    await once(socket, "close");
  });

  it("T32: ends the oldest of too many connections of one cluster", async () => {
    await using hub = await startHub({ limits: { connectionsPerCluster: 2 } });
    const own = await hub.issue("dev-1");
    const sockets: TLSSocket[] = [];
    const closed: number[] = [];
    for (let index = 0; index < 3; index += 1) {
      const socket = connectTls({
        ...hub.endpoint,
        cert: own.certificate,
        key: own.privateKey,
        rejectUnauthorized: false,
        ALPNProtocols: ["h2"],
      });
      socket.on("error", () => undefined).on("close", () => closed.push(index));
      sockets.push(socket);
      await secured(socket);
      // The hub has taken a connection in once it speaks HTTP/2 on it.
      await once(socket, "data");
    }
    await expect.poll(() => closed).toEqual([0]);
    for (const socket of sockets) socket.destroy();
  });

  it("answers a request for nonsense blobs with INVALID_ARGUMENT", async () => {
    await using hub = await startHub();
    const client = hub.dial(await hub.issue("dev-1"));
    expect(await statusOf(client.fetchBlobs({ digests: [Buffer.from("short")] }))).toBe(Status.INVALID_ARGUMENT);
    const many = Array.from({ length: 10_001 }, () => Buffer.alloc(32));
    expect(await statusOf(client.fetchBlobs({ digests: many }))).toBe(Status.RESOURCE_EXHAUSTED);
  });
});
