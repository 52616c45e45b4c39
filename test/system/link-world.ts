import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { HubAddresses } from "@drover/agent/link/addresses";
import { createGrpcLink as createAgentEnd } from "@drover/agent/link/grpc";
import type { HeldIdentity } from "@drover/agent/link/options";
import { createGrpcLink as createHubEnd } from "@drover/hub/link/grpc";
import { type Clock, systemClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { HubLink } from "@drover/shared/link/link";
import { AgentRecorder } from "@drover/shared/link/recorders.contract";
import type { Credential, LinkWorld, Running } from "@drover/shared/link/world.contract";
import { silentLog } from "@drover/shared/log";
import { type Authority, createAuthority, loadAuthority } from "@drover/shared/trust/authority";
import { createKeyRequest, type Identity } from "@drover/shared/trust/identity";
import { createSigningKey } from "@drover/shared/trust/signing-key";

import { type FaultProxy, startFaultProxy } from "../rig/fault-proxy.ts";
import { freePort } from "../rig/ports.ts";

/** Silence is noticed after 4 s here instead of 40 s. */
const limits = { pingIntervalMs: 2_000, silenceMs: 4_000 };
const dayMs = 24 * 3_600_000;

/** How agents reach the port of the hub: by the wire itself, or by what a broker makes of the wire. */
export interface Carrier {
  /** What wires lead to. */
  readonly target: { readonly host: string; readonly port: number };
  hubEnd(link: HubLink): HubLink;
  /** The address that an agent of this cluster dials, over this wire. */
  agentAddress(cluster: string, wire: FaultProxy, parts: AsyncDisposableStack): Promise<string>;
}

export type CreateCarrier = (port: number, parts: AsyncDisposableStack) => Promise<Carrier>;

/** A hub with an authority of its own, and agents on wires that can be broken. */
export async function createLinkWorld(createCarrier: CreateCarrier): Promise<LinkWorld> {
  await using parts = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), "drover-link-"));
  parts.defer(() => rm(folder, { recursive: true }));
  const authority = await loadAuthority(folder, { clock: systemClock });
  const port = await freePort();
  const carrier = await createCarrier(port, parts);
  const owned = parts.move();
  return {
    startHub: async (handler) => {
      const common = { authority, clock: systemClock, log: silentLog, limits };
      const link = carrier.hubEnd(createHubEnd({ address: `127.0.0.1:${port}`, ...common }));
      const { promise: ready, resolve } = Promise.withResolvers<string>();
      const running = run(link, (signal) => link.run(handler, resolve, signal));
      owned.defer(running.stop);
      await ready;
      return running;
    },
    startAgent: async (cluster, handler, credential = "valid") => {
      const identity = await issueIdentity(folder, cluster, credential);
      const wire = owned.use(await startFaultProxy({ target: carrier.target }));
      const link = createAgentEnd({
        addresses: new HubAddresses(await carrier.agentAddress(cluster, wire, owned)),
        identity: holdInMemory(identity),
        clock: systemClock,
        random: () => 0.1,
        log: silentLog,
      });
      const running = run(link, (signal) => link.run(handler, signal));
      owned.defer(running.stop);
      return { ...running, wire };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function run<L>(link: L, body: (signal: AbortSignal) => Promise<void>): Running<L> {
  const controller = new AbortController();
  const done = body(controller.signal);
  return {
    link,
    stop: async () => {
      controller.abort(new DroverError("canceled", "the test stops it"));
      await done;
    },
  };
}

async function issueIdentity(folder: string, cluster: string, credential: Credential): Promise<Identity> {
  const request = await createKeyRequest();
  const signing = createSigningKey();
  const issuer = await issuerOf(folder, credential);
  return {
    cluster,
    certificate: await issuer.issueClient(cluster, request.csr),
    privateKey: request.privateKey,
    authority: (await issuerOf(folder, "valid")).certificate,
    signingKey: signing.publicPem,
    signingKeyId: signing.id,
  };
}

async function issuerOf(folder: string, credential: Credential): Promise<Authority> {
  switch (credential) {
    case "valid":
      return loadAuthority(folder, { clock: systemClock });
    case "foreign":
      return createAuthority({ clock: systemClock });
    case "expired":
      return loadAuthority(folder, { clock: yesterday });
  }
}

/** A certificate of 24 h that was issued on it ran out a minute ago. */
const yesterday: Clock = { ...systemClock, now: () => Date.now() - dayMs - 60_000 };

function holdInMemory(identity: Identity): HeldIdentity {
  return {
    current: () => identity,
    replace: () => Promise.reject(new DroverError("internal", "nothing renews in this world")),
  };
}

/** Two agents of a world, by their clusters, with what each of them hears. */
export async function startTwoAgents(world: LinkWorld): Promise<ReadonlyMap<string, AgentRecorder>> {
  const agents = new Map<string, AgentRecorder>();
  for (const cluster of ["dev-1", "dev-2"]) {
    const recorder = new AgentRecorder();
    await world.startAgent(cluster, recorder);
    agents.set(cluster, recorder);
  }
  return agents;
}
