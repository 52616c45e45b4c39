import { join } from "node:path";

import { isRecord, listAt, textAt } from "@drover/shared/json";

import type { Run } from "../core/run.ts";
import type { Disk } from "./disk.ts";
import { readOptional, replaceFile } from "./file.ts";

/** What a restart needs to know of an object to see without a request that nothing has changed. */
export interface StoredObject {
  readonly key: { readonly group: string; readonly kind: string; readonly namespace: string; readonly name: string };
  readonly version: string;
  readonly desired: string;
  readonly applied: string;
  readonly placed: boolean;
  /** Absent for what says nothing of it. */
  readonly order?: { readonly wave: number; readonly dependsOn: readonly string[]; readonly defines: string };
  /** Of a Job or a hook. */
  readonly run?: Run;
  readonly replicas?: number;
  readonly created: boolean;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly ownHash: string;
  /** Absent: its manifest does not say that it is never to be deleted. */
  readonly keep?: boolean;
}

export interface StoredApplication {
  readonly name: string;
  readonly bundle: string;
  readonly namespace: string;
  readonly applied: string;
  readonly previous: string;
  readonly appliedAtMs: number;
  /** Absent when none has begun. */
  readonly removal?: string;
  readonly syncRequest: number;
  /** Absent in files of before there were accounts. */
  readonly account?: string;
  readonly objects: readonly StoredObject[];
}

/** Part of the file's format: a version of the agent that sends other bodies for the same digest has to raise it. */
const format = "drover.dev/records/v2";

/** A cache: when it is lost or behind, objects are applied once more, which changes nothing in the cluster. */
export interface RecordFiles {
  /** Files that are not readable are left out. */
  readAll(): Promise<readonly StoredApplication[]>;
  write(application: StoredApplication): Promise<void>;
  remove(name: string): Promise<void>;
}

export function openRecordFiles(disk: Disk, folder: string): RecordFiles {
  const pathOf = (name: string): string => join(folder, `${encodeURIComponent(name)}.json`);
  return {
    async readAll() {
      const names = await disk.list(folder);
      const files = names.filter((name) => name.endsWith(".json"));
      const read = await Promise.all(files.map(async (name) => decode(await readOptional(disk, join(folder, name)))));
      return read.filter((application) => application !== undefined);
    },
    write: (application) =>
      replaceFile(disk, pathOf(application.name), JSON.stringify({ format, ...application }), { durable: false }),
    remove: (name) => disk.remove(pathOf(name)),
  };
}

function decode(bytes: Uint8Array | undefined): StoredApplication | undefined {
  if (bytes === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  const objects = listAt(value, "objects");
  return isStoredApplication(value) && objects.every(isStoredObject) ? { ...value, objects } : undefined;
}

function isStoredApplication(value: unknown): value is Omit<StoredApplication, "objects"> {
  if (!isRecord(value) || value["format"] !== format) return false;
  const texts = ["name", "bundle", "namespace", "applied", "previous"];
  return texts.every((field) => typeof value[field] === "string") && typeof value["syncRequest"] === "number";
}

function isStoredObject(value: unknown): value is StoredObject {
  if (!isRecord(value) || !isRecord(value["key"])) return false;
  const texts = ["version", "desired", "applied", "uid", "resourceVersion", "ownHash"];
  const keys = ["group", "kind", "namespace", "name"];
  return (
    texts.every((field) => typeof value[field] === "string") &&
    keys.every((field) => textAt(value, "key", field) !== undefined)
  );
}
