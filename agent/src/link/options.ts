import type { Clock } from "@drover/shared/clock";
import type { Logger } from "@drover/shared/log";
import type { Random } from "@drover/shared/retry";
import type { Identity } from "@drover/shared/trust/identity";

import type { HubAddresses } from "./addresses.ts";

/** The agent's identity, wherever it is kept. */
export interface HeldIdentity {
  current(): Identity;
  /** Private, PKCS#8, PEM. Proves to the hub who this is when no certificate can; absent where nothing does. */
  readonly enrolmentKey?: string;
  /** Resolves when the new identity is safe; from then on `current` returns it. */
  replace(identity: Identity): Promise<void>;
}

/** Where the hub is, as whom to connect, and the outside world. */
export interface GrpcLinkOptions {
  /** Of the hub; those who share it use the same one. */
  readonly addresses: HubAddresses;
  readonly identity: HeldIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}
