import type { Clock } from "@drover/shared/clock";
import { canonicalJson } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import { features } from "@drover/shared/link/features";
import type { AgentMessage, Hello, Standing } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";
import { spread, type Random } from "@drover/shared/retry";
import type { Service } from "@drover/shared/service";

import type { KubeApi } from "../kube/api.ts";
import { lookAgain, type KnownCluster } from "../kube/facts.ts";
import { agentVersion } from "../version.ts";
import type { Acceptance } from "./acceptance.ts";
import type { Apis } from "./apis.ts";

/** What the agent says of itself and of its cluster: first on every connection, and again when that has changed. */
export interface Introduction extends Service {
  hello(): Hello;
  /** The hub has taken the hello: says another one if the cluster has changed since. */
  connected(): void;
  /** Says hello again: the list of APIs is another one, or how the agent stands. */
  again(): void;
}

export interface IntroductionOptions {
  readonly kube: KubeApi;
  /** As it was when the agent started. */
  readonly cluster: KnownCluster;
  readonly apis: Pick<Apis, "current">;
  readonly acceptance: Pick<Acceptance, "epoch" | "generation" | "digest">;
  readonly standing: () => Standing;
  /** As `Hello.run`. */
  readonly run: string;
  readonly send: (message: AgentMessage) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

type Told = KnownCluster & Pick<Hello, "apis">;

/**
 * Two cheap requests: nodes come and go, and control planes are upgraded, without a word to anybody. Several looks have to
 * agree before the hub takes a change for settled, so this is a fraction of that time.
 */
const everyMs = 30_000;

export function createIntroduction({
  apis,
  acceptance,
  standing,
  run,
  send,
  ...options
}: IntroductionOptions): Introduction {
  const { kube, clock, random, log } = options;
  let { cluster } = options;
  const known = (): Told => {
    const digest = apis.current?.digest;
    return digest === undefined ? cluster : { ...cluster, apis: digest };
  };
  /** What the connection was opened with. */
  let opening = known();
  const introduce = (): Hello => {
    const { epoch, generation, digest } = acceptance;
    const accepted = digest === "" ? {} : { accepted: digest };
    return { ...known(), agentVersion, epoch, generation, run, ...accepted, standing: standing(), features };
  };
  const again = (): void => send({ kind: "hello", hello: introduce() });
  return {
    name: "introduction",
    again,
    hello() {
      opening = known();
      return introduce();
    },
    connected() {
      if (canonicalJson(known()) !== canonicalJson(opening)) again();
    },
    async run(signal) {
      while (!signal.aborted) {
        try {
          await clock.sleep(spread(everyMs, 0.2, random), signal);
          const before = cluster;
          cluster = await lookAgain(kube, before, signal);
          if (canonicalJson(cluster) !== canonicalJson(before)) again();
        } catch (cause) {
          if (!signal.aborted) log.debug({ code: DroverError.from(cause).code }, "cluster could not be looked at");
        }
      }
    },
  };
}
