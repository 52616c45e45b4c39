import type { Clock } from "@drover/shared/clock";
import { digestOf, type Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import type { ObjectKey } from "@drover/shared/kube/manifest";
import type { Logger } from "@drover/shared/log";
import type { Service } from "@drover/shared/service";
import { untilAborted } from "@drover/shared/until-aborted";

import { forbiddenBy, isFrozen, noPolicy, type Policy } from "../core/policy.ts";
import type { Self } from "../core/self.ts";
import { systemDisk } from "../store/disk.ts";
import { readOptional } from "../store/file.ts";

/** The policy that the cluster sets its agent, as its file says now. */
export interface KeptPolicy extends Service {
  readonly current: Policy;
  /** As `core/policy.forbiddenBy`. */
  forbids(key: ObjectKey): string | undefined;
  /** Why nothing new is taken and nothing deleted, in one sentence; undefined when it is not so. */
  readonly frozen: string | undefined;
}

export interface PolicyOptions {
  /** Path of the file; "" = there is none. */
  readonly file: string;
  readonly self: Self;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when the policy is another one. */
  readonly changed: () => void;
}

/** A freeze takes effect within this time, also without the hub; kubelet brings a changed ConfigMap within a minute. */
const lookMs = 5_000;

/**
 * Reads the policy. A file that is not there is no policy; one that cannot be read or understood is a freeze, because
 * nobody can tell what it was to allow.
 */
export async function keepPolicy(options: PolicyOptions): Promise<KeptPolicy> {
  const { file, self, clock, log } = options;
  let current = noPolicy;
  let told = false;
  /** Whether it is another one. */
  const look = async (): Promise<boolean> => {
    const { digest: was } = current;
    current = await read(file, current);
    const { digest, fault, freeze } = current;
    if (told && digest === was) return false;
    told = true;
    if (fault !== "")
      log.error({ file, reason: fault }, "policy cannot be read: nothing new is taken, nothing deleted");
    else if (digest === "") log.warn({ file }, "there is no policy: the hub alone decides");
    else log.info({ file, policy: digest, freeze }, "policy read");
    return true;
  };
  if (file !== "") await look();
  return {
    name: "policy",
    get current() {
      return current;
    },
    get frozen() {
      if (!isFrozen(current)) return undefined;
      return current.fault === "" ? "the cluster's policy says freeze" : `the cluster's policy: ${current.fault}`;
    },
    forbids: (key) => forbiddenBy(current, key, self),
    async run(signal) {
      if (file === "") return untilAborted(signal);
      while (!signal.aborted) {
        await clock.sleep(lookMs, signal).catch(() => undefined);
        if (!signal.aborted && (await look())) options.changed();
      }
    },
  };
}

/** Never throws. What a policy allowed before it became unreadable still bounds what is healed. */
async function read(file: string, before: Policy): Promise<Policy> {
  let digest: Digest = "";
  try {
    const bytes = await readOptional(systemDisk, file);
    if (bytes === undefined) return noPolicy;
    digest = digestOf(bytes);
    if (digest === before.digest) return before;
    // An agent without a policy would carry the readers in memory for nothing.
    const { readPolicy } = await import("../store/policy-file.ts");
    return readPolicy(file, bytes);
  } catch (cause) {
    const { message: fault } = DroverError.from(cause);
    return { ...before, digest: digest || digestOf(fault), fault };
  }
}
