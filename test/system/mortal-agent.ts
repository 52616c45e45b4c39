import { cpSync } from "node:fs";

import { createAgent } from "@drover/agent/agent";
import { createFingerprint } from "@drover/agent/fingerprint";
import type { KubeAnswer, KubeApi, KubeRequest } from "@drover/agent/kube/api";
import { systemClock } from "@drover/shared/clock";
import { silentLog } from "@drover/shared/log";

import { standInCluster, type HubStandIn } from "./hub-stand-in.ts";

/** Where an agent dies: at its n-th request, before the request is sent or before the answer is seen. */
export interface Death {
  readonly request: number;
  readonly moment: "before" | "after";
}

export interface MortalOptions {
  readonly hub: HubStandIn;
  readonly kube: KubeApi;
  /** Folder of the agent's disk. */
  readonly disk: string;
  /** Namespace of the agent's own objects. */
  readonly namespace: string;
  readonly death?: Death;
  /** Gets the disk as it was at the moment of death. */
  readonly remains: string;
}

export interface MortalAgent {
  /** Resolves when the agent has died. */
  readonly died: Promise<void>;
  /** What reached the API server, with its answer. */
  readonly delivered: readonly Delivered[];
  stop(): Promise<void>;
}

export interface Delivered {
  readonly request: KubeRequest;
  readonly ok: boolean;
}

/** An agent that dies at an exact request: from then on nothing it does reaches the API server, its disk or the hub. */
export function startMortalAgent(options: MortalOptions): MortalAgent {
  const { hub, kube, death } = options;
  const stop = new AbortController();
  const died = Promise.withResolvers<void>();
  const delivered: Delivered[] = [];
  let requests = 0;
  let dead = false;
  const die = (): Promise<never> => {
    if (!dead) {
      dead = true;
      hub.setConnected(false);
      cpSync(options.disk, options.remains, { recursive: true });
      stop.abort(new Error("died"));
      died.resolve();
    }
    return Promise.reject(new Error("died"));
  };
  // What was sent goes on without its sender.
  const deliver = async (request: KubeRequest): Promise<KubeAnswer> => {
    const answer = await kube.request(request, AbortSignal.timeout(60_000));
    delivered.push({ request, ok: answer.kind === "ok" });
    return answer;
  };
  const mortal: KubeApi = {
    async request(request) {
      if (dead) return die();
      requests += 1;
      const isLast = requests === death?.request;
      if (isLast && death?.moment === "before") return die();
      const answer = await deliver(request);
      return isLast || dead ? die() : answer;
    },
    stream: (path, accept, signal) => (dead ? die() : kube.stream(path, accept, signal)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const agent = createAgent(
    { dataDir: options.disk, namespace: options.namespace, defaultServiceAccount: "" },
    {
      link: hub.link,
      kube: mortal,
      cluster: () => standInCluster,
      verify: hub.verify,
      verifyBeat: hub.verifyBeat,
      fingerprint: createFingerprint(btoa("mortal")),
      clock: systemClock,
      random: Math.random,
      log: silentLog,
    },
  );
  const ended = agent.run(stop.signal).catch((cause: unknown) => {
    if (!stop.signal.aborted) throw cause;
  });
  return {
    died: died.promise,
    delivered,
    async stop() {
      stop.abort(new Error("the test stops the agent"));
      await ended;
    },
  };
}
