import { textAt } from "@drover/shared/json";
import { formatObjectKey } from "@drover/shared/kube/manifest";

import { applicationLabel, isOwnedBy, ownerLabel } from "../core/owner.ts";
import { departureOf, dropRecord, type ApplicationRecord, type ObjectRecord, type Obstacle } from "../core/record.ts";
import { disownObject, getObject } from "../kube/objects.ts";
import { troubleOf } from "../kube/trouble.ts";
import type { Context } from "./context.ts";

interface Owned {
  readonly application: ApplicationRecord;
  readonly record: ObjectRecord;
}

const tries = 3;

/**
 * Takes the application's marks off an object that stays in the cluster. Returns what stands in the way; undefined when
 * the object is nobody's, gone, or somebody else's.
 */
export async function disown(
  context: Context,
  { application, record }: Owned,
  signal: AbortSignal,
): Promise<Obstacle | undefined> {
  const { key, version, uid } = record;
  const resource = await context.discovery.findAnyVersion({ group: key.group, version, kind: key.kind }, signal);
  if (resource === undefined) return undefined;
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const live = await getObject(context.kube, { resource, at: key, metadataOnly: true }, signal);
    if (live.kind === "gone") return undefined;
    if (live.kind === "refused") return troubleOf(live.refusal);
    const { object } = live;
    if (uid !== "" && textAt(object, "metadata", "uid") !== uid) return undefined;
    if (!isOwnedBy(object, context.ownerOf(application.name), uid)) return undefined;
    const disowned = await disownObject(
      context.kube,
      { resource, at: key, live: object, labels: [applicationLabel, ownerLabel] },
      signal,
    );
    if (disowned.kind === "refused") return troubleOf(disowned.refusal);
    if (disowned.kind === "disowned") return undefined;
  }
  return { reason: "Changing", message: "it changes too often to let go of it", retry: "soon" };
}

/** The object is not the application's any more. It is told of until the next bundle, and kept in no inventory. */
export function release(context: Context, { application, record }: Owned, why: Omit<Obstacle, "retry">): void {
  context.log.info(
    { application: application.name, object: formatObjectKey(record.key), why: why.reason },
    "object released",
  );
  if (application.phase === "removing") return dropRecord(application, record.key);
  departureOf(record).released = true;
  record.uid = "";
  record.abandoned = why.reason;
  record.obstacle = { ...why, retry: "changed" };
  application.shape += 1;
}
