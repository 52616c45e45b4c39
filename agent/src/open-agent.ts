import path from "node:path";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { type BrokerAccess, parseBrokerAccess } from "@drover/shared/link/broker";
import type { Logger } from "@drover/shared/log";
import { backoffMs, type Random } from "@drover/shared/retry";
import { verifyAssignments, verifyBeat } from "@drover/shared/trust/envelope";
import { verifyKeysOf } from "@drover/shared/trust/identity";

import { createAgent, type Agent } from "./agent.ts";
import { readJoinToken, type AgentConfig } from "./config.ts";
import { loadOrEnroll } from "./enroll.ts";
import { createFingerprint } from "./fingerprint.ts";
import { keepIdentity, restoreIdentity } from "./identity-secret.ts";
import { loadAccess, type AccessSource } from "./kube/access.ts";
import type { KubeApi } from "./kube/api.ts";
import { createKubeApi } from "./kube/client.ts";
import { fetchCluster } from "./kube/facts.ts";
import { HubAddresses } from "./link/addresses.ts";
import { askForAccess, type BrokerAccessOptions, type HeldBrokerAccess } from "./link/broker-access.ts";
import { createGrpcLink } from "./link/grpc.ts";
import { startRelay, withBroker } from "./link/nats.ts";
import { agentVersion } from "./version.ts";

export interface Outside {
  readonly access: AccessSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const backoff = { baseMs: 200, factor: 2, capMs: 10_000, jitter: 0.2 };

/** The agent of a process: connected to its cluster, and with an identity at its hub, which it may have to get first. */
export async function openAgent(config: AgentConfig, outside: Outside, signal: AbortSignal): Promise<Agent> {
  const { clock, random, log } = outside;
  const access = await loadAccess(outside.access);
  const kube = createKubeApi({ access, clock, userAgent: `drover-agent/${agentVersion}` });
  const secret = config.identitySecret === "" ? undefined : { ...identityAt(config), kube, log };
  if (secret !== undefined) await restoreIdentity(secret, signal);
  await using parts = new AsyncDisposableStack();
  const broker = new BrokerDoor(config.brokerAccess);
  const addresses = await openWay(config, { ...outside, broker, parts });
  const enrolled = await loadOrEnroll(
    {
      dataDir: config.dataDir,
      token: await readJoinToken(config),
      addresses,
      clusterUid: await fetchClusterUid(kube, outside, signal),
      agentVersion,
      clock,
      random,
      log,
    },
    signal,
  );
  const identity = secret === undefined ? enrolled : await keepIdentity(enrolled, secret, signal);
  broker.granted = identity.broker;
  const grant: BrokerAccessOptions["grant"] = (asked) =>
    addresses.ask((address) => askForAccess({ address, identity: identity.current }, asked));
  const kept = { grant, held: identity.broker, clock, random, log };
  const link = withBroker(createGrpcLink({ addresses, identity, clock, random, log }), kept, parts.move());
  return createAgent(config, {
    link,
    kube,
    cluster: () => identity.current().cluster,
    fingerprint: createFingerprint(identity.fingerprintKey),
    verify: (signed) => verifyAssignments(signed, verifyKeysOf(identity.current())),
    verifyBeat: (signed) => verifyBeat(signed, verifyKeysOf(identity.current())),
    clock,
    random,
    log,
  });
}

/** What opens the broker's door: what the hub has granted, and before that what came with the join token. */
class BrokerDoor {
  granted: HeldBrokerAccess | undefined;
  readonly #invitation: BrokerAccess | undefined;

  constructor(invitation: string) {
    this.#invitation = invitation === "" ? undefined : parseBrokerAccess(invitation);
  }

  access(): BrokerAccess {
    const access = this.granted?.current() ?? this.#invitation;
    if (access !== undefined) return access;
    throw new DroverError("unauthorized", "this agent has no access to the NATS broker", {
      hint: "give it what `drover join NAME --link nats` prints, or let it run with --link grpc for a minute first",
    });
  }
}

/** The addresses where the hub is found: its own, or that of a relay which leads there through the broker. */
async function openWay(
  config: AgentConfig,
  { broker, parts, clock, log }: Outside & { readonly broker: BrokerDoor; readonly parts: AsyncDisposableStack },
): Promise<HubAddresses> {
  if (config.link === "grpc") return config.hubAddress;
  return new HubAddresses(parts.use(await startRelay({ access: () => broker.access(), clock, log })).address);
}

function identityAt({ namespace, identitySecret, dataDir }: AgentConfig) {
  return { namespace, name: identitySecret, file: path.join(dataDir, "identity.json") };
}

async function fetchClusterUid(kube: KubeApi, outside: Outside, signal: AbortSignal): Promise<string> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return (await fetchCluster(kube, signal)).clusterUid;
    } catch (cause) {
      signal.throwIfAborted();
      const { code, message, hint } = DroverError.from(cause);
      outside.log.warn({ code, reason: message, hint }, "cluster cannot be read yet");
      await outside.clock.sleep(backoffMs(backoff, attempt, outside.random), signal);
    }
  }
}
