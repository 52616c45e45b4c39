import { once } from "node:events";
import type { TLSSocket } from "node:tls";

import { channelCredentials } from "@drover/agent/link/dial";
import { createGrpcLink } from "@drover/hub/link/grpc";
import type { LinkLimits } from "@drover/hub/link/limits";
import { AgentServiceClient, type ConnectRequest } from "@drover/proto/gen/drover/agent/v1/agent";
import { type Clock, systemClock } from "@drover/shared/clock";
import { noFacts } from "@drover/shared/link/link";
import { HubRecorder } from "@drover/shared/link/recorders.contract";
import { silentLog } from "@drover/shared/log";
import { type Authority, createAuthority } from "@drover/shared/trust/authority";
import { createKeyRequest } from "@drover/shared/trust/identity";
import type { status as Status } from "@grpc/grpc-js";

/** The first word of an agent. */
export const hello: ConnectRequest = {
  body: {
    $case: "hello",
    value: {
      ...noFacts,
      agentVersion: "1",
      clusterUid: "u",
      epoch: "",
      generation: 0n,
      apis: Buffer.alloc(0),
      run: "",
      accepted: Buffer.alloc(0),
      reported: Buffer.alloc(0),
      staleSinceMs: 0n,
      policy: Buffer.alloc(0),
      frozen: false,
      features: [],
    },
  },
};

interface Setting {
  readonly clock?: Clock;
  readonly limits?: Partial<LinkLimits>;
}

/** The hub's end of the link on its real port, and who may dial it. */
export async function startHub({ clock = systemClock, limits = {} }: Setting = {}) {
  const authority: Authority = await createAuthority({ clock: systemClock });
  const recorder = new HubRecorder();
  const link = createGrpcLink({ address: "127.0.0.1:0", authority, clock, log: silentLog, limits });
  const controller = new AbortController();
  const { promise: ready, resolve } = Promise.withResolvers<string>();
  const running = link.run(recorder, resolve, controller.signal);
  const address = await ready;
  const clients: AgentServiceClient[] = [];
  return {
    authority,
    recorder,
    link,
    address,
    endpoint: { host: "127.0.0.1", port: Number(address.split(":")[1]) },
    issue: async (cluster: string) => {
      const { csr, privateKey } = await createKeyRequest();
      return { certificate: await authority.issueClient(cluster, csr), privateKey };
    },
    dial: (own?: { readonly certificate: string; readonly privateKey: string }): AgentServiceClient => {
      const trust = { authority: authority.certificate, ...(own === undefined ? {} : { own }) };
      const client = new AgentServiceClient(address, channelCredentials(trust), {
        "grpc.use_local_subchannel_pool": 1,
        "grpc.ssl_target_name_override": "hub.drover.internal",
      });
      clients.push(client);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.close();
      controller.abort();
      await running;
    },
  };
}

type Call = ReturnType<AgentServiceClient["connect"]> | ReturnType<AgentServiceClient["fetchBlobs"]>;

/** How a call ended. */
export function statusOf(call: Call): Promise<Status> {
  call.on("error", () => undefined);
  call.resume();
  return new Promise((resolve) => {
    call.once("status", ({ code }) => resolve(code));
  });
}

/** The handshake is done. */
export async function secured(socket: TLSSocket): Promise<void> {
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
}
