import { isRecord } from "@drover/shared/json";
import type { ObjectKey } from "@drover/shared/kube/manifest";

/** One object that an application owns in its cluster. */
export interface InventoryEntry {
  readonly key: ObjectKey;
  readonly version: string;
  /** "" until the server has told it. */
  readonly uid: string;
  readonly created: boolean;
  /** A person has confirmed that it is to be deleted. */
  readonly confirmed: boolean;
  /** Last run of a Job or a hook that has come to its end: it is not to be run again, even by an agent without a disk. */
  readonly ended?: { readonly id: string; readonly outcome: "success" | "failure" };
}

/** What one application owns, and whose rights it is applied with. */
export interface OwnedObjects {
  /** Service account as `namespace/name`; "" = the agent's own rights. */
  readonly account: string;
  readonly entries: readonly InventoryEntry[];
}

/** ConfigMaps of the agent's own namespace: the least that keeping an inventory asks of a cluster. */
export interface ConfigMaps {
  list(labelSelector: string, signal: AbortSignal): Promise<readonly ConfigMap[]>;
  apply(map: ConfigMap, signal: AbortSignal): Promise<void>;
  remove(name: string, signal: AbortSignal): Promise<void>;
}

export interface ConfigMap {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
}

/**
 * What every application owns, kept in the cluster itself: an agent that lost its disk still knows what it may prune.
 * Entries are written before the objects they name, and taken out after the objects are gone.
 */
export interface Inventory {
  /** What all applications own, as the cluster has it. */
  read(signal: AbortSignal): Promise<ReadonlyMap<string, OwnedObjects>>;
  /** Makes this the application's inventory; no request when it is so already. */
  write(application: string, owned: OwnedObjects, signal: AbortSignal): Promise<void>;
  remove(application: string, signal: AbortSignal): Promise<void>;
}

/** Keeps each ConfigMap below 256 KiB. */
const shardSize = 500;
export const inventoryLabel = "drover.dev/inventory";

export function createInventory(maps: ConfigMaps): Inventory {
  /** Application → shard name → shard, as last read or written. */
  const written = new Map<string, Map<string, Shard>>();
  const write = async (application: string, texts: readonly Shard[], signal: AbortSignal): Promise<void> => {
    const shards = written.get(application) ?? new Map<string, Shard>();
    written.set(application, shards);
    const wanted = new Map(texts.map((shard, index) => [shardName(application, index), shard]));
    for (const [name, shard] of wanted) {
      const { account, entries } = shard;
      const known = shards.get(name);
      if (known?.entries === entries && known.account === account) continue;
      const data = { entries, ...(account === "" ? {} : { account }) };
      await maps.apply({ name, labels: { [inventoryLabel]: application }, data }, signal);
      shards.set(name, shard);
    }
    for (const name of [...shards.keys()].filter((name) => !wanted.has(name))) {
      await maps.remove(name, signal);
      shards.delete(name);
    }
  };
  return {
    async read(signal) {
      const found = new Map<string, OwnedObjects>();
      written.clear();
      for (const { name, labels, data } of await maps.list(inventoryLabel, signal)) {
        const application = labels[inventoryLabel] ?? "";
        const shard: Shard = { account: data["account"] ?? "", entries: data["entries"] ?? "" };
        const shards = written.get(application) ?? new Map<string, Shard>();
        written.set(application, shards.set(name, shard));
        const before = found.get(application);
        const entries = [...(before?.entries ?? []), ...decodeEntries(shard.entries)];
        found.set(application, { account: shard.account || (before?.account ?? ""), entries });
      }
      return found;
    },
    write: (application, { account, entries }, signal) =>
      write(
        application,
        encodeShards(entries).map((text) => ({ account, entries: text })),
        signal,
      ),
    async remove(application, signal) {
      await write(application, [], signal);
      written.delete(application);
    },
  };
}

interface Shard {
  readonly account: string;
  readonly entries: string;
}

/** A dot cannot be part of an application's name, so no shard can be another application's inventory. */
function shardName(application: string, index: number): string {
  return `drover-inventory-${application}${index === 0 ? "" : `.${index}`}`;
}

/** The seventh cell of a row is their sum. */
const createdFlag = 1;
const confirmedFlag = 2;

function encodeShards(entries: readonly InventoryEntry[]): readonly string[] {
  const rows = entries.map(({ key, version, uid, created, confirmed, ended }) => {
    const flags = (created ? createdFlag : 0) + (confirmed ? confirmedFlag : 0);
    const row = [key.group, key.kind, version, key.namespace, key.name, uid];
    if (ended !== undefined) return JSON.stringify([...row, flags, ended.id, ended.outcome]);
    return JSON.stringify(flags === 0 ? row : [...row, flags]);
  });
  const sorted = rows.toSorted();
  const shards: string[] = [];
  for (let start = 0; start < sorted.length; start += shardSize) {
    shards.push(`[${sorted.slice(start, start + shardSize).join(",\n")}]`);
  }
  return shards;
}

/** Rows that are no entries are left out: an inventory that somebody spoilt must not stop the agent. */
function decodeEntries(text: string): readonly InventoryEntry[] {
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch {
    return [];
  }
  return (Array.isArray(rows) ? rows : []).flatMap((row: unknown): readonly InventoryEntry[] => {
    if (!Array.isArray(row) || isRecord(row)) return [];
    const [group, kind, version, namespace, name, uid, flags, id, outcome] = row as readonly unknown[];
    const texts = [group, kind, version, namespace, name, uid].filter((cell) => typeof cell === "string");
    const [g, k, v, ns, n, u] = texts;
    if (texts.length !== 6 || g === undefined || k === undefined || v === undefined) return [];
    if (ns === undefined || n === undefined || u === undefined) return [];
    const has = (flag: number): boolean => typeof flags === "number" && (flags & flag) !== 0;
    const marks = { created: has(createdFlag), confirmed: has(confirmedFlag) };
    const entry = { key: { group: g, kind: k, namespace: ns, name: n }, version: v, uid: u, ...marks };
    if (typeof id !== "string" || (outcome !== "success" && outcome !== "failure")) return [entry];
    return [{ ...entry, ended: { id, outcome } }];
  });
}
