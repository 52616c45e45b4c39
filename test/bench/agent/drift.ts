import type { KubeObject } from "@drover/shared/kube/manifest";

import { residentMiB } from "../memory.ts";
import { quantile, type Figure } from "../report.ts";
import { must, workOff, type BareRequest, type WatchEvent } from "./bare-client.ts";
import { applyByAgent } from "./contestants.ts";
import { desiredImage, mixedObjects } from "./objects.ts";
import { settled } from "./settled.ts";
import { startStage, type Stage } from "./stage.ts";

const count = 1_000;
const single = 500;
const namespace = "drift";

/** An agent with 1,000 objects: its memory, one drift after the other, and all objects drifting at once. */
export async function measureDrift(): Promise<readonly Figure[]> {
  await using stage = await startStage();
  const objects = mixedObjects(count, namespace);
  await applyByAgent(stage, namespace, objects);
  await settled(stage, namespace, objects);
  const memoryMiB = await residentMiB(stage.agent.pid);
  const watch = await watchRepairs(stage);
  // Every other object: of both kinds, and none so often that it counts as a fight.
  const chosen = objects.filter((_object, n) => n % 2 === 0).slice(0, single);
  const before = await stage.requests();
  const samples: number[] = [];
  for (const object of chosen) samples.push(await drift(stage, watch, object));
  const after = await stage.requests();
  const startedMs = performance.now();
  const repaired = objects.map((object) => watch.repaired(object));
  await workOff(objects, 16, (object) => must(stage.bare, edit(object)));
  await Promise.all(repaired);
  const allMs = performance.now() - startedMs;
  return [
    { name: "RSS with 1,000 objects", value: memoryMiB, unit: "MiB", target: { most: 80 } },
    { name: "repair of one drift, p50", value: quantile(samples, 0.5), unit: "ms", target: { most: 5 } },
    { name: "repair of one drift, p99", value: quantile(samples, 0.99), unit: "ms", target: { most: 30 } },
    {
      name: "requests for one repair",
      value: (after.all - before.all) / chosen.length,
      unit: "count",
      target: { most: 1 },
    },
    { name: "1,000 drifts at once", value: allMs / 1000, unit: "s", target: { most: 2.5 } },
  ];
}

/** From the moment the drifting PATCH is sent until a watcher sees the object as it is desired again. */
async function drift(stage: Stage, watch: Repairs, object: KubeObject): Promise<number> {
  const startedMs = performance.now();
  const repaired = watch.repaired(object);
  await must(stage.bare, edit(object));
  return (await repaired) - startedMs;
}

function edit({ kind, metadata: { name } }: KubeObject): BareRequest {
  const isMap = kind === "ConfigMap";
  const path = isMap
    ? `/api/v1/namespaces/${namespace}/configmaps/${name}`
    : `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  const containers = [{ name: "web", image: "registry.example/shop/web:drifted" }];
  return {
    method: "PATCH",
    path: `${path}?fieldManager=somebody`,
    contentType: "application/strategic-merge-patch+json",
    body: JSON.stringify(isMap ? { data: { level: "drifted" } } : { spec: { template: { spec: { containers } } } }),
  };
}

interface Repairs {
  /** When the object is seen to be as desired, after it was seen not to be. */
  repaired(object: KubeObject): Promise<number>;
}

/** Resolves when the watches have shown all objects: from then on they miss nothing. */
async function watchRepairs({ bare }: Stage): Promise<Repairs> {
  const open = Promise.withResolvers<void>();
  let shown = 0;
  const waiting = new Map<string, { drifted: boolean; readonly resolve: (at: number) => void }>();
  const line = ({ object }: WatchEvent): void => {
    shown += 1;
    if (shown === count) open.resolve();
    const entry = waiting.get(object.metadata.name);
    if (entry === undefined) return;
    if (!isDesired(object)) entry.drifted = true;
    else if (entry.drifted) {
      waiting.delete(object.metadata.name);
      entry.resolve(performance.now());
    }
  };
  bare.watch(`/api/v1/namespaces/${namespace}/configmaps?watch=1`, line);
  bare.watch(`/apis/apps/v1/namespaces/${namespace}/deployments?watch=1`, line);
  await open.promise;
  return {
    repaired: ({ metadata: { name } }) =>
      new Promise((resolve) => {
        waiting.set(name, { drifted: false, resolve });
      }),
  };
}

function isDesired(object: KubeObject): boolean {
  const text = JSON.stringify(object["kind"] === "ConfigMap" ? object["data"] : object["spec"]);
  return text.includes('"level":"desired"') || text.includes(desiredImage);
}
