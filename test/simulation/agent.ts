import { createAgent } from "@drover/agent/agent";
import { createFingerprint } from "@drover/agent/fingerprint";
import { createKubeApi } from "@drover/agent/kube/client";
import { createSessionLink } from "@drover/agent/link/grpc";
import type { RenewalHooks } from "@drover/agent/link/renewal";
import type { AgentLink } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";
import { verifyAssignments, verifyBeat } from "@drover/shared/trust/envelope";
import type { VerifyKeys } from "@drover/shared/trust/signing-key";
import { untilAborted } from "@drover/shared/until-aborted";

import type { SimulatedDisk } from "./disk.ts";
import { simulatedAccess, type SimulatedKube } from "./kube.ts";
import type { Certificate, Network } from "./network.ts";
import type { Chance } from "./random.ts";
import { runForever, type Life, type Time } from "./time.ts";

export interface AgentOptions {
  readonly identity: Holder;
  readonly life: Life;
  readonly time: Time;
  readonly chance: Chance;
  readonly disk: SimulatedDisk;
  readonly kube: SimulatedKube;
  readonly network: Network;
  readonly verifyKeys: VerifyKeys;
  readonly log: Logger;
  /** Its clock is ahead by so much. */
  readonly skewMs: number;
  /** Hears of each whole file, when it is in its place. */
  readonly wrote: (path: string) => void;
  /** Around what the agent says and hears. */
  readonly around: (link: AgentLink) => AgentLink;
  /** It ended by itself, which it never should. */
  readonly died: (why: string) => void;
}

/** The certificate of an agent, which outlives its process. */
export interface Holder {
  certificate: Certificate;
}

/** Where an agent keeps its files. */
export const dataDir = "/data";
export const agentNamespace = "drover-system";

/** One life of an agent: what its process starts, over simulated connections, files and time. It ends with its life only. */
export function startAgent(options: AgentOptions): void {
  const { identity, life, time, chance, disk, kube, network, verifyKeys, log } = options;
  const clock = time.clockOf(life, options.skewMs);
  const random = (): number => chance.next();
  const { cluster } = identity.certificate;
  const dial = (): ReturnType<Network["dial"]> => network.dial(identity.certificate, life);
  const link = createSessionLink({ dial, clock, random, log });
  const transport = (): ReturnType<SimulatedKube["transportOf"]> => kube.transportOf(life, chance);
  const agent = createAgent(
    { dataDir, namespace: agentNamespace, defaultServiceAccount: "" },
    {
      link: options.around(link),
      kube: createKubeApi({ access: simulatedAccess, clock, userAgent: "drover-agent/simulated", transport }),
      cluster: () => cluster,
      verify: (signed) => verifyAssignments(signed, verifyKeys),
      verifyBeat: (signed) => verifyBeat(signed, verifyKeys),
      fingerprint: createFingerprint(btoa(cluster)),
      clock,
      random,
      log,
      disk: disk.of(life, options.wrote),
      run: chance.hex(16),
    },
  );
  void runForever(agent, life, options.died);
  void keepCertified(options, link.hooks);
}

/** As the link's renewal does it when the hub refuses the certificate; here none ends by itself. */
async function keepCertified({ identity, life, network }: AgentOptions, hooks: RenewalHooks): Promise<void> {
  while (!life.stop.signal.aborted) {
    await untilAborted(AbortSignal.any([hooks.refused(), life.stop.signal]));
    try {
      identity.certificate = await network.renew(identity.certificate, life);
      hooks.renewed();
    } catch {
      // The link comes back to it with its next attempt.
    }
  }
}
