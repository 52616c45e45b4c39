import { DroverError } from "@drover/shared/errors";

import type { SshAddress } from "./ssh-address.ts";
import { describeKey, type PublicKey } from "./ssh-keys.ts";

export interface KnownHostOptions {
  /** The source's name, for the command that trusts another key. */
  readonly source: string;
  readonly address: SshAddress;
  /** None = the first key that the server shows is pinned. */
  readonly hostKeys: readonly PublicKey[];
  /** Makes the first key binding, before anything is sent to the server. What it throws ends the fetch. */
  readonly pin: (hostKey: PublicKey) => void;
}

/** The keys that a server may show during a fetch. */
export interface KnownHost {
  readonly pinned: readonly PublicKey[];
  /** Throws `host_key_changed` for a key that is not pinned. */
  check(shown: PublicKey): void;
}

export function createKnownHost({ source, address, hostKeys, pin }: KnownHostOptions): KnownHost {
  let pinned = hostKeys;
  return {
    get pinned() {
      return pinned;
    },
    check(shown) {
      if (pinned.length === 0) {
        pin(shown);
        pinned = [shown];
      }
      if (pinned.includes(shown)) return;
      const expected = pinned.map((key) => describeKey(key)).join(" or ");
      throw new DroverError(
        "host_key_changed",
        `the server of ${address.url} shows the key ${describeKey(shown)}, but ${expected} is pinned`,
        {
          hint:
            "nothing was fetched; ask those who run the server whether they changed it, and only then: " +
            `drover source trust ${source} --host-key "${shown}"`,
        },
      );
    },
  };
}
