import { createGrpcLink } from "@drover/agent/link/grpc";
import { decodeBundle, decodeObject } from "@drover/shared/bundle";
import { systemClock } from "@drover/shared/clock";
import type { Digest } from "@drover/shared/digest";
import { noFacts, type AgentLink, type Assignments, type Hello, type HubMessage } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import { loadAuthority } from "@drover/shared/trust/authority";
import { verifyAssignments } from "@drover/shared/trust/envelope";
import { createIdentity, createKeyRequest, verifyKeysOf, type Identity } from "@drover/shared/trust/identity";
import { loadSigningKey } from "@drover/shared/trust/signing-key";

/** Agents without clusters, as a process of their own: they do all that real ones do between the hub and the apply. */
export interface SimulatorOrder {
  readonly kind: "connect";
  readonly hub: string;
  /** Folder of the hub's keys: certificates are issued here, since joining is not what is measured. */
  readonly keys: string;
  readonly clusters: readonly string[];
}

export interface SimulatorMessage {
  /** Times at which an application was applied, in ms since the epoch. */
  readonly applied: readonly number[];
}

/** Issues an identity for each cluster from the hub's own keys. */
export async function issueIdentities(keys: string, clusters: readonly string[]): Promise<readonly Identity[]> {
  const authority = await loadAuthority(keys, { clock: systemClock });
  const signingKey = await loadSigningKey(keys);
  const identities: Identity[] = [];
  for (const cluster of clusters) {
    const { csr, privateKey } = await createKeyRequest();
    const certificate = await authority.issueClient(cluster, csr);
    const trust = { authority: authority.certificate, signingKey: signingKey.publicPem, signingKeyId: signingKey.id };
    identities.push(createIdentity({ cluster, certificate, ...trust }, privateKey));
  }
  return identities;
}

/** Connects one agent; `applied` is called for every application whose bundle is new and here whole. */
export function simulateAgent(hub: string, identity: Identity, applied: (at: number) => void): Promise<void> {
  const link = createGrpcLink({
    address: hub,
    identity: { current: () => identity, replace: () => Promise.resolve() },
    clock: systemClock,
    random: Math.random,
    log: silentLog,
  });
  const agent = new SimulatedAgent(link, identity, applied);
  return link.run(
    {
      hello: () => agent.hello(),
      connected: () => undefined,
      received: (message) => agent.received(message),
      disconnected: () => undefined,
    },
    new AbortController().signal,
  );
}

class SimulatedAgent {
  readonly #link: AgentLink;
  readonly #identity: Identity;
  readonly #applied: (at: number) => void;
  readonly #bundles = new Map<string, Digest>();
  readonly #blobs = new Map<Digest, Uint8Array>();
  #accepted = { epoch: "", generation: 0 };
  #sequence = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(link: AgentLink, identity: Identity, applied: (at: number) => void) {
    this.#link = link;
    this.#identity = identity;
    this.#applied = applied;
  }

  hello(): Hello {
    return { ...noFacts, agentVersion: "sim", kubernetesVersion: "v1.35.0", clusterUid: "", ...this.#accepted };
  }

  received(message: HubMessage): void {
    if (message.kind === "inspect") {
      this.#link.send({ kind: "inspection", inspection: { id: message.inspect.id, result: new Uint8Array() } });
      return;
    }
    const assignments = verifyAssignments(message.signed, verifyKeysOf(this.#identity));
    const { epoch, generation } = assignments;
    this.#accepted = { epoch, generation };
    this.#link.send({ kind: "acknowledgement", acknowledgement: { epoch, generation } });
    this.#work = this.#work.then(async () => this.#apply(assignments));
  }

  async #apply(assignments: Assignments): Promise<void> {
    for (const { application, bundle, commit } of assignments.targets) {
      if (this.#bundles.get(application) === bundle) continue;
      await this.#fetch([bundle]);
      const { objects } = decodeBundle(bundle, this.#read(bundle));
      await this.#fetch(objects);
      for (const digest of objects) decodeObject(digest, this.#read(digest));
      this.#bundles.set(application, bundle);
      const at = Date.now();
      this.#applied(at);
      this.#sequence += 1;
      const { epoch, generation } = assignments;
      const state = { phase: "applied", health: "Current", reason: "", message: "", objects: [] } as const;
      const report = {
        application,
        bundle,
        applied: bundle,
        commit,
        epoch,
        generation,
        sequence: this.#sequence,
        ...state,
      };
      this.#link.send({ kind: "report", report: { ...report, receivedAtMs: at, appliedAtMs: at } });
    }
  }

  async #fetch(digests: readonly Digest[]): Promise<void> {
    const missing = digests.filter((digest) => !this.#blobs.has(digest));
    if (missing.length === 0) return;
    for await (const { digest, bytes } of this.#link.fetchBlobs(missing, AbortSignal.timeout(60_000))) {
      this.#blobs.set(digest, bytes);
    }
  }

  #read(digest: Digest): Uint8Array {
    return this.#blobs.get(digest) ?? new Uint8Array();
  }
}

process.on("message", (order: SimulatorOrder) => void connectAll(order));

async function connectAll({ hub, keys, clusters }: SimulatorOrder): Promise<void> {
  const identities = await issueIdentities(keys, clusters);
  let times: number[] = [];
  // One message for many: the channel to the parent must not be what is measured.
  setInterval(() => {
    if (times.length === 0) return;
    process.send?.({ applied: times } satisfies SimulatorMessage);
    times = [];
  }, 20);
  await Promise.all(identities.map(async (identity) => simulateAgent(hub, identity, (at) => times.push(at))));
}
