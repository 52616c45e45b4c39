import { recordsAt, textAt } from "@drover/shared/json";
import { splitApiVersion } from "@drover/shared/kube/manifest";

import type { ObjectRecord } from "../core/record.ts";
import { apiVersionOf, type Refusal, type Resource } from "../kube/api.ts";
import { getObject, replaceManagedFields } from "../kube/objects.ts";
import { maybeInvalid } from "../kube/trouble.ts";
import type { Context } from "./context.ts";

/**
 * Up to Kubernetes 1.2x a server answers 500 to every apply of an object when an entry of its managed fields is in a
 * version that the kind's definition no longer has (case 30). Says such entries in the version that is applied; true when
 * the apply may now go through.
 */
export async function leaveGoneVersions(
  context: Context,
  failed: { readonly resource: Resource; readonly record: ObjectRecord; readonly refusal: Refusal },
  signal: AbortSignal,
): Promise<boolean> {
  const { resource, record, refusal } = failed;
  if (!maybeInvalid(refusal) || record.uid === "" || record.attempts > 0) return false;
  const live = await getObject(context.kube, { resource, at: record.key, metadataOnly: true }, signal);
  if (live.kind !== "found") return false;
  const entries = recordsAt(live.object, "metadata", "managedFields");
  const gone = new Set<string>();
  for (const apiVersion of new Set(entries.map((entry) => textAt(entry, "apiVersion") ?? ""))) {
    const { group, version } = splitApiVersion(apiVersion);
    if (group !== resource.group || version === resource.version) continue;
    const served = await context.discovery.find({ group, version, kind: resource.kind }, signal);
    if (served === undefined) gone.add(apiVersion);
  }
  if (gone.size === 0) return false;
  const managedFields = entries.map((entry) => {
    return gone.has(textAt(entry, "apiVersion") ?? "") ? { ...entry, apiVersion: apiVersionOf(resource) } : entry;
  });
  const resourceVersion = textAt(live.object, "metadata", "resourceVersion") ?? "";
  const change = { resource, at: record.key, resourceVersion, managedFields };
  return (await replaceManagedFields(context.kube, change, signal)) !== undefined;
}
