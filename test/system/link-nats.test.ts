import { startRelay } from "@drover/agent/link/nats";
import { loadBrokerKeys } from "@drover/hub/link/broker-keys";
import { withNats } from "@drover/hub/link/nats";
import { systemClock } from "@drover/shared/clock";
import { describeLink } from "@drover/shared/link/link.contract";
import { silentLog } from "@drover/shared/log";

import { startNats } from "../rig/nats.ts";
import { temporaryFolder } from "../rig/watchdog.ts";
import { type CreateCarrier, createLinkWorld } from "./link-world.ts";

const carry: CreateCarrier = async (_, parts) => {
  const { path } = parts.use(await temporaryFolder("broker-keys"));
  const keys = await loadBrokerKeys(`${path}/nats.seeds`, systemClock);
  const nats = parts.use(await startNats({ config: keys.config }));
  const outside = { clock: systemClock, log: silentLog };
  return {
    target: { host: "127.0.0.1", port: Number(new URL(nats.url).port) },
    hubEnd: (link) =>
      withNats(link, { access: () => ({ servers: nats.url, ...keys.hubUser() }), random: () => 0.1, ...outside }),
    async agentAddress(cluster, wire, owned) {
      const user = keys.clusterUser(cluster, systemClock.now() + 3_600_000);
      const servers = `nats://${wire.host}:${wire.port}`;
      return owned.use(await startRelay({ access: () => ({ servers, ...user }), ...outside })).address;
    },
  };
};

describeLink("NATS", () => createLinkWorld(carry));
