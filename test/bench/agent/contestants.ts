import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { metadataOnly } from "@drover/agent/kube/api";
import type { KubeObject } from "@drover/shared/kube/manifest";

import { temporaryFolder } from "../../rig/watchdog.ts";
import { must, workOff, type BareClient, type BareRequest } from "./bare-client.ts";
import { mixedObjects } from "./objects.ts";
import type { Stage } from "./stage.ts";

/** Somebody who brings the same objects to a namespace where none of them is; how many ms that took. */
export type Contestant = (stage: Stage, namespace: string, count: number) => Promise<number>;

/** From the moment the assignment is handed to the agent, which has none of its blobs, until its last object is applied. */
export const drover: Contestant = async (stage, namespace, count) => {
  const { fetchedMs, appliedMs } = await applyByAgent(stage, namespace, mixedObjects(count, namespace));
  fetches.push(fetchedMs);
  return appliedMs;
};

/** How long the agent took for its blobs, in the rounds so far: part of its time, told apart. */
export const fetches: number[] = [];

export async function applyByAgent(stage: Stage, namespace: string, objects: readonly KubeObject[]) {
  const { hub } = stage;
  const { bundle, sentAtMs } = hub.assign(namespace, objects);
  const report = await hub.next(namespace, ({ phase, applied }) => phase === "applied" && applied === bundle);
  return { fetchedMs: hub.lastBlobAtMs - sentAtMs, appliedMs: report.appliedAtMs - sentAtMs };
}

/** The agent's own requests, sent by nothing but an HTTP/2 session from bodies that are ready: the ceiling. */
export const bareLoop: Contestant = async ({ bare, createNamespace }, namespace, count) => {
  await createNamespace(namespace);
  const requests = mixedObjects(count, namespace).map((object) => applyRequest(object, namespace));
  return timed(() => workOff(requests, 16, (request) => must(bare, request)));
};

/** One call of kubectl with one file. */
export const kubectl: Contestant = async ({ plane, createNamespace }, namespace, count) => {
  await createNamespace(namespace);
  await using folder = await temporaryFolder("bench-kubectl");
  const file = join(folder.path, "objects.json");
  await writeFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: mixedObjects(count, namespace) }));
  return await timed(async () => {
    const { code, stderr } = await plane.kubectl(["apply", "--server-side", "--filename", file]);
    if (code !== 0) throw new Error(`kubectl: ${stderr}`);
  });
};

/** Flux's calls for an object that is to change: GET, server-side dry run, apply; four objects at once. */
export const fluxPattern: Contestant = async ({ bare, createNamespace }, namespace, count) => {
  await createNamespace(namespace);
  const requests = mixedObjects(count, namespace).map((object) => applyRequest(object, namespace));
  return timed(() => workOff(requests, 4, (request) => applyAsFlux(bare, request)));
};

async function applyAsFlux(bare: BareClient, apply: BareRequest): Promise<void> {
  const [path = ""] = apply.path.split("?");
  const found = await bare.send({ method: "GET", path });
  if (found.status !== 404) throw new Error(`${path} is there already`);
  await must(bare, { ...apply, path: `${apply.path}&dryRun=All` });
  await must(bare, apply);
}

export function applyRequest(object: KubeObject, namespace: string): BareRequest {
  const isMap = object.kind === "ConfigMap";
  const collection = isMap ? "/api/v1" : "/apis/apps/v1";
  const plural = isMap ? "configmaps" : "deployments";
  return {
    method: "PATCH",
    path: `${collection}/namespaces/${namespace}/${plural}/${object.metadata.name}?fieldManager=bench&force=true`,
    contentType: "application/apply-patch+yaml",
    // The agent asks for as much of an answer as it needs for the object's health.
    accept: isMap ? metadataOnly : "application/json",
    body: JSON.stringify({ ...object, metadata: { ...object.metadata, namespace, labels: labels(object) } }),
  };
}

/** As many bytes as the agent's own labels, under other names: it would see the object in its watches. */
function labels({ metadata }: KubeObject) {
  return {
    ...metadata.labels,
    "bench.example/application": "as-long-as-the-real-one",
    "bench.example/owner": "00000000-0000-8000-8000-000000000000",
  };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}
