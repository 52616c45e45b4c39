import { at, recordAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import type { ObjectKey } from "@drover/shared/kube/manifest";

import { explainNoPods, explainPods, withEvents, type Cause } from "../core/health/cause.ts";
import { isCustom } from "../core/health/custom-resource.ts";
import type { ObjectRecord } from "../core/record.ts";
import { objectPath, type KubeApi } from "../kube/api.ts";
import { readObject } from "./bundle.ts";
import type { Context } from "./context.ts";

type EvidenceContext = Pick<Context, "kube" | "discovery" | "blobs">;

/** Pods and events of one workload. */
const maxItems = 50;

/**
 * Asks the cluster why a workload is not ready, with the rights that the context has: at most three small requests, and
 * nothing is watched. Undefined when nothing that can be seen says why.
 */
export async function findCause(
  context: EvidenceContext,
  record: ObjectRecord,
  signal: AbortSignal,
): Promise<Cause | undefined> {
  const { kube } = context;
  const { namespace, kind, group } = record.key;
  const selecting = isCustom(group) ? scaleSelector : selectorOf;
  const labelSelector = await selecting(context, record, signal);
  if (labelSelector === "") return undefined;
  const pods = await list(kube, { namespace, plural: "pods", query: { labelSelector } }, signal);
  if (pods === "forbidden") return unreadable(record);
  const view = explainPods(pods);
  const uid = textAt(view.askAbout, "metadata", "uid");
  const cause = uid === undefined ? view.cause : withEvents(view, await warnings(kube, { namespace, uid }, signal));
  // A Deployment says in its own status that pods cannot be created.
  if (cause !== undefined || kind === "Deployment" || record.uid === "") return cause;
  return explainNoPods(await warnings(kube, { namespace, uid: record.uid }, signal));
}

function unreadable({ verdict }: ObjectRecord): Cause {
  return {
    reason: "PodsForbidden",
    message: `${verdict.message}; the pods, which would say why, may not be listed`,
  };
}

async function list(
  kube: KubeApi,
  { namespace, plural, query }: { readonly namespace: string; readonly plural: string; readonly query: Query },
  signal: AbortSignal,
): Promise<readonly JsonRecord[] | "forbidden"> {
  const text = new URLSearchParams({ ...query, limit: String(maxItems) }).toString();
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/${plural}?${text}`;
  const answer = await kube.request({ method: "GET", path }, signal);
  if (answer.kind === "ok") return recordsAt(answer.body, "items");
  return answer.refusal.status === 403 ? "forbidden" : [];
}

type Query = Readonly<Record<string, string>>;

/** What went wrong with one object; nothing when events may not be read. */
async function warnings(
  kube: KubeApi,
  { namespace, uid }: { readonly namespace: string; readonly uid: string },
  signal: AbortSignal,
): Promise<readonly JsonRecord[]> {
  const query = { fieldSelector: `involvedObject.uid=${uid},type=Warning` };
  const events = await list(kube, { namespace, plural: "events", query }, signal);
  return events === "forbidden" ? [] : events;
}

/** Whether the kind has pods that may say why it is not ready; of custom kinds that shows when they are asked. */
export function isWorkload({ group, kind }: ObjectKey): boolean {
  if (group === "batch") return kind === "Job";
  return group === "apps" || kind === "ReplicationController" || isCustom(group);
}

/** Custom workloads such as Rollouts tell their pods through the scale subresource, as autoscalers find them. */
async function scaleSelector(
  context: EvidenceContext,
  { key, version }: ObjectRecord,
  signal: AbortSignal,
): Promise<string> {
  const resource = await context.discovery.find({ group: key.group, version, kind: key.kind }, signal);
  if (resource?.scalable !== true || key.namespace === "") return "";
  const answer = await context.kube.request({ method: "GET", path: `${objectPath(resource, key)}/scale` }, signal);
  return answer.kind === "ok" ? (textAt(answer.body, "status", "selector") ?? "") : "";
}

async function selectorOf(context: EvidenceContext, record: ObjectRecord): Promise<string> {
  if (record.key.group === "batch") return `job-name=${record.key.name}`;
  const selector = recordAt(await readObject(context, record.desired), "spec", "selector");
  if (record.key.kind === "ReplicationController") return equalities(selector);
  const expressions = recordsAt(selector, "matchExpressions").map(expressionOf);
  return [equalities(at(selector, "matchLabels")), ...expressions].filter((part) => part !== "").join(",");
}

function equalities(labels: unknown): string {
  return Object.keys(recordAt(labels) ?? {})
    .map((name) => `${name}=${textAt(labels, name) ?? ""}`)
    .join(",");
}

function expressionOf(expression: JsonRecord): string {
  const key = textAt(expression, "key") ?? "";
  const values = expression["values"];
  const among = Array.isArray(values) ? `(${values.join(",")})` : "()";
  switch (expression["operator"]) {
    case "In":
      return `${key} in ${among}`;
    case "NotIn":
      return `${key} notin ${among}`;
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
    default:
      return "";
  }
}
