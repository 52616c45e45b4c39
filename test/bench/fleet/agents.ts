import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";

import { HubAddresses } from "@drover/agent/link/addresses";
import { createGrpcLink } from "@drover/agent/link/grpc";
import { startRelay } from "@drover/agent/link/nats";
import { systemClock } from "@drover/shared/clock";
import type { BrokerAccess } from "@drover/shared/link/broker";
import { silentLog } from "@drover/shared/log";
import type { Identity } from "@drover/shared/trust/identity";

import { issueIdentities } from "./identities.ts";
import { runSimulatedAgent } from "./simulated-agent.ts";

/** Simulated agents, as a process of their own. Sent first, by the process that forked it; `"connect"` comes second. */
export interface AgentsOrder {
  /** `host:port` of the hub; not used with a broker. */
  readonly hub: string;
  /** Folder of the hub's keys. */
  readonly keys: string;
  readonly clusters: readonly AgentOrder[];
}

export interface AgentOrder {
  readonly cluster: string;
  /** Instead of the hub's own address. */
  readonly hub?: string;
  readonly broker?: BrokerAccess;
}

/** Times are in ms since the epoch. */
export interface AgentsMessage {
  readonly issued?: true;
  readonly connected: readonly number[];
  readonly acknowledged: readonly number[];
  readonly applied: readonly number[];
}

interface Times {
  readonly connected: number[];
  readonly acknowledged: number[];
  readonly applied: number[];
}

const betweenStartsMs = 5;
const outside = { clock: systemClock, log: silentLog };
const none = (): Times => ({ connected: [], acknowledged: [], applied: [] });
let times = none();

async function run({ hub, keys, clusters }: AgentsOrder): Promise<void> {
  const identities = await issueIdentities(
    keys,
    clusters.map(({ cluster }) => cluster),
  );
  process.send?.({ issued: true, ...none() } satisfies AgentsMessage);
  await once(process, "message");
  // One message for many: the channel to the parent must not be what is measured.
  setInterval(() => {
    if (times.connected.length + times.acknowledged.length + times.applied.length === 0) return;
    process.send?.(times satisfies AgentsMessage);
    times = none();
  }, 20);
  const running: Promise<void>[] = [];
  for (const [index, identity] of identities.entries()) {
    running.push(start(hub, identity, clusters[index] ?? { cluster: "" }));
    // One process stands for many machines: what it does for all of them at once, none of them would wait for.
    await pause(betweenStartsMs);
  }
  await Promise.all(running);
}

async function start(hub: string, identity: Identity, order: AgentOrder): Promise<void> {
  const { broker } = order;
  const address =
    broker === undefined ? (order.hub ?? hub) : (await startRelay({ access: () => broker, ...outside })).address;
  const link = createGrpcLink({
    addresses: new HubAddresses(address),
    identity: { current: () => identity, replace: () => Promise.resolve() },
    random: Math.random,
    ...outside,
  });
  const counted = {
    connected: () => void times.connected.push(Date.now()),
    acknowledged: (at: number) => void times.acknowledged.push(at),
    applied: (at: number) => void times.applied.push(at),
  };
  // Each has a signal of its own: a thousand listeners on one are looked through for each that comes or goes.
  await runSimulatedAgent({ link, identity, ...counted }, new AbortController().signal);
}

process.once("message", (order: AgentsOrder) => void run(order));
