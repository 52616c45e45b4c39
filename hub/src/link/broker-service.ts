import type { BrokerServiceServer } from "@drover/proto/gen/drover/broker/v1/broker";
import type { Clock } from "@drover/shared/clock";
import type { HubLinkHandler } from "@drover/shared/link/link";
import { toStatus } from "@drover/shared/link/status";

import { authenticate, type Peer } from "./peers.ts";

/** Vouches for a key at the broker. Throws `unauthorized` for a cluster that is not registered. */
export type GrantBrokerUser = (
  cluster: string,
  publicKey: string,
) => { readonly servers: string; readonly jwt: string };

export interface BrokerContext {
  readonly handler: Pick<HubLinkHandler, "admit">;
  readonly findPeer: (endpoint: string) => Peer | undefined;
  readonly clock: Clock;
  /** Absent: this hub has no broker. */
  readonly grantBrokerUser?: GrantBrokerUser;
}

/** Agents get what they show to the broker from the hub itself, and for the cluster that their certificate names. */
export function createBrokerService({ handler, findPeer, clock, grantBrokerUser }: BrokerContext): BrokerServiceServer {
  return {
    grant(call, answer) {
      try {
        const speaker = authenticate(findPeer(call.getPeer()), clock.now());
        handler.admit(speaker);
        answer(null, grantBrokerUser?.(speaker.cluster, call.request.publicKey) ?? { servers: "", jwt: "" });
      } catch (cause) {
        answer(toStatus(cause));
      }
    },
  };
}
