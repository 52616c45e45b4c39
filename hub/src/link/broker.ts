import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Clock } from "@drover/shared/clock";
import type { DroverError } from "@drover/shared/errors";
import { type BrokerAccess, formatBrokerAccess } from "@drover/shared/link/broker";

import { type BrokerKeys, loadBrokerKeys } from "./broker-keys.ts";
import type { GrantBrokerUser } from "./broker-service.ts";

/** The broker of a hub that has one. */
export interface Broker {
  /** What the hub itself shows to it. */
  readonly access: () => BrokerAccess;
  /** For an agent that has its certificate. */
  readonly grant: GrantBrokerUser;
  /**
   * For an agent that has yet to join, as one word: good for its cluster, until its join token runs out. Throws
   * `broker_weak` while that is why the broker is not used.
   */
  readonly invite: (cluster: string, expiresAtMs: number) => string;
  /** Whether it is used, and why not. */
  readonly told: (failure: DroverError | undefined) => void;
}

export interface BrokerOptions {
  readonly dataDir: string;
  /** As the hub reaches the broker, and as agents do. */
  readonly servers: string;
  readonly agentServers: string;
  readonly clock: Clock;
}

const dayMs = 24 * 3_600_000;
/**
 * As long as an expired certificate may still be renewed: an agent that slept, or whose broker was gone, comes back by
 * itself. A user opens nothing but the way to the hub's port, where the certificate decides.
 */
const grantedMs = 30 * dayMs;

/** Makes the keys on first use, and writes `nats.conf`, with which a nats-server knows them. */
export async function openBroker({ dataDir, servers, agentServers, clock }: BrokerOptions): Promise<Broker> {
  const keys: BrokerKeys = await loadBrokerKeys(join(dataDir, "keys", "nats.seeds"), clock);
  await writeFile(join(dataDir, "nats.conf"), keys.config);
  let weakness: DroverError | undefined;
  return {
    access: () => ({ servers, ...keys.hubUser() }),
    grant: (cluster, publicKey) => ({
      servers: agentServers,
      jwt: keys.clusterJwt(cluster, publicKey, clock.now() + grantedMs),
    }),
    invite(cluster, expiresAtMs) {
      if (weakness !== undefined) throw weakness;
      return formatBrokerAccess({ servers: agentServers, ...keys.clusterUser(cluster, expiresAtMs) });
    },
    told(failure) {
      weakness = failure?.code === "broker_weak" ? failure : undefined;
    },
  };
}
