import type { Clock } from "./clock.ts";
import type { Kinds } from "./resources/kinds.ts";
import type { Store } from "./storage/store.ts";

export type User = { readonly name: string; readonly groups: readonly string[] };

/** Whom a bearer token stands for; one of a service account is worth nothing once that account is gone. */
export type TokenUser = User & {
  readonly account?: { readonly namespace: string; readonly name: string; readonly uid: string };
};

/** Delays and limits of one cluster; see `ClusterOptions` for what they mean. */
export type Settings = {
  readonly readyDelayMs: number;
  readonly bookmarkIntervalMs: number;
  readonly gitVersion: string;
};

/** Everything that the parts of one cluster share. */
export type ClusterState = {
  readonly name: string;
  readonly clock: Clock;
  readonly store: Store;
  readonly kinds: Kinds;
  readonly settings: Settings;
  readonly newUid: () => string;
  /** Random lower-case suffix of generated names. */
  readonly newSuffix: () => string;
  /** Bearer tokens and who they stand for. */
  readonly tokens: Map<string, TokenUser>;
};
