import { createLimit } from "@drover/agent/controllers/limit";
import type { KubeObject } from "@drover/shared/kube/manifest";

import { residentMiB } from "../memory.ts";
import { quantile, type Figure } from "../report.ts";
import { must, workOff, type BareClient, type BareRequest, type WatchEvent } from "./bare-client.ts";
import { applyByAgent, applyRequest } from "./contestants.ts";
import { desiredImage, mixedObjects } from "./objects.ts";
import { settled } from "./settled.ts";
import { startStage, type Stage } from "./stage.ts";

const count = 1_000;
const single = 500;

/** An agent with 1,000 objects: its memory, one drift after the other, and all objects drifting at once. */
export async function measureDrift(): Promise<readonly Figure[]> {
  await using stage = await startStage();
  const objects = mixedObjects(count, "drift");
  await applyByAgent(stage, "drift", objects);
  await settled(stage, "drift", objects);
  const memoryMiB = await residentMiB(stage.agent.pid);
  const byAgent = await measureRepairs(stage, { namespace: "drift", objects, repair: () => undefined });
  const byBare = await measureRepairs(stage, await bareOwner(stage, "bare"));
  const reference = (value: number) => ({ name: "nothing but a watch and an apply", value });
  return [
    { name: "RSS with 1,000 objects", value: memoryMiB, unit: "MiB", target: { most: 80 } },
    {
      name: "repair of one drift, p50",
      value: quantile(byAgent.samples, 0.5),
      unit: "ms",
      target: { most: 5 },
      reference: reference(quantile(byBare.samples, 0.5)),
    },
    {
      name: "repair of one drift, p99",
      value: quantile(byAgent.samples, 0.99),
      unit: "ms",
      target: { most: 30 },
      reference: reference(quantile(byBare.samples, 0.99)),
    },
    {
      name: "requests for one repair",
      value: byAgent.requests / byAgent.samples.length,
      unit: "count",
      target: { most: 1 },
    },
    {
      name: "1,000 drifts at once",
      value: byAgent.allMs / 1000,
      unit: "s",
      target: { most: 2.5 },
      reference: reference(byBare.allMs / 1000),
    },
  ];
}

/** Somebody who undoes drift; an agent does so by itself. */
interface Owner {
  readonly namespace: string;
  readonly objects: readonly KubeObject[];
  /** Called when an object is seen to have drifted. */
  readonly repair: (name: string) => void;
}

/** What no agent can be faster than: a watcher that knows each object's apply by heart. */
async function bareOwner({ bare, createNamespace }: Stage, namespace: string): Promise<Owner> {
  await createNamespace(namespace);
  const objects = mixedObjects(count, namespace);
  const applies = new Map(objects.map((object) => [object.metadata.name, applyRequest(object, namespace)]));
  await workOff([...applies.values()], 16, (apply) => must(bare, apply));
  const limit = createLimit(() => 16);
  const repair = (name: string): void => {
    const apply = applies.get(name);
    if (apply !== undefined) void limit(() => must(bare, apply));
  };
  return { namespace, objects, repair };
}

async function measureRepairs({ bare, requests }: Stage, owner: Owner) {
  const { namespace, objects } = owner;
  const watch = await watchRepairs(bare, owner);
  // Every other object: of both kinds, and none so often that it counts as a fight.
  const chosen = objects.filter((_object, n) => n % 2 === 0).slice(0, single);
  const samples: number[] = [];
  const before = await requests();
  for (const object of chosen) {
    const startedMs = performance.now();
    const repaired = watch.repaired(object);
    await must(bare, edit(object, namespace));
    samples.push((await repaired) - startedMs);
  }
  const after = await requests();
  const startedMs = performance.now();
  const repaired = objects.map((object) => watch.repaired(object));
  await workOff(objects, 16, (object) => must(bare, edit(object, namespace)));
  await Promise.all(repaired);
  return { samples, requests: after.all - before.all, allMs: performance.now() - startedMs };
}

function edit({ kind, metadata: { name } }: KubeObject, namespace: string): BareRequest {
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
async function watchRepairs(bare: BareClient, { namespace, repair }: Owner): Promise<Repairs> {
  const open = Promise.withResolvers<void>();
  let shown = 0;
  const waiting = new Map<string, { drifted: boolean; readonly resolve: (at: number) => void }>();
  const line = ({ object }: WatchEvent): void => {
    shown += 1;
    if (shown === count) open.resolve();
    const entry = waiting.get(object.metadata.name);
    if (entry === undefined) return;
    if (!isDesired(object)) {
      if (!entry.drifted) repair(object.metadata.name);
      entry.drifted = true;
    } else if (entry.drifted) {
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
