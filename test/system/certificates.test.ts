import { once } from "node:events";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";

import { channelCredentials, channelOptions } from "@drover/agent/link/dial";
import { AgentServiceClient } from "@drover/proto/gen/drover/agent/v1/agent";
import { systemClock } from "@drover/shared/clock";
import { createAuthority, type Authority } from "@drover/shared/trust/authority";
import { hubServerName } from "@drover/shared/trust/certificate";
import { createKeyRequest } from "@drover/shared/trust/identity";
import { status as Status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";

import { createWorld, frozen } from "./enrolment-world.ts";
import { startHub, statusOf } from "./hub-port.ts";

interface Pair {
  readonly certificate: string;
  readonly privateKey: string;
}

async function agentOf(authority: Authority): Promise<Pair> {
  const { csr, privateKey } = await createKeyRequest();
  return { certificate: await authority.issueClient("dev-1", csr), privateKey };
}

async function hubOf(authority: Authority): Promise<Pair> {
  const { chain, privateKey } = await authority.issueServer([hubServerName]);
  return { certificate: chain, privateKey };
}

/** Something that speaks HTTP/2 with this certificate, as a hub does; counts what it is asked. */
async function standAsHub({ certificate, privateKey }: Pair) {
  const server = createSecureServer({ cert: certificate, key: privateKey, minVersion: "TLSv1.3" });
  let asked = 0;
  server.on("stream", (stream) => {
    asked += 1;
    stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "12" }, { endStream: true });
  });
  server.on("error", () => undefined);
  server.on("sessionError", () => undefined);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    asked: () => asked,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

describe("what a certificate is worth", () => {
  it.each<[string, (own: Authority, foreign: Authority) => Promise<Pair>, boolean]>([
    ["T26: an agent's lets an agent in", (own) => agentOf(own), true],
    ["T26: a hub's lets no agent in", (own) => hubOf(own), false],
    ["T26: another authority's lets no agent in", (_own, foreign) => agentOf(foreign), false],
  ])("%s", async (_what, make, isLetIn) => {
    await using hub = await startHub();
    const foreign = await createAuthority({ clock: systemClock });
    const client = hub.dial(await make(hub.authority, foreign));
    const found = await statusOf(client.fetchBlobs({ digests: [Buffer.alloc(32)] }));
    expect(found !== Status.UNAUTHENTICATED && found !== Status.UNAVAILABLE).toBe(isLetIn);
  });

  it.each<[string, (own: Authority, foreign: Authority) => Promise<Pair>, boolean]>([
    ["T26: a hub's makes a hub for agents", (own) => hubOf(own), true],
    ["T26: an agent's makes none", (own) => agentOf(own), false],
    ["T26: another authority's makes none", (_own, foreign) => hubOf(foreign), false],
  ])("%s", async (_what, make, isBelieved) => {
    const authority = await createAuthority({ clock: systemClock });
    const foreign = await createAuthority({ clock: systemClock });
    await using server = await standAsHub(await make(authority, foreign));
    const trust = { authority: authority.certificate, own: await agentOf(authority) };
    const client = new AgentServiceClient(server.address, channelCredentials(trust), channelOptions(server.address));
    const found = await statusOf(client.fetchBlobs({ digests: [Buffer.alloc(32)] }));
    client.close();
    expect([found, server.asked() > 0]).toEqual(
      isBelieved ? [Status.UNIMPLEMENTED, true] : [Status.UNAVAILABLE, false],
    );
  });

  it("R31: an agent that dies between a renewal and writing it down goes on with what it has, however often", async () => {
    await using world = await createWorld();
    const identity = await world.join("dev-1");
    const first = identity.current();
    for (let deaths = 0; deaths < 3; deaths += 1) {
      await world.renew(frozen(identity));
      const agent = world.connect(identity);
      await expect.poll(() => agent.connections).toBe(1);
      await world.stopAgents();
      expect(identity.current()).toEqual(first);
    }
    // One that was written down and never used is as good, and ends the others once it is.
    await world.renew(identity);
    expect(await world.codeOfFetch(first)).not.toBe("unauthorized");
    const agent = world.connect(identity);
    await expect.poll(() => agent.connections).toBe(1);
    await world.stopAgents();
    expect(await world.codeOfFetch(first)).toBe("unauthorized");
  });
});
