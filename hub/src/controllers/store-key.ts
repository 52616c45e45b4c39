import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";
import type { Service } from "@drover/shared/service";

import type { DeployKeys } from "../source/ssh/deploy-keys.ts";
import { readStoreKeys } from "../store/store-keys.ts";
import type { Store } from "../store/store.ts";
import type { EventLog } from "./event-log.ts";

const lookMs = 10_000;
/** Between two batches of blobs: others want the thread and the disk, too. */
const pauseMs = 20;

export interface StoreKeyDeps {
  readonly store: Pick<Store, "encryption">;
  readonly deployKeys: Pick<DeployKeys, "rewrap">;
  /** Of the store keys. */
  readonly file: string;
  readonly events: Pick<EventLog, "append">;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Keeps what the hub encrypts encrypted with the first key of the store key file. Another one in front is taken at once; the
 * key in use has to be in there as well, since whoever loses it by a slip could not start the hub again.
 */
export function createStoreKey({ store, deployKeys, file, events, clock, log }: StoreKeyDeps): Service {
  const { encryption } = store;
  let problem = "";
  const tell = (type: string, message: string): void => {
    log[type === "problem" ? "error" : "info"]({ key: encryption.keyId }, message);
    events.append({ type, app: "", cluster: "", message });
  };
  const takeKey = (): void => {
    const keys = attempt(() => readStoreKeys(file));
    const isThere = keys?.has(encryption.keyId) === true;
    const found = isThere
      ? ""
      : `the store key file has no key ${encryption.keyId}: put it back before the hub restarts`;
    if (found !== problem) tell(isThere ? "recovered" : "problem", isThere ? "the store key is there again" : found);
    problem = found;
    if (isThere && keys.id !== encryption.keyId) encryption.rekey(keys);
  };
  return {
    name: "store-key",
    async run(signal) {
      // What an earlier version left in clear, or a crash halfway, is not to be seen in the file of the keys.
      let settled = "";
      for (;;) {
        try {
          takeKey();
          if (settled !== encryption.keyId) {
            const { isPending } = encryption;
            await deployKeys.rewrap();
            while (!encryption.advance()) await clock.sleep(pauseMs, signal);
            if (isPending) {
              tell(
                "rekeyed",
                `everything is encrypted with store key ${encryption.keyId}: older ones are for older backups`,
              );
            }
            settled = encryption.keyId;
          }
        } catch (cause) {
          signal.throwIfAborted();
          log.error({ err: DroverError.from(cause) }, "the store could not be encrypted with another key");
        }
        await clock.sleep(lookMs, signal);
      }
    },
  };
}

/** A file that cannot be read is one without the key. */
function attempt<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
