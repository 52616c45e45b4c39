import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";

import { firstEnrolment, joined } from "@drover/hub/core/enrolment";
import { openDatabase } from "@drover/hub/store/database";
import { SqliteStore } from "@drover/hub/store/sqlite";
import { clusterDefaults, sourceDefaults } from "@drover/hub/store/store";
import { addStoreKey, storeKeyFile } from "@drover/hub/store/store-keys";
import { systemClock } from "@drover/shared/clock";
import { loadAuthority } from "@drover/shared/trust/authority";
import { loadSigningKey } from "@drover/shared/trust/signing-key";

import type { AgentOrder, AgentsMessage, AgentsOrder } from "./agents.ts";

export const abuserNames = { deaf: "deaf", flooding: "flooding" } as const;
/** Over NATS each has a handful of sockets in the process. */
const maxPerProcess = 2_500;
/** One thread that plays a whole fleet would be what is measured. */
const minProcesses = 2;

/** Registers the clusters straight in the hub's store and authority: joining is not what is measured. */
export async function prepareHub(folder: string, { count, url }: { readonly count: number; readonly url: string }) {
  const dataDir = join(folder, "hub");
  const names = Array.from({ length: count }, (_, n) => `cluster-${n}`);
  const keys = join(dataDir, "keys");
  await loadAuthority(keys, { clock: systemClock });
  await loadSigningKey(keys);
  const database = openDatabase(join(dataDir, "hub.db"));
  const store = new SqliteStore(database, { storeKeys: addStoreKey(storeKeyFile(join(dataDir, "hub.db"))) });
  const now = systemClock.now();
  // What abuses the port has certificates, too, and of one the applications.
  const abusers = [{ name: abuserNames.deaf, labels: { fleet: "all" } }, { name: abuserNames.flooding }];
  store.putClusters(abusers.map((abuser) => ({ ...clusterDefaults, ...abuser, uid: abuser.name })));
  store.putClusters(names.map((name) => ({ ...clusterDefaults, name, uid: name, labels: { fleet: "all" } })));
  database.transaction(() => {
    for (const name of names) store.enrolments.write(joined(firstEnrolment(name, now), "", now));
  });
  store.putSource({ ...sourceDefaults, name: "config", url });
  store.close();
  return { dataDir, names, keys };
}

export interface Simulators extends Disposable {
  /** Has all of them connect as soon as they have their certificates; resolves when that begins. */
  connect(): Promise<void>;
  /** The times of the next `count` of a kind, in ms since the epoch. */
  next(kind: "connected" | "acknowledged" | "applied", count: number, patienceMs?: number): Promise<readonly number[]>;
}

/** Simulated agents, in processes of their own. */
export function startSimulators({
  clusters,
  ...order
}: Omit<AgentsOrder, "clusters"> & { readonly clusters: readonly AgentOrder[] }): Simulators {
  const perProcess = Math.min(maxPerProcess, Math.ceil(clusters.length / minProcesses));
  const children: ChildProcess[] = [];
  const issued: Promise<void>[] = [];
  const listeners = new Set<(message: AgentsMessage) => void>();
  for (let start = 0; start < clusters.length; start += perProcess) {
    const child = fork(join(import.meta.dirname, "agents.ts"), { stdio: "inherit" });
    children.push(child);
    issued.push(
      new Promise((resolve, reject) => {
        child.once("exit", (code) => reject(new Error(`simulated agents ended with ${code}`)));
        child.on("message", (message: AgentsMessage) => {
          if (message.issued) resolve();
          for (const listener of listeners) listener(message);
        });
      }),
    );
    child.send({ ...order, clusters: clusters.slice(start, start + perProcess) } satisfies AgentsOrder);
  }
  return {
    async connect() {
      await Promise.all(issued);
      for (const child of children) child.send("connect");
    },
    next: (kind, count, patienceMs = 900_000) =>
      new Promise((resolve, reject) => {
        const times: number[] = [];
        const late = setTimeout(() => reject(new Error(`only ${times.length} of ${count} ${kind}`)), patienceMs);
        const listener = (message: AgentsMessage): void => {
          times.push(...message[kind]);
          if (times.length < count) return;
          clearTimeout(late);
          listeners.delete(listener);
          resolve(times);
        };
        listeners.add(listener);
      }),
    [Symbol.dispose]() {
      for (const child of children) child.removeAllListeners("exit").kill("SIGKILL");
    },
  };
}
