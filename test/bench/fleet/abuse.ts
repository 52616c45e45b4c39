import { connect as connectHttp2, constants, type ClientHttp2Session } from "node:http2";
import { connect as connectTcp } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";

import { ConnectRequest } from "@drover/proto/gen/drover/agent/v1/agent";
import { noFacts } from "@drover/shared/link/link";
import type { Identity } from "@drover/shared/trust/identity";

import { issueIdentities } from "./identities.ts";

/** Everything that T32 and T33 name, at once and without end, as a process of its own. */
export interface AbuseOrder {
  /** `host:port`. */
  readonly hub: string;
  readonly keys: string;
  /** Registered clusters: one whose agent never reads, and one whose certificate the floods have. */
  readonly deaf: string;
  readonly flooding: string;
}

const connectHeaders = {
  ":method": "POST",
  ":path": "/drover.agent.v1.AgentService/Connect",
  "content-type": "application/grpc",
  te: "trailers",
};
const silentSockets = 2_000;
const pauseMs = 250;
const elsewhere = "127.0.0.2";

async function abuse({ hub, keys, deaf, flooding }: AbuseOrder): Promise<void> {
  const [reader, identity] = await issueIdentities(keys, [deaf, flooding]);
  if (reader === undefined || identity === undefined) throw new Error("no identity");
  const port = Number(hub.split(":")[1]);
  neverRead(port, reader);
  again((closed) => {
    const session = dial(port, identity);
    session.once("close", closed);
    session.once("connect", () => {
      for (let n = 0; n < 10_000 && !session.destroyed; n += 1) session.ping(() => undefined);
    });
  });
  again((closed) => {
    const session = dial(port, identity);
    session.once("close", closed);
    session.once("connect", () => {
      for (let n = 0; n < 5_000 && !session.destroyed; n += 1) {
        const stream = session.request(connectHeaders);
        stream.on("error", () => undefined);
        stream.close(constants.NGHTTP2_CANCEL);
      }
    });
  });
  for (let n = 0; n < silentSockets; n += 1) {
    again((closed) => {
      const socket = connectTcp({ host: "127.0.0.1", port, localAddress: elsewhere });
      socket.on("error", () => undefined).once("close", closed);
      socket.resume();
    });
  }
}

/** It has said hello, and takes nothing of what it is told. */
function neverRead(port: number, identity: Identity): void {
  const stream = dial(port, identity, "127.0.0.1").request(connectHeaders);
  stream.on("error", () => undefined);
  const accepted = { epoch: "", generation: 0n, apis: none, accepted: none, reported: none };
  const standing = { staleSinceMs: 0n, policy: none, frozen: false, features: [] };
  const value = {
    ...noFacts,
    agentVersion: "deaf",
    clusterUid: identity.cluster,
    run: "deaf",
    ...accepted,
    ...standing,
  };
  const bytes = ConnectRequest.encode({ body: { $case: "hello", value } }).finish();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.byteLength, 1);
  stream.write(Buffer.concat([head, bytes]));
}

const none = Buffer.alloc(0);

function dial(port: number, { certificate, privateKey }: Identity, localAddress = elsewhere): ClientHttp2Session {
  const own = { cert: certificate, key: privateKey, rejectUnauthorized: false, ALPNProtocols: ["h2"] };
  const options: ConnectionOptions & { readonly localAddress: string } = {
    host: "127.0.0.1",
    port,
    localAddress,
    ...own,
  };
  const session = connectHttp2(`https://127.0.0.1:${port}`, {
    settings: { initialWindowSize: 0 },
    maxOutstandingPings: 10_000,
    createConnection: () => connectTls(options),
  });
  session.on("error", () => undefined);
  return session;
}

/** Begins again a moment after each end. */
function again(begin: (closed: () => void) => void): void {
  begin(() => setTimeout(() => again(begin), pauseMs));
}

process.once("message", (order: AbuseOrder) => void abuse(order));
