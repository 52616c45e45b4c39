import type { JsonRecord } from "@drover/shared/json";

import { clearObstacle, type ApplicationRecord, type ObjectRecord } from "../core/record.ts";
import { describeSurvivor, findSurvivor, type Unapplied } from "../core/succession.ts";
import { isInTheWay } from "../core/unique.ts";
import { getObject } from "../kube/objects.ts";
import { readObject } from "./bundle.ts";
import type { Context } from "./context.ts";

/** Which objects that left stay for the sake of those that could not be applied. For one pass. */
export interface Survival {
  /** Why it stays; undefined when it need not. */
  keeps(record: ObjectRecord, signal: AbortSignal): Promise<string | undefined>;
  /** An object is gone: what was refused because of it is tried again. */
  retry(record: ObjectRecord): void;
}

interface Waiting extends Unapplied {
  readonly record: ObjectRecord;
}

export function createSurvival(context: Context, application: ApplicationRecord): Survival {
  let waiting: Promise<readonly Waiting[]> | undefined;
  return {
    async keeps(record, signal) {
      waiting ??= collectUnapplied(context, application);
      const survivor = findSurvivor(record, await waiting);
      if (survivor === undefined || (await isObstructed(context, { record, survivor }, signal))) return undefined;
      return describeSurvivor(survivor);
    },
    retry(record) {
      for (const other of application.objects.values()) {
        if (other.key.kind !== record.key.kind || other.obstacle?.fields === undefined) continue;
        clearObstacle(other);
        context.wake(application.name);
      }
    },
  };
}

async function collectUnapplied(context: Context, { objects }: ApplicationRecord): Promise<readonly Waiting[]> {
  const found: Waiting[] = [];
  for (const record of objects.values()) {
    const { key, moved, uid, desired, applied } = record;
    if (desired === "" || applied === desired) continue;
    const running = uid === "" ? "" : await runningOf(context, applied);
    found.push({ record, key, moved, running });
  }
  return found;
}

/** What was applied last, as text; undefined when nobody remembers. */
async function runningOf(context: Context, applied: string): Promise<string | undefined> {
  if (applied === "") return undefined;
  const bytes = await context.blobs.read(applied);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

/** Create before delete, except when what is to be made was refused for a value that only one object can have (case 54). */
async function isObstructed(
  context: Context,
  { record, survivor }: { readonly record: ObjectRecord; readonly survivor: Waiting },
  signal: AbortSignal,
): Promise<boolean> {
  const { key, version } = record;
  const other = survivor.record;
  const fields = other.obstacle?.fields;
  if (fields === undefined || other.key.kind !== key.kind || other.key.group !== key.group) return false;
  const resource = context.discovery.known({ group: key.group, version, kind: key.kind });
  if (resource === undefined) return false;
  const live = await getObject(context.kube, { resource, at: key, metadataOnly: false }, signal);
  if (live.kind !== "found") return false;
  const desired: JsonRecord = await readObject(context, other.desired);
  return isInTheWay(live.object, { desired, fields });
}
