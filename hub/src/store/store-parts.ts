import type { FleetRecords } from "./fleet-records.ts";
import type { Ledger } from "./ledger.ts";
import type { Reserve } from "./reserve.ts";
import type { StoreKeys } from "./store-keys.ts";

/** What a store of records works with beside its database. */
export interface StoreParts {
  /** What it is encrypted with. */
  readonly storeKeys: StoreKeys;
  /** Of the certificates that were ended; none for a store that is only looked at. */
  readonly ledger?: Ledger;
  /** What was read of the database already. Default: it is read. */
  readonly fleet?: FleetRecords;
  /** Names the hub and its epochs; has to be unique for ever. */
  readonly newId?: () => string;
}

/** What a store that is a file works with beside that one. */
export interface StoreFiles {
  readonly reserve?: Reserve;
  /** Of the store keys. */
  readonly keyFile?: string;
}
