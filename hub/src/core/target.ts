import type { Digest } from "@drover/shared/digest";
import type { ReleaseSignature } from "@drover/shared/link/link";
import type { SyncOptions } from "@drover/shared/sync-options";

export interface TargetId {
  readonly app: string;
  readonly cluster: string;
}

/** What a cluster is to run of one application: decided here, kept in the store, sent as an assignment. */
export interface TargetRecord extends TargetId {
  /** Repositories that declare and place it, sorted: only when all of them were read whole can it be taken away. */
  readonly declaredIn: readonly string[];
  readonly bundle: Digest;
  readonly objects: number;
  readonly repository: string;
  readonly commit: string;
  readonly namespace: string;
  readonly createNamespace: boolean;
  readonly prune: boolean;
  readonly sync: SyncOptions;
  /** What becomes of its objects when it is removed: they go, or they stay and are nobody's. */
  readonly deletion: Deletion;
  /** Deletions that a person has confirmed (see `Assignment.confirmPrune`). */
  readonly confirmPrune: string;
  /** What people have signed of this bundle; absent = nothing. */
  readonly signatures?: readonly ReleaseSignature[];
  /** Goes up when somebody asks for a sync. */
  readonly syncRequest: number;
  readonly seenAtMs: number;
  readonly assignedAtMs: number;
  /** Why it is to be removed; "" = it is to run. */
  readonly removal: string;
}

export const deletions = ["uninstall", "detach"] as const;
export type Deletion = (typeof deletions)[number];

/** `app@cluster`, the one address of a target everywhere. */
export function formatTarget({ app, cluster }: TargetId): string {
  return `${app}@${cluster}`;
}
