import type { Ledger } from "./ledger.ts";

/** What a store of records works with beside its database. */
export interface StoreParts {
  /** Of the certificates that were ended; none for a store that is only looked at. */
  readonly ledger: Ledger;
  /** Names the hub and its epochs; has to be unique for ever. */
  readonly newId: () => string;
}
