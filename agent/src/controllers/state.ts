import type { Clock } from "@drover/shared/clock";
import { formatObjectKey, type ObjectKey } from "@drover/shared/kube/manifest";
import type { Logger } from "@drover/shared/log";
import type { Service } from "@drover/shared/service";

import { unordered } from "../core/order.ts";
import {
  createApplicationRecord,
  createObjectRecord,
  departureOf,
  recordOf,
  type ApplicationRecord,
  type ObjectRecord,
  type Obstacle,
} from "../core/record.ts";
import { endedRun, isOver } from "../core/run.ts";
import { lastVerdict } from "../core/runs.ts";
import type { InventoryEntry, OwnedObjects } from "../store/inventory.ts";
import type { RecordFiles, StoredApplication, StoredObject } from "../store/records.ts";

/** What the agent knows of all applications, in memory; a copy on disk follows within seconds. */
export interface State extends Service {
  readonly applications: ReadonlyMap<string, ApplicationRecord>;
  /** The record of an application, made when there is none. */
  ensure(name: string): ApplicationRecord;
  /** The record that an object of the cluster belongs to; `label` is what its application label says. */
  find(key: ObjectKey, label: string): Place | undefined;
  /** Has the copy on disk follow. */
  touch(application: ApplicationRecord): void;
  /** Brings the copy on disk up to date, for what has to be remembered before it is acted on. */
  save(application: ApplicationRecord): Promise<void>;
  /** Forgets an application whose objects are all gone. */
  remove(name: string, how: { readonly hooksUnknown: boolean }): Promise<void>;
  /** The last thousand whose hooks nobody knew by then, as long as this process runs. */
  readonly removedUnknown: ReadonlySet<string>;
}

export interface Place {
  readonly application: ApplicationRecord;
  readonly record: ObjectRecord;
}

const saveEveryMs = 1_000;
const maxRemoved = 1_000;
/** What takes long to write is written less often: at most a twentieth of the time goes into that. */
const pauseForEachMs = 19;

/** Joins what the disk and the cluster remember: an object that either of them names may be ours to prune. */
export async function loadState(options: {
  readonly files: RecordFiles;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<State & { adopt(inventories: ReadonlyMap<string, OwnedObjects>): void }> {
  const { files, clock, log } = options;
  const applications = new Map<string, ApplicationRecord>();
  for (const stored of await files.readAll()) applications.set(stored.name, restore(stored));
  const dirty = new Set<string>();
  const removedUnknown = new Set<string>();
  const write = createWriter(files, applications);
  const save = async (name: string): Promise<void> => {
    dirty.delete(name);
    await write(name);
  };
  const saveAll = async (): Promise<void> => {
    for (const name of dirty) await save(name);
  };
  const ensure = (name: string): ApplicationRecord => {
    const known = applications.get(name) ?? createApplicationRecord(name);
    applications.set(name, known);
    removedUnknown.delete(name);
    return known;
  };
  return {
    name: "state",
    applications,
    ensure,
    find: (key, label) => findPlace(applications, key, label),
    adopt(inventories) {
      for (const [name, { account, entries }] of inventories) {
        const application = ensure(name);
        application.account ||= account;
        for (const entry of entries) adoptEntry(application, entry);
      }
    },
    touch: (application) => void dirty.add(application.name),
    save: ({ name }) => save(name),
    removedUnknown,
    async remove(name, { hooksUnknown }) {
      if (hooksUnknown) removedUnknown.add(name);
      for (const oldest of removedUnknown) if (removedUnknown.size > maxRemoved) removedUnknown.delete(oldest);
      applications.delete(name);
      dirty.delete(name);
      await files.remove(name);
    },
    async run(signal) {
      let tookMs = 0;
      while (!signal.aborted) {
        await clock.sleep(Math.max(saveEveryMs, pauseForEachMs * tookMs), signal).catch(() => undefined);
        const startedAt = clock.now();
        await saveAll().catch((cause: unknown) => log.warn({ err: cause }, "records could not be written"));
        tookMs = clock.now() - startedAt;
      }
    },
  };
}

/** The objects, of all applications, that cannot be applied because of such an obstacle. */
export function* heldBack(
  { applications }: Pick<State, "applications">,
  isSuch: (obstacle: Obstacle) => boolean,
): Generator<Place> {
  for (const application of applications.values()) {
    for (const record of application.objects.values()) {
      if (record.obstacle !== undefined && isSuch(record.obstacle)) yield { application, record };
    }
  }
}

function findPlace(
  applications: ReadonlyMap<string, ApplicationRecord>,
  key: ObjectKey,
  label: string,
): Place | undefined {
  const id = formatObjectKey(key);
  const labelled = applications.get(label);
  const own = labelled?.objects.get(id);
  if (labelled !== undefined && own !== undefined) return { application: labelled, record: own };
  for (const application of applications.values()) {
    const record = application.objects.get(id);
    if (record !== undefined) return { application, record };
  }
  return undefined;
}

/** Writes applications one after the other, so that what is newer is written later. */
function createWriter(
  files: RecordFiles,
  applications: ReadonlyMap<string, ApplicationRecord>,
): (name: string) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (name) => {
    const written = last.then(async () => {
      const application = applications.get(name);
      if (application !== undefined) await files.write(toStored(application));
    });
    last = written.catch(() => undefined);
    return written;
  };
}

function adoptEntry(application: ApplicationRecord, entry: InventoryEntry): void {
  const record = recordOf(application, entry.key, entry.version);
  record.placed = true;
  if (record.uid === "") record.uid = entry.uid;
  record.created ||= entry.created;
  if (entry.ended !== undefined) record.run ??= endedRun(entry.ended);
  if (entry.confirmed) departureOf(record).confirmed = true;
}

function restore(stored: StoredApplication): ApplicationRecord {
  const { objects, ...fields } = stored;
  const records = objects.map((object): [string, ObjectRecord] => [formatObjectKey(object.key), restoreObject(object)]);
  return {
    ...createApplicationRecord(stored.name),
    bundle: fields.bundle,
    namespace: fields.namespace,
    applied: fields.applied,
    previous: fields.previous,
    appliedAtMs: fields.appliedAtMs,
    removal: fields.removal ?? "",
    syncRequest: fields.syncRequest,
    account: fields.account ?? "",
    objects: new Map(records),
  };
}

function restoreObject({ key, version, ...fields }: StoredObject): ObjectRecord {
  return {
    ...createObjectRecord(key, version),
    ...fields,
    replicas: fields.replicas,
    order: fields.order ?? unordered,
    keep: fields.keep ?? false,
    run: fields.run,
    ...(fields.run !== undefined && isOver(fields.run) && fields.uid === ""
      ? { verdict: lastVerdict(fields.run) }
      : {}),
  };
}

function toStored(application: ApplicationRecord): StoredApplication {
  const { name, bundle, namespace, applied, previous, appliedAtMs, removal, syncRequest, account } = application;
  const owned = [...application.objects.values()].filter((record) => record.departure?.released !== true);
  const objects = owned.map(toStoredObject);
  const fields = { name, bundle, namespace, applied, previous, appliedAtMs, syncRequest, account, objects };
  return removal === "" ? fields : { ...fields, removal };
}

function toStoredObject(record: ObjectRecord): StoredObject {
  const { key, version, desired, applied, placed, order, run, replicas, created } = record;
  const { uid, resourceVersion, generation, ownHash, keep } = record;
  return {
    key,
    version,
    desired,
    // A drift that is not repaired yet is found again by its hash; an object that has to be applied for another reason is not.
    applied: record.repair === undefined ? applied : "",
    placed,
    ...(order === unordered ? {} : { order }),
    ...(run === undefined ? {} : { run }),
    ...(replicas === undefined ? {} : { replicas }),
    created,
    uid,
    resourceVersion,
    generation,
    ownHash,
    ...(keep ? { keep } : {}),
  };
}
