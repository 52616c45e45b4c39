import { openAcceptance, type Acceptance } from "@drover/agent/controllers/acceptance";
import { readContent, takeIn } from "@drover/agent/controllers/bundle";
import { createFreshness, type Freshness } from "@drover/agent/controllers/freshness";
import { createReporter } from "@drover/agent/controllers/reporter";
import { createApplicationRecord, type ApplicationRecord } from "@drover/agent/core/record";
import type { Blobs } from "@drover/agent/store/blobs";
import { systemClock } from "@drover/shared/clock";
import { createController, done } from "@drover/shared/controller";
import type { Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import { features } from "@drover/shared/link/features";
import type { AgentLink, Assignment } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import { verifyAssignments, verifyBeat } from "@drover/shared/trust/envelope";
import { verifyKeysOf, type Identity } from "@drover/shared/trust/identity";

import { AgentDisk } from "./agent-disk.ts";

export interface SimulatedAgentOptions {
  readonly link: AgentLink;
  readonly identity: Identity;
  readonly connected: () => void;
  /** Accepted, on the disk, and the hub is being told so. */
  readonly acknowledged: (at: number) => void;
  /** A bundle that is new is here whole, and would be in the cluster now. */
  readonly applied: (at: number) => void;
}

const facts = { agentVersion: "sim", kubernetesVersion: "v1.35.0", provider: "", region: "", nodes: 3, features };

/**
 * An agent of the agent's own parts, from the link to the report; only the cluster is missing: what would be written
 * there counts as written.
 */
export async function runSimulatedAgent(options: SimulatedAgentOptions, signal: AbortSignal): Promise<void> {
  const { link, identity } = options;
  const clock = systemClock;
  const applications = new Map<string, ApplicationRecord>();
  const keys = verifyKeysOf(identity);
  const audience = () => ({ cluster: identity.cluster, clusterUid: identity.cluster });
  const acceptance = await openAcceptance({
    disk: new AgentDisk(),
    path: "accepted.json",
    audience,
    verify: (signed) => verifyAssignments(signed, keys),
    frozen: () => undefined,
    clock,
    log: silentLog,
    changed: (names) => names.forEach((name) => controller.enqueue(name)),
    confirmed: (beat) => freshness.confirm(beat),
  });
  const freshness = createFreshness({
    acceptance,
    audience,
    verify: (signed) => verifyBeat(signed, keys),
    clock,
    log: silentLog,
    changed: () => undefined,
  });
  const reporter = createReporter({
    state: { applications, removedUnknown: new Set() },
    acceptance,
    send: (message) => link.send(message),
    clock,
    salt: "simulated",
  });
  const content = {
    blobs: new SharedBlobs(),
    fetchBlobs: link.fetchBlobs.bind(link),
    discovery: { find: () => Promise.resolve(configMaps) },
    log: silentLog,
  };
  const reconcile = async (name: string, stop: AbortSignal) => {
    const intent = acceptance.intent(name);
    if (intent.kind !== "run") return done;
    const { assignment } = intent;
    const application = applications.get(name) ?? createApplicationRecord(name);
    applications.set(name, application);
    if (application.bundle !== assignment.bundle) {
      takeIn(application, await readContent(content, { application, assignment }, stop), assignment.namespace);
      writeToNoCluster(application, assignment);
      options.applied(application.appliedAtMs);
    }
    reporter.changed(name);
    return done;
  };
  const controller = createController({
    name: "applications",
    concurrency: 4,
    reconcile,
    clock,
    random: Math.random,
    log: silentLog,
  });
  const services = [controller, reporter, freshness].map((service) => service.run(signal));
  await Promise.all([...services, runLink({ options, acceptance, freshness, reporter }, signal)]);
}

interface Speaking {
  readonly options: SimulatedAgentOptions;
  readonly acceptance: Acceptance;
  readonly freshness: Freshness;
  readonly reporter: ReturnType<typeof createReporter>;
}

function runLink({ options, acceptance, freshness, reporter }: Speaking, signal: AbortSignal): Promise<void> {
  const { link, identity } = options;
  return link.run(
    {
      hello() {
        const { epoch, generation, digest } = acceptance;
        const accepted = digest === "" ? {} : { accepted: digest };
        const introduced = { epoch, generation, ...accepted, reported: reporter.introduce() };
        return { ...facts, clusterUid: identity.cluster, run: identity.cluster, ...introduced };
      },
      connected(welcome) {
        reporter.connected(welcome);
        options.connected();
      },
      received(message) {
        if (message.kind === "beat") void freshness.heard(message.signed);
        if (message.kind !== "assignments") return;
        void acceptance.accept(message.signed).then((acknowledgement) => {
          if (acknowledgement.refusal !== undefined) throw new DroverError("internal", acknowledgement.refusal.message);
          link.send({ kind: "acknowledgement", acknowledgement });
          options.acknowledged(Date.now());
        });
      },
      disconnected: () => undefined,
    },
    signal,
  );
}

const configMaps = { group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };

function writeToNoCluster(application: ApplicationRecord, { bundle }: Assignment): void {
  for (const record of application.objects.values()) {
    record.applied = record.desired;
    record.uid = "written";
    record.verdict = { health: "Current", reason: "", message: "" };
  }
  application.applied = bundle;
  application.appliedAtMs = Date.now();
  application.phase = "applied";
}

/** Each agent has only what it has fetched; the bytes are in memory once for all agents of the process. */
class SharedBlobs implements Pick<Blobs, "missing" | "read" | "write"> {
  static readonly #bytes = new Map<Digest, Uint8Array>();
  readonly #held = new Set<Digest>();

  missing(digests: Iterable<Digest>): readonly Digest[] {
    return [...digests].filter((digest) => !this.#held.has(digest));
  }

  read(digest: Digest): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#held.has(digest) ? SharedBlobs.#bytes.get(digest) : undefined);
  }

  write(digest: Digest, bytes: Uint8Array): Promise<void> {
    if (!SharedBlobs.#bytes.has(digest)) SharedBlobs.#bytes.set(digest, Uint8Array.from(bytes));
    this.#held.add(digest);
    return Promise.resolve();
  }
}
