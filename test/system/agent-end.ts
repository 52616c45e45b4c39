import { HubAddresses } from "@drover/agent/link/addresses";
import { createGrpcLink } from "@drover/agent/link/grpc";
import type { HeldIdentity } from "@drover/agent/link/options";
import { systemClock } from "@drover/shared/clock";
import type { AgentLinkHandler } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";

import { start } from "./stop.ts";

/** An agent's end of the gRPC link to a hub of this machine; returns what stops it. */
export function startAgentEnd(
  agent: AgentLinkHandler,
  at: { readonly address: string; readonly identity: HeldIdentity; readonly log: Logger },
): () => Promise<void> {
  const link = createGrpcLink({
    addresses: new HubAddresses(at.address),
    identity: at.identity,
    clock: systemClock,
    random: () => 0.1,
    log: at.log,
  });
  return start((signal) => link.run(agent, signal));
}
