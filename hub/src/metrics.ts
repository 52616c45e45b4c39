import type { Controller } from "@drover/shared/controller";
import type { Metrics } from "@drover/shared/metrics";
import { targetStates } from "@drover/shared/state";

import type { World } from "./controllers/world.ts";
import type { Reserve } from "./store/reserve.ts";
import type { Store } from "./store/store.ts";

/** What /metrics tells of a hub. No label grows with the fleet: counts by state, never by name. */
export function registerHubMetrics(
  metrics: Metrics,
  hub: {
    readonly store: Store;
    readonly reserve: Pick<Reserve, "held">;
    readonly world: World;
    readonly queues: readonly Controller[];
  },
): void {
  const targets = metrics.gauge("drover_targets", "Targets by state");
  const clusters = metrics.gauge("drover_clusters", "Clusters that are registered, and of these connected");
  const sources = metrics.gauge("drover_sources", "Registered sources");
  const full = metrics.gauge(
    "drover_store_full",
    "1 while the disk of the store is full and no changes are taken, else 0",
  );
  const queue = metrics.gauge("drover_queue_depth", "Keys that wait for a controller or are worked on");
  const memory = metrics.gauge(
    "drover_memory_bytes",
    "Memory of the process: resident, JavaScript heap in use, and outside of the heap",
  );
  metrics.onCollect(() => {
    const counts = new Map<string, number>(targetStates.map((state) => [state, 0]));
    for (const app of hub.store.applications()) {
      for (const target of hub.store.targetsOf(app)) {
        const state = hub.store.observed(target)?.state ?? "pending";
        counts.set(state, (counts.get(state) ?? 0) + 1);
      }
    }
    for (const [state, count] of counts) targets.set(count, { state });
    clusters.set(hub.store.clusters().length, { state: "registered" });
    clusters.set(hub.world.connections.size, { state: "connected" });
    sources.set(hub.store.sources().length);
    full.set(hub.reserve.held ? 0 : 1);
    for (const controller of hub.queues) queue.set(controller.busy, { controller: controller.name });
    const { rss, heapUsed, external } = process.memoryUsage();
    memory.set(rss, { kind: "resident" });
    memory.set(heapUsed, { kind: "heap" });
    memory.set(external, { kind: "external" });
  });
}
