import path from "node:path";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";
import { backoffMs, type Random } from "@drover/shared/retry";
import { verifyAssignments } from "@drover/shared/trust/envelope";
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
import { createGrpcLink } from "./link/grpc.ts";
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
  const enrolled = await loadOrEnroll(
    {
      dataDir: config.dataDir,
      token: await readJoinToken(config),
      hubAddress: config.hubAddress,
      clusterUid: await fetchClusterUid(kube, outside, signal),
      agentVersion,
      clock,
      random,
      log,
    },
    signal,
  );
  const identity = secret === undefined ? enrolled : await keepIdentity(enrolled, secret, signal);
  const link = createGrpcLink({ address: config.hubAddress, identity, clock, random, log });
  return createAgent(config, {
    link,
    kube,
    cluster: () => identity.current().cluster,
    fingerprint: createFingerprint(identity.fingerprintKey),
    verify: (signed) => verifyAssignments(signed, verifyKeysOf(identity.current())),
    clock,
    random,
    log,
  });
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
