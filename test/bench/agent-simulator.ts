import { createGrpcLink } from "@drover/agent/link/grpc";
import { decodeBundle, decodeObject } from "@drover/shared/bundle";
import { systemClock } from "@drover/shared/clock";
import type { Digest } from "@drover/shared/digest";
import { objectKey, splitApiVersion, type KubeObject } from "@drover/shared/kube/manifest";
import {
  noFacts,
  type AgentLink,
  type Assignments,
  type Hello,
  type HubMessage,
  type ObjectReport,
} from "@drover/shared/link/link";
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
  /** Whether reports name objects, as those of real agents do. */
  readonly reportObjects?: boolean;
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

export interface Simulated {
  readonly applied: (at: number) => void;
  readonly reportObjects?: boolean;
}

/** Connects one agent; `applied` is called for every application whose bundle is new and here whole. */
export function simulateAgent(
  hub: string,
  identity: Identity,
  { applied, reportObjects = false }: Simulated,
): Promise<void> {
  const link = createGrpcLink({
    address: hub,
    identity: { current: () => identity, replace: () => Promise.resolve() },
    clock: systemClock,
    random: Math.random,
    log: silentLog,
  });
  const agent = new SimulatedAgent(link, identity, { applied, reportObjects });
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
  readonly #simulated: Simulated;
  readonly #bundles = new Map<string, Digest>();
  /** What it has been sent, as what is reported of it: contents are looked at and let go. */
  readonly #objects = new Map<Digest, ObjectReport>();
  #accepted = { epoch: "", generation: 0 };
  #sequence = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(link: AgentLink, identity: Identity, simulated: Simulated) {
    this.#link = link;
    this.#identity = identity;
    this.#simulated = simulated;
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
      const objects = await this.#fetch(bundle);
      this.#bundles.set(application, bundle);
      const at = Date.now();
      this.#sequence += 1;
      const { epoch, generation } = assignments;
      const state = { phase: "applied", health: "Current", reason: "", message: "" } as const;
      const report = {
        application,
        bundle,
        applied: bundle,
        commit,
        epoch,
        generation,
        sequence: this.#sequence,
        objects: this.#simulated.reportObjects === true ? objects.slice(0, 5_000) : [],
        ...state,
      };
      this.#link.send({ kind: "report", report: { ...report, receivedAtMs: at, appliedAtMs: at } });
      this.#simulated.applied(at);
    }
  }

  async #fetch(bundle: Digest): Promise<readonly ObjectReport[]> {
    const signal = AbortSignal.timeout(600_000);
    const [contents] = await Array.fromAsync(this.#link.fetchBlobs([bundle], signal));
    const { objects } = decodeBundle(bundle, contents?.bytes ?? new Uint8Array());
    const missing = objects.filter((digest) => !this.#objects.has(digest));
    if (missing.length > 0) {
      for await (const { digest, bytes } of this.#link.fetchBlobs(missing, signal)) {
        this.#objects.set(digest, reportOf(decodeObject(digest, bytes)));
      }
    }
    return objects.flatMap((digest) => this.#objects.get(digest) ?? []);
  }
}

function reportOf(object: KubeObject): ObjectReport {
  const { version } = splitApiVersion(object.apiVersion);
  return { key: objectKey(object), version, apply: "applied", health: "Current", reason: "", message: "" };
}

process.on("message", (order: SimulatorOrder) => void connectAll(order));

async function connectAll({ hub, keys, clusters, reportObjects = false }: SimulatorOrder): Promise<void> {
  const identities = await issueIdentities(keys, clusters);
  let times: number[] = [];
  // One message for many: the channel to the parent must not be what is measured.
  setInterval(() => {
    if (times.length === 0) return;
    process.send?.({ applied: times } satisfies SimulatorMessage);
    times = [];
  }, 20);
  const simulated = { applied: (at: number) => void times.push(at), reportObjects };
  await Promise.all(identities.map(async (identity) => simulateAgent(hub, identity, simulated)));
}
