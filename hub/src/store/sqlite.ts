import { randomUUID } from "node:crypto";

import type { Event } from "@drover/shared/api/types";
import { decodeBundle, type Blob } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";

import type { AuditEntry } from "../core/audit.ts";
import type { Enrolment } from "../core/enrolment.ts";
import type { Receipt } from "../core/receipt.ts";
import type { Era } from "../core/recovery.ts";
import type { Rollout } from "../core/rollout/rollout.ts";
import type { TargetId, TargetRecord } from "../core/target.ts";
import { AccessTables } from "./access-store.ts";
import { BlobTable } from "./blob-table.ts";
import type { CommonParts } from "./common-parts.ts";
import { openDatabase, type Database } from "./database.ts";
import { readSource } from "./earlier-records.ts";
import { createEncryption, type Encryption } from "./encryption.ts";
import { EnrolmentTable } from "./enrolments.ts";
import { EventTable } from "./event-table.ts";
import { FleetRecords } from "./fleet-records.ts";
import { Ledger, ledgerFile } from "./ledger.ts";
import { nextGenerations } from "./next-generation.ts";
import { PairMap, type Pair } from "./pair-map.ts";
import { parseRecord } from "./parse-record.ts";
import { PinTable } from "./pins.ts";
import { RolloutTable } from "./rollout-table.ts";
import { seal } from "./sealed.ts";
import { SecretTable } from "./secret-table.ts";
import type { SharedValues } from "./shared-values.ts";
import { newStoreKeys, openStoreKeys, storeKeyFile } from "./store-keys.ts";
import type { StoreFiles, StoreParts } from "./store-parts.ts";
import type {
  AssignmentChange,
  ClusterRecord,
  CredentialRecord,
  JoinTokenRecord,
  ObservedRecord,
  Seen,
  SourceRecord,
  Store,
} from "./store.ts";
import { neededStoreKeys, Vault } from "./vault.ts";

/**
 * Opens or creates the store in a file; see `openDatabase` for what it refuses. Throws `store_key_missing` as well, and then
 * leaves everything as it is. Where nothing is encrypted yet, the key file is made if it is not there.
 */
export function openSqliteStore(file: string, { reserve, keyFile = storeKeyFile(file) }: StoreFiles = {}): Store {
  const fleet = new FleetRecords();
  const database = openDatabase(file, { reserve, visit: fleet.take });
  if (file === ":memory:") return new SqliteStore(database, { storeKeys: newStoreKeys() });
  try {
    const storeKeys = openStoreKeys(keyFile, neededStoreKeys(database));
    return new SqliteStore(database, { storeKeys, fleet, ledger: new Ledger(ledgerFile(file)) });
  } catch (cause) {
    database[Symbol.dispose]();
    throw cause;
  }
}

export class SqliteStore implements Store {
  readonly hubId: string;
  readonly access: AccessTables;
  readonly #database: Database;
  readonly #newId: () => string;
  #era: Era;
  readonly encryption: Encryption;
  readonly #sources: SecretTable<SourceRecord>;
  readonly #credentials: SecretTable<CredentialRecord>;
  readonly #blobs: BlobTable;
  readonly #clusters: Map<string, ClusterRecord>;
  /** Sorted; undefined when there are others now. */
  #clusterNames: readonly string[] | undefined;
  readonly enrolments: EnrolmentTable;
  readonly pins: PinTable;
  readonly #targets: PairMap<TargetRecord>;
  readonly #observed: PairMap<ObservedRecord>;
  readonly #rollouts: RolloutTable;
  readonly #parts: CommonParts;
  readonly #dirtyObserved = new PairMap<Pair>();
  readonly #dirtyClusters = new Set<string>();
  readonly #shared: SharedValues;
  readonly #events: EventTable;

  constructor(
    database: Database,
    { storeKeys, ledger, newId = randomUUID, fleet = FleetRecords.of(database) }: StoreParts,
  ) {
    this.#database = database;
    this.#newId = newId;
    ({ hubId: this.hubId, ...this.#era } = this.#identity());
    const vault = new Vault(database, storeKeys);
    this.#sources = new SecretTable(database, vault, "sources", readSource);
    this.#credentials = new SecretTable(database, vault, "credentials", (record) => record);
    this.#blobs = new BlobTable(database, vault);
    const encrypted = { database, vault, blobs: this.#blobs, secrets: [this.#sources, this.#credentials] };
    this.encryption = createEncryption(encrypted, storeKeys);
    ({ clusters: this.#clusters, targets: this.#targets, observed: this.#observed } = fleet);
    ({ parts: this.#parts, shared: this.#shared } = fleet);
    this.enrolments = new EnrolmentTable(database, ledger);
    this.pins = new PinTable(database);
    this.#rollouts = new RolloutTable(database);
    this.#events = new EventTable(database);
    this.access = new AccessTables(database);
  }

  decide<T>(entry: AuditEntry, write: () => T, receipt?: Receipt): T {
    return this.#database.together(() => {
      this.access.append(entry);
      if (receipt !== undefined) this.access.putReceipt(receipt);
    }, write);
  }

  get era(): Era {
    return this.#era;
  }

  beginEpoch({ confirmed }: Pick<Era, "confirmed">): void {
    const era = { epoch: this.#newId(), confirmed };
    this.#database.run("UPDATE meta SET value = ? WHERE key = 'identity'", seal({ hubId: this.hubId, ...era }));
    this.#era = era;
  }

  async copyTo(file: string): Promise<void> {
    this.flush();
    await this.#database.copyTo(file);
  }

  sources(): readonly SourceRecord[] {
    return this.#sources.all();
  }

  source(name: string): SourceRecord | undefined {
    return this.#sources.get(name);
  }

  putSource(source: SourceRecord): void {
    this.#sources.put(source);
  }

  noteSource(source: SourceRecord): void {
    this.#database.unsynced(() => this.#sources.put(source));
  }

  deleteSource(name: string): void {
    this.#sources.delete(name);
  }

  credentials(): readonly CredentialRecord[] {
    return this.#credentials.all();
  }

  credential(name: string): CredentialRecord | undefined {
    return this.#credentials.get(name);
  }

  putCredential(credential: CredentialRecord): void {
    this.#credentials.put(credential);
  }

  deleteCredential(name: string): void {
    this.#credentials.delete(name);
  }

  clusters(): readonly ClusterRecord[] {
    this.#clusterNames ??= [...this.#clusters.keys()].toSorted();
    return this.#clusterNames.flatMap((name) => this.#clusters.get(name) ?? []);
  }

  cluster(name: string): ClusterRecord | undefined {
    return this.#clusters.get(name);
  }

  putCluster(cluster: ClusterRecord): void {
    this.putClusters([cluster]);
  }

  putClusters(clusters: readonly ClusterRecord[]): void {
    this.#database.transaction(() => clusters.forEach((cluster) => this.#writeCluster(cluster)));
    for (const cluster of clusters) {
      if (!this.#clusters.has(cluster.name)) this.#clusterNames = undefined;
      this.#clusters.set(cluster.name, cluster);
    }
  }

  deleteCluster(name: string): void {
    this.#database.transaction(() => {
      this.#database.run("DELETE FROM clusters WHERE name = ?", name);
      this.#database.run("DELETE FROM targets WHERE cluster = ?", name);
      this.#database.run("DELETE FROM observed WHERE cluster = ?", name);
      this.#database.run("DELETE FROM join_tokens WHERE json_extract(record, '$.cluster') = ?", name);
    });
    this.#clusters.delete(name);
    this.#clusterNames = undefined;
    this.#dirtyClusters.delete(name);
    for (const record of this.#targets.byCluster(name)) this.#targets.delete(record);
    for (const record of this.#observed.byCluster(name)) {
      this.#observed.delete(record);
      this.#dirtyObserved.delete(record);
    }
  }

  touchCluster(name: string, seen: Seen): void {
    const cluster = this.#clusters.get(name);
    if (cluster === undefined) return;
    this.#clusters.set(name, { ...cluster, ...seen });
    this.#dirtyClusters.add(name);
  }

  putJoinToken(token: JoinTokenRecord): void {
    this.enrolments.writeToken(token);
  }

  joinToken(id: string): JoinTokenRecord | undefined {
    const row = this.#database.get("SELECT record FROM join_tokens WHERE id = ?", id);
    return row === undefined ? undefined : parseRecord<JoinTokenRecord>(row);
  }

  join(token: JoinTokenRecord, cluster: ClusterRecord, enrolment: Enrolment): void {
    this.#database.transaction(() => {
      this.enrolments.writeToken(token);
      this.#writeCluster(cluster);
      this.enrolments.write(enrolment);
    });
    this.#clusterNames = undefined;
    this.#clusters.set(cluster.name, cluster);
    this.enrolments.keep(enrolment);
  }

  applications(): readonly string[] {
    return this.#targets.apps();
  }

  target(id: TargetId): TargetRecord | undefined {
    return this.#targets.get(id);
  }

  targetsOf(app: string): readonly TargetRecord[] {
    return this.#targets.byApp(app);
  }

  targetsOn(cluster: string): readonly TargetRecord[] {
    return this.#targets.byCluster(cluster);
  }

  assign(change: AssignmentChange): void {
    const clusters = nextGenerations(change, (name) => this.#clusters.get(name));
    this.#database.transaction(() => {
      this.#parts.begin(this.#database);
      this.#blobs.write(change.blobs);
      for (const target of change.put) {
        const row = seal(this.#parts.packTarget(target));
        this.#database.run("INSERT OR REPLACE INTO targets VALUES (?, ?, ?)", target.app, target.cluster, row);
      }
      for (const { app, cluster } of change.forget) {
        this.#database.run("DELETE FROM targets WHERE app = ? AND cluster = ?", app, cluster);
        this.#database.run("DELETE FROM observed WHERE app = ? AND cluster = ?", app, cluster);
      }
      for (const cluster of clusters) this.#writeCluster(cluster);
      this.#rollouts.write(change.rollouts ?? []);
    });
    this.#parts.settle();
    for (const cluster of clusters) this.#clusters.set(cluster.name, cluster);
    this.#rollouts.keep(change.rollouts ?? []);
    for (const target of change.put) this.#targets.set(target, this.#shared.target(target));
    for (const id of change.forget) {
      this.#targets.delete(id);
      this.#observed.delete(id);
      this.#dirtyObserved.delete(id);
    }
  }

  keep(blob: Blob): void {
    this.#blobs.put(blob);
  }

  blob(digest: Digest): Uint8Array | undefined {
    return this.#blobs.get(digest);
  }

  collectBlobs(): number {
    const needed = new Set<Digest>([...this.#clusters.values()].flatMap(({ apis }) => apis ?? []));
    const rollouts = this.#rollouts.all();
    const before = rollouts.flatMap(({ previous, rest = {} }) => [...Object.values(previous), ...Object.values(rest)]);
    for (const bundle of new Set([...this.#targets.values(), ...before].map((target) => target.bundle))) {
      needed.add(bundle);
      const bytes = this.blob(bundle);
      if (bytes !== undefined) for (const digest of decodeBundle(bundle, bytes).objects) needed.add(digest);
    }
    this.#parts.collect(this.#database);
    return this.#blobs.retain(needed);
  }

  rolloutsOf(app: string): readonly Rollout[] {
    return this.#rollouts.of(app);
  }

  putRollouts(rollouts: readonly Rollout[]): void {
    this.#rollouts.put(rollouts);
  }

  confirmedReach(app: string): string {
    const digest = this.#database.get("SELECT digest FROM confirmed_reach WHERE app = ?", app)?.["digest"];
    return typeof digest === "string" ? digest : "";
  }

  confirmReach(app: string, digest: string): void {
    if (digest === "") this.#database.run("DELETE FROM confirmed_reach WHERE app = ?", app);
    else this.#database.run("INSERT OR REPLACE INTO confirmed_reach VALUES (?, ?)", app, digest);
  }

  deleteRollout(id: Pick<Rollout, "app" | "strategy">): void {
    this.#rollouts.delete(id);
  }

  observed(id: TargetId): ObservedRecord | undefined {
    return this.#observed.get(id);
  }

  observe(record: ObservedRecord): void {
    const before = this.#observed.get(record);
    this.#observed.set(record, before?.report === record.report ? record : this.#shared.observed(record));
    // That a cluster is out of reach is found out anew at a start, and not worth a write for each of its targets.
    const isReach = before?.state === "offline" || record.state === "offline";
    if (isReach && before?.report === record.report && before !== undefined) return;
    this.#dirtyObserved.set(record, { app: record.app, cluster: record.cluster });
  }

  appendEvent(event: Omit<Event, "id">): Event {
    return this.#events.append(event);
  }

  events(): readonly Event[] {
    return this.#events.all();
  }

  flush(): void {
    if (!this.#events.hasNews && this.#dirtyClusters.size + this.#dirtyObserved.size === 0) return;
    this.#database.unsynced(() => {
      this.#parts.begin(this.#database);
      for (const { app, cluster } of this.#dirtyObserved.values()) {
        const record = this.#observed.get({ app, cluster });
        if (record === undefined) continue;
        const row = seal(this.#parts.packObserved(record));
        this.#database.run("INSERT OR REPLACE INTO observed VALUES (?, ?, ?)", app, cluster, row);
      }
      for (const name of this.#dirtyClusters) {
        const cluster = this.#clusters.get(name);
        if (cluster !== undefined) this.#writeCluster(cluster);
      }
      this.#events.write();
    });
    this.#parts.settle();
    this.#dirtyObserved.clear();
    this.#dirtyClusters.clear();
    this.#events.settle();
  }

  close(): void {
    try {
      this.flush();
    } finally {
      this.#database[Symbol.dispose]();
    }
  }

  #identity(): Era & Pick<Store, "hubId"> {
    const meta = (key: string) => this.#database.get("SELECT value FROM meta WHERE key = ?", key)?.["value"];
    const known = meta("identity");
    if (known !== undefined) return parseRecord<Era & Pick<Store, "hubId">>({ record: known });
    // Earlier versions kept the two apart.
    const identity = {
      hubId: String(meta("hub_id") ?? this.#newId()),
      epoch: String(meta("epoch") ?? this.#newId()),
      confirmed: false,
    };
    this.#database.run("INSERT INTO meta VALUES ('identity', ?)", seal(identity));
    return identity;
  }

  #writeCluster(cluster: ClusterRecord): void {
    const record = seal(cluster);
    this.#database.run("INSERT OR REPLACE INTO clusters VALUES (?, ?, ?)", cluster.name, cluster.generation, record);
  }
}
