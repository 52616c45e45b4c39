import { fork } from "node:child_process";
import { join } from "node:path";

import { loadBrokerKeys, type BrokerKeys } from "@drover/hub/link/broker-keys";
import { systemClock } from "@drover/shared/clock";

import { createWorkTree, type WorkTree } from "../../rig/git.ts";
import { startNats } from "../../rig/nats.ts";
import { temporaryFolder } from "../../rig/watchdog.ts";
import { application, configMap, placement } from "../../system/fixtures.ts";
import type { AbuseOrder } from "./abuse.ts";
import type { AgentOrder } from "./agents.ts";
import { startCountingProxy, type CountingProxy } from "./counting-proxy.ts";
import { startFleetHub, type FleetHub } from "./hub.ts";
import { abuserNames, prepareHub, startSimulators, type Simulators } from "./simulators.ts";

export interface FleetSize {
  readonly clusters: number;
  readonly applications: number;
  readonly link: "grpc" | "nats";
}

/** A hub, a repository, and agents that have their certificates and are about to connect. */
export interface FleetBench {
  readonly tree: WorkTree;
  readonly hub: FleetHub;
  readonly agents: Simulators;
  /** In front of the first agent, over gRPC. */
  readonly wire: CountingProxy;
  /** Folder of the hub's keys. */
  readonly keys: string;
  /** Begins abuse of the agents' port, until it is disposed of. */
  abuse(): Disposable;
}

/** The object that changes is this large; what it costs beyond that is measured. */
const changingBytes = 1024;
const fixedObjects = 4;

export async function openBench(size: FleetSize, parts: AsyncDisposableStack): Promise<FleetBench> {
  const { path: folder } = parts.use(await temporaryFolder("bench-fleet"));
  const tree = parts.use(await createWorkTree({ files: repository(size.applications) }));
  const { dataDir, names, keys } = await prepareHub(folder, { count: size.clusters, url: tree.path });
  const broker = size.link === "nats" ? await startBroker(keys, parts) : undefined;
  const hub = await startFleetHub({ folder, dataDir, natsUrl: broker?.url ?? "" }, parts);
  const wire = parts.use(await startCountingProxy(hub.link));
  const order = (cluster: string, index: number): AgentOrder => {
    if (broker !== undefined) return { cluster, broker: broker.access(cluster) };
    return index === 0 ? { cluster, hub: wire.address } : { cluster };
  };
  const agents = parts.use(startSimulators({ hub: hub.link, keys, clusters: names.map(order) }));
  const abuse = (): Disposable => {
    const child = fork(join(import.meta.dirname, "abuse.ts"), { stdio: "inherit" });
    const end = (): void => void child.kill("SIGKILL");
    parts.defer(end);
    child.send({ hub: hub.link, keys, ...abuserNames } satisfies AbuseOrder);
    return { [Symbol.dispose]: end };
  };
  return { tree, hub, agents, wire, keys, abuse };
}

async function startBroker(keys: string, parts: AsyncDisposableStack) {
  const brokerKeys: BrokerKeys = await loadBrokerKeys(join(keys, "nats.seeds"), systemClock);
  const { url } = parts.use(await startNats({ config: brokerKeys.config }));
  const dayMs = 24 * 3_600_000;
  const access = (cluster: string) => ({
    servers: url,
    ...brokerKeys.clusterUser(cluster, systemClock.now() + dayMs),
  });
  return { url, access };
}

/** Changes one object, which every cluster has. Returns when the commit was made, and the size of the object. */
export async function commitChange(tree: WorkTree, { round, applications }: { round: number; applications: number }) {
  // Neither the first nor the last to be looked at.
  const middle = Math.floor(applications / 2);
  const data = { round: String(round), text: "x".repeat(changingBytes) };
  const object = configMap("changing", data);
  await tree.commit(`round ${round}`, { [`apps/app-${middle}/changing.yaml`]: object });
  return { committedMs: Date.now(), objectBytes: object.length };
}

function repository(applications: number): Record<string, string> {
  const files: Record<string, string> = {};
  for (let n = 0; n < applications; n += 1) {
    const name = `app-${n}`;
    files[`apps/${name}/drover.yaml`] = application(name, name) + placement(name, { fleet: "all" });
    const fixed = Array.from({ length: fixedObjects }, (_, m) => configMap(`fixed-${m}`, { app: name }));
    files[`apps/${name}/fixed.yaml`] = fixed.join("---\n");
    files[`apps/${name}/changing.yaml`] = configMap("changing", { round: "0" });
  }
  return files;
}
