import type { TargetRecord } from "../core/target.ts";
import { visitRecords } from "./check.ts";
import { CommonParts, isPacked, type Row } from "./common-parts.ts";
import type { Database } from "./database.ts";
import { readCluster, readTarget } from "./earlier-records.ts";
import { PairMap } from "./pair-map.ts";
import { SharedValues } from "./shared-values.ts";
import type { ClusterRecord, ObservedRecord } from "./store.ts";

/** What a store has of each cluster and target, in memory: nearly all of what it reads at its start. */
export class FleetRecords {
  readonly clusters = new Map<string, ClusterRecord>();
  readonly targets = new PairMap<TargetRecord>();
  readonly observed = new PairMap<ObservedRecord>();
  readonly parts = new CommonParts();
  readonly shared = new SharedValues();

  static of(database: Database): FleetRecords {
    const fleet = new FleetRecords();
    visitRecords((sql) => database.each(sql), fleet.take);
    return fleet;
  }

  /** Takes what `visitRecords` hands out, and leaves to others what is not of the fleet. */
  readonly take = (table: string, record: object, row: { readonly [column: string]: unknown }): void => {
    // Rows were written by this store, from records of these shapes, and have their seals.
    if (table === "parts") this.parts.take(String(row["name"]), record);
    else if (table === "clusters") this.#takeCluster(record as ClusterRecord);
    else if (table === "targets") this.#takeTarget(record as Row<TargetRecord>);
    else if (table === "observed") this.#takeObserved(record as Row<ObservedRecord>);
  };

  #takeCluster(record: ClusterRecord): void {
    this.clusters.set(record.name, readCluster(record));
  }

  #takeTarget(row: Row<TargetRecord>): void {
    const record = readTarget(this.parts.unpackTarget(row));
    this.targets.set(record, isPacked(row) ? record : this.shared.target(record));
  }

  #takeObserved(row: Row<ObservedRecord>): void {
    const record = this.parts.unpackObserved(row);
    this.observed.set(record, isPacked(row) ? record : this.shared.observed(record));
  }
}
