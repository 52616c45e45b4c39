import { isRecord, numberAt, recordAt, recordsAt, type JsonRecord } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";
import type { IgnoreRule } from "@drover/shared/sync-options";

import type { ApplicationRecord, ObjectRecord } from "../core/record.ts";
import { isScaler, yieldsByRule, yieldsToInjectors, yieldsToScaler, type Yield } from "../core/yield.ts";
import { collectionPath, type Resource } from "../kube/api.ts";
import { readObject } from "./bundle.ts";
import type { Context } from "./context.ts";

interface Scalers {
  readonly bundle: string;
  readonly objects: Promise<readonly { readonly namespace: string; readonly object: KubeObject }[]>;
}

/** Of the bundle that each application has; there are few of them, and many workloads to ask about. */
const known = new WeakMap<ApplicationRecord, Scalers>();

/** The fields of an object that are left to others: by rules of the application, and by what else is in its bundle. */
export async function yieldsOf(
  context: Context,
  target: { readonly application: ApplicationRecord; readonly record: ObjectRecord; readonly payload: KubeObject },
  rules: readonly IgnoreRule[],
): Promise<readonly Yield[]> {
  const { application, record, payload } = target;
  const yields = [...yieldsByRule(record.key, rules), ...yieldsToInjectors(record.key, payload), ...record.scaledBy];
  if (!isWorkload(payload)) return yields;
  for (const { namespace, object } of await scalersOf(context, application)) {
    if (namespace === record.key.namespace) yields.push(...yieldsToScaler(record.key, payload, object));
  }
  return yields;
}

/** What live autoscalers, of this bundle or not, take over of a workload. Empty when they cannot be listed. */
export async function yieldsToLive(
  context: Context,
  { record, payload }: { readonly record: ObjectRecord; readonly payload: KubeObject },
  signal: AbortSignal,
): Promise<readonly Yield[]> {
  if (!isWorkload(payload)) return [];
  const path = `${collectionPath(autoscalers, record.key.namespace)}?limit=500`;
  const answer = await context.kube.request({ method: "GET", path }, signal);
  if (answer.kind === "refused") return [];
  const typed = { apiVersion: "autoscaling/v1", kind: autoscalers.kind };
  return recordsAt(answer.body, "items").flatMap((item) => yieldsToScaler(record.key, payload, { ...item, ...typed }));
}

/** Version 1 is served by every server; later ones say nothing more about the target. KEDA makes one of these, too. */
const autoscalers: Resource = {
  group: "autoscaling",
  version: "v1",
  kind: "HorizontalPodAutoscaler",
  plural: "horizontalpodautoscalers",
  namespaced: true,
};

function scalersOf(context: Context, application: ApplicationRecord): Scalers["objects"] {
  const before = known.get(application);
  if (before?.bundle === application.bundle) return before.objects;
  const records = [...application.objects.values()].filter(({ key, desired }) => desired !== "" && isScaler(key));
  const objects = Promise.all(
    records.map(async ({ key, desired }) => ({ namespace: key.namespace, object: await readObject(context, desired) })),
  );
  objects.catch(() => known.delete(application));
  known.set(application, { bundle: application.bundle, objects });
  return objects;
}

function isWorkload(object: JsonRecord): boolean {
  return numberAt(object, "spec", "replicas") !== undefined || isRecord(recordAt(object, "spec", "template"));
}
