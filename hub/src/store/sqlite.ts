import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";

import type { Event } from "@drover/shared/api/types";
import { decodeBundle, type Blob } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";

import type { AuditEntry } from "../core/audit.ts";
import type { BlobSet } from "../core/contents.ts";
import type { Rollout } from "../core/rollout/rollout.ts";
import type { TargetId, TargetRecord } from "../core/target.ts";
import { AccessTables } from "./access-store.ts";
import { readCluster, readSource, readTarget } from "./earlier-records.ts";
import { openDatabase } from "./migrations.ts";
import { PairMap, type Pair } from "./pair-map.ts";
import { parseRecord } from "./parse-record.ts";
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

const eventLimit = 10_000;

/**
 * Opens or creates the store in a file. Throws `store_failed` for a file of a newer Drover or a damaged one: what cannot
 * be read is never replaced by an empty store.
 */
export function openSqliteStore(file: string): Store {
  try {
    return new SqliteStore(openDatabase(file));
  } catch (cause) {
    if (cause instanceof DroverError) throw cause;
    throw new DroverError("store_failed", `the store ${file} cannot be opened`, {
      hint: "restore it from a backup, or move it away to start anew: workloads stay as they are",
      cause,
    });
  }
}

class SqliteStore implements Store {
  readonly hubId: string;
  readonly epoch: string;
  readonly access: AccessTables;
  /** What the next write is to leave in the audit log. */
  #decision: AuditEntry | undefined;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  readonly #sources: Map<string, SourceRecord>;
  readonly #credentials: Map<string, CredentialRecord>;
  readonly #clusters: Map<string, ClusterRecord>;
  readonly #targets = new PairMap<TargetRecord>();
  readonly #observed = new PairMap<ObservedRecord>();
  /** By application, then by strategy. */
  readonly #rollouts = new Map<string, Map<string, Rollout>>();
  readonly #dirtyObserved = new PairMap<Pair>();
  readonly #dirtyClusters = new Set<string>();
  #events: Event[];
  #unwrittenEvents: Event[] = [];
  #lastEvent: number;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.hubId = this.#meta("hub_id");
    this.epoch = this.#meta("epoch");
    const sources = this.#records<SourceRecord>("sources").map(readSource);
    this.#sources = new Map(sources.map((record) => [record.name, record]));
    this.#credentials = new Map(this.#records<CredentialRecord>("credentials").map((record) => [record.name, record]));
    const clusters = this.#records<ClusterRecord>("clusters").map(readCluster);
    this.#clusters = new Map(clusters.map((record) => [record.name, record]));
    for (const record of this.#records<TargetRecord>("targets")) this.#targets.set(record, readTarget(record));
    for (const record of this.#records<ObservedRecord>("observed")) this.#observed.set(record, record);
    for (const record of this.#records<Rollout>("rollouts")) this.#keepRollout(record);
    this.#events = this.#records<Event>("events");
    this.#lastEvent = this.#events.at(-1)?.id ?? 0;
    this.access = new AccessTables(database, (sql, ...values) => this.#run(sql, ...values));
  }

  decide<T>(entry: AuditEntry, write: () => T): T {
    this.#decision = entry;
    try {
      const result = write();
      if (this.#decision !== undefined) this.#transaction(() => undefined);
      return result;
    } finally {
      this.#decision = undefined;
    }
  }

  sources(): readonly SourceRecord[] {
    return [...this.#sources.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  source(name: string): SourceRecord | undefined {
    return this.#sources.get(name);
  }

  putSource(source: SourceRecord): void {
    this.#run("INSERT OR REPLACE INTO sources VALUES (?, ?)", source.name, JSON.stringify(source));
    this.#sources.set(source.name, source);
  }

  deleteSource(name: string): void {
    this.#run("DELETE FROM sources WHERE name = ?", name);
    this.#sources.delete(name);
  }

  credentials(): readonly CredentialRecord[] {
    return [...this.#credentials.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  credential(name: string): CredentialRecord | undefined {
    return this.#credentials.get(name);
  }

  putCredential(credential: CredentialRecord): void {
    this.#run("INSERT OR REPLACE INTO credentials VALUES (?, ?)", credential.name, JSON.stringify(credential));
    this.#credentials.set(credential.name, credential);
  }

  deleteCredential(name: string): void {
    this.#run("DELETE FROM credentials WHERE name = ?", name);
    this.#credentials.delete(name);
  }

  clusters(): readonly ClusterRecord[] {
    return [...this.#clusters.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  cluster(name: string): ClusterRecord | undefined {
    return this.#clusters.get(name);
  }

  putCluster(cluster: ClusterRecord): void {
    this.#writeCluster(cluster);
    this.#clusters.set(cluster.name, cluster);
  }

  deleteCluster(name: string): void {
    this.#transaction(() => {
      this.#run("DELETE FROM clusters WHERE name = ?", name);
      this.#run("DELETE FROM targets WHERE cluster = ?", name);
      this.#run("DELETE FROM observed WHERE cluster = ?", name);
      this.#run("DELETE FROM join_tokens WHERE json_extract(record, '$.cluster') = ?", name);
    });
    this.#clusters.delete(name);
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
    this.#run("DELETE FROM join_tokens WHERE expires_at < ?", token.expiresAtMs - 86_400_000);
    this.#writeJoinToken(token);
  }

  joinToken(id: string): JoinTokenRecord | undefined {
    const row = this.#prepare("SELECT record FROM join_tokens WHERE id = ?").get(id);
    return row === undefined ? undefined : parseRecord<JoinTokenRecord>(row);
  }

  join(token: JoinTokenRecord, cluster: ClusterRecord): void {
    this.#transaction(() => {
      this.#writeJoinToken(token);
      this.#writeCluster(cluster);
    });
    this.#clusters.set(cluster.name, cluster);
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
    const touched = new Set([...change.put, ...change.forget].map((target) => target.cluster));
    const clusters = [...touched]
      .flatMap((name) => this.#clusters.get(name) ?? [])
      .map((cluster) => ({ ...cluster, generation: cluster.generation + 1 }));
    this.#transaction(() => {
      this.#writeBlobs(change.blobs);
      for (const target of change.put) {
        const { app, cluster } = target;
        this.#run("INSERT OR REPLACE INTO targets VALUES (?, ?, ?)", app, cluster, JSON.stringify(target));
      }
      for (const { app, cluster } of change.forget) {
        this.#run("DELETE FROM targets WHERE app = ? AND cluster = ?", app, cluster);
        this.#run("DELETE FROM observed WHERE app = ? AND cluster = ?", app, cluster);
      }
      for (const cluster of clusters) this.#writeCluster(cluster);
      for (const rollout of change.rollouts ?? []) this.#writeRollout(rollout);
    });
    for (const cluster of clusters) this.#clusters.set(cluster.name, cluster);
    for (const rollout of change.rollouts ?? []) this.#keepRollout(rollout);
    for (const target of change.put) this.#targets.set(target, target);
    for (const id of change.forget) {
      this.#targets.delete(id);
      this.#observed.delete(id);
      this.#dirtyObserved.delete(id);
    }
  }

  keep({ digest, bytes }: Blob): void {
    this.#run("INSERT OR IGNORE INTO blobs VALUES (?, ?)", digest, bytes);
  }

  blob(digest: Digest): Uint8Array | undefined {
    const bytes = this.#prepare("SELECT bytes FROM blobs WHERE digest = ?").get(digest)?.["bytes"];
    return bytes instanceof Uint8Array ? bytes : undefined;
  }

  collectBlobs(): number {
    const needed = new Set<Digest>([...this.#clusters.values()].flatMap(({ apis }) => apis ?? []));
    const rollouts = [...this.#rollouts.values()].flatMap((byStrategy) => [...byStrategy.values()]);
    const before = rollouts.flatMap(({ previous }) => Object.values(previous));
    for (const bundle of new Set([...this.#targets.values(), ...before].map((target) => target.bundle))) {
      needed.add(bundle);
      const bytes = this.blob(bundle);
      if (bytes !== undefined) for (const digest of decodeBundle(bundle, bytes).objects) needed.add(digest);
    }
    const unneeded = this.#prepare("SELECT digest FROM blobs")
      .all()
      .map((row) => String(row["digest"]))
      .filter((digest) => !needed.has(digest));
    this.#transaction(() => {
      for (const digest of unneeded) this.#run("DELETE FROM blobs WHERE digest = ?", digest);
    });
    return unneeded.length;
  }

  rolloutsOf(app: string): readonly Rollout[] {
    return [...(this.#rollouts.get(app)?.values() ?? [])];
  }

  putRollout(rollout: Rollout): void {
    this.#writeRollout(rollout);
    this.#keepRollout(rollout);
  }

  confirmedReach(app: string): string {
    return String(this.#prepare("SELECT digest FROM confirmed_reach WHERE app = ?").get(app)?.["digest"] ?? "");
  }

  confirmReach(app: string, digest: string): void {
    if (digest === "") this.#run("DELETE FROM confirmed_reach WHERE app = ?", app);
    else this.#run("INSERT OR REPLACE INTO confirmed_reach VALUES (?, ?)", app, digest);
  }

  deleteRollout({ app, strategy }: Pick<Rollout, "app" | "strategy">): void {
    this.#run("DELETE FROM rollouts WHERE app = ? AND strategy = ?", app, strategy);
    const left = this.#rollouts.get(app);
    left?.delete(strategy);
    if (left?.size === 0) this.#rollouts.delete(app);
  }

  observed(id: TargetId): ObservedRecord | undefined {
    return this.#observed.get(id);
  }

  observe(record: ObservedRecord): void {
    this.#observed.set(record, record);
    this.#dirtyObserved.set(record, { app: record.app, cluster: record.cluster });
  }

  appendEvent(event: Omit<Event, "id">): Event {
    this.#lastEvent += 1;
    const numbered = { id: this.#lastEvent, ...event };
    this.#events.push(numbered);
    this.#unwrittenEvents.push(numbered);
    if (this.#events.length > eventLimit * 1.2) this.#events = this.#events.slice(-eventLimit);
    return numbered;
  }

  events(): readonly Event[] {
    return this.#events;
  }

  flush(): void {
    if (this.#unwrittenEvents.length + this.#dirtyClusters.size === 0 && this.#dirtyObserved.size === 0) return;
    this.#transaction(() => {
      for (const { app, cluster } of this.#dirtyObserved.values()) {
        const record = JSON.stringify(this.#observed.get({ app, cluster }));
        this.#run("INSERT OR REPLACE INTO observed VALUES (?, ?, ?)", app, cluster, record);
      }
      for (const name of this.#dirtyClusters) {
        const cluster = this.#clusters.get(name);
        if (cluster !== undefined) this.#writeCluster(cluster);
      }
      for (const event of this.#unwrittenEvents.slice(-eventLimit)) {
        this.#run("INSERT INTO events VALUES (?, ?)", event.id, JSON.stringify(event));
      }
      this.#run("DELETE FROM events WHERE id <= ?", this.#lastEvent - eventLimit);
    });
    this.#dirtyObserved.clear();
    this.#dirtyClusters.clear();
    this.#unwrittenEvents = [];
  }

  close(): void {
    this.flush();
    this.#database.close();
  }

  #meta(key: string): string {
    this.#run("INSERT OR IGNORE INTO meta VALUES (?, ?)", key, randomUUID());
    return String(this.#prepare("SELECT value FROM meta WHERE key = ?").get(key)?.["value"]);
  }

  #records<T>(table: "sources" | "credentials" | "clusters" | "targets" | "observed" | "rollouts" | "events"): T[] {
    return this.#prepare(`SELECT record FROM ${table}${table === "events" ? " ORDER BY id" : ""}`)
      .all()
      .map((row) => parseRecord<T>(row));
  }

  #writeCluster(cluster: ClusterRecord): void {
    const record = JSON.stringify(cluster);
    this.#run("INSERT OR REPLACE INTO clusters VALUES (?, ?, ?)", cluster.name, cluster.generation, record);
  }

  #writeBlobs(blobs: BlobSet): void {
    const known = this.#prepare("SELECT 1 FROM blobs WHERE digest = ?");
    for (const digest of blobs.keys()) {
      const bytes = known.get(digest) === undefined ? blobs.get(digest) : undefined;
      if (bytes !== undefined) this.#run("INSERT INTO blobs VALUES (?, ?)", digest, bytes);
    }
  }

  #writeRollout(rollout: Rollout): void {
    const { app, strategy } = rollout;
    this.#run("INSERT OR REPLACE INTO rollouts VALUES (?, ?, ?)", app, strategy, JSON.stringify(rollout));
  }

  #keepRollout(rollout: Rollout): void {
    const others = this.#rollouts.get(rollout.app) ?? new Map<string, Rollout>();
    this.#rollouts.set(rollout.app, others.set(rollout.strategy, rollout));
  }

  #writeJoinToken(token: JoinTokenRecord): void {
    this.#run(
      "INSERT OR REPLACE INTO join_tokens VALUES (?, ?, ?)",
      token.id,
      token.expiresAtMs,
      JSON.stringify(token),
    );
  }

  #transaction(body: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      body();
      if (this.#decision !== undefined) this.access.append(this.#decision);
      this.#database.exec("COMMIT");
      this.#decision = undefined;
    } catch (cause) {
      this.#database.exec("ROLLBACK");
      throw new DroverError("store_failed", "the store refused a write", { hint: "is its disk full?", cause });
    }
  }

  #run(sql: string, ...values: readonly (string | number | Uint8Array)[]): void {
    if (this.#decision === undefined || this.#database.isTransaction) this.#prepare(sql).run(...values);
    else this.#transaction(() => void this.#prepare(sql).run(...values));
  }

  #prepare(sql: string) {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
