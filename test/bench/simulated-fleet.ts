import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";

import { openSqliteStore } from "@drover/hub/store/sqlite";
import { clusterDefaults, sourceDefaults } from "@drover/hub/store/store";
import { systemClock } from "@drover/shared/clock";
import { loadAuthority } from "@drover/shared/trust/authority";
import { loadSigningKey } from "@drover/shared/trust/signing-key";

import type { SimulatorMessage, SimulatorOrder } from "./agent-simulator.ts";

/** Registers the clusters straight in the hub's store and authority: joining is not what is measured. */
export async function prepareHub(folder: string, { count, url }: { readonly count: number; readonly url: string }) {
  const dataDir = join(folder, "hub");
  const names = Array.from({ length: count }, (_, n) => `cluster-${n}`);
  const keys = join(dataDir, "keys");
  await loadAuthority(keys, { clock: systemClock });
  await loadSigningKey(keys);
  const store = openSqliteStore(join(dataDir, "hub.db"));
  for (const name of names) store.putCluster({ ...clusterDefaults, name, uid: name, labels: { fleet: "all" } });
  store.putSource({ ...sourceDefaults, name: "config", url, intervalSeconds: 1 });
  store.close();
  return { dataDir, names, keys };
}

/** Simulated agents, as a process of their own. */
export function startSimulator(): ChildProcess {
  return fork(join(import.meta.dirname, "agent-simulator.ts"), { stdio: "inherit" });
}

export function tell(simulator: ChildProcess, order: SimulatorOrder): void {
  simulator.send(order);
}

/** When each of the next `count` applications was applied, in ms since the epoch. */
export function nextApplied(simulator: ChildProcess, count: number, patienceMs = 120_000): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const times: number[] = [];
    const late = setTimeout(() => reject(new Error(`only ${times.length} of ${count} were applied`)), patienceMs);
    const onMessage = (message: SimulatorMessage): void => {
      times.push(...message.applied);
      if (times.length < count) return;
      clearTimeout(late);
      simulator.off("message", onMessage);
      resolve(times);
    };
    simulator.on("message", onMessage);
    simulator.setMaxListeners(0);
    simulator.once("exit", (code) => reject(new Error(`the simulator ended with ${code}`)));
  });
}
