import type { Event } from "@drover/shared/api/types";
import type { Blob } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";
import type { Feature } from "@drover/shared/link/features";
import type { Report } from "@drover/shared/link/link";
import type { TargetState } from "@drover/shared/state";

import type { AuditEntry } from "../core/audit.ts";
import type { BlobSet } from "../core/contents.ts";
import type { Enrolment } from "../core/enrolment.ts";
import type { Receipt } from "../core/receipt.ts";
import type { Era } from "../core/recovery.ts";
import type { Rollout } from "../core/rollout/rollout.ts";
import { nothingKnown, type KnownFacts } from "../core/settle-facts.ts";
import type { Signer } from "../core/signers.ts";
import type { TargetId, TargetRecord } from "../core/target.ts";
import type { Credential } from "../source/web/credential.ts";
import type { Webhook } from "../source/webhook.ts";
import type { AccessStore } from "./access-store.ts";
import type { Encryption } from "./encryption.ts";

export interface AcceptedCommit {
  readonly id: string;
  readonly ref: string;
  /** The one before, of the same branch or tag; absent where another one was read. */
  readonly previous?: string;
}

/** A branch that went to a commit which does not follow the one before. */
export interface Rewriting {
  readonly ref: string;
  readonly from: string;
  readonly to: string;
  readonly atMs: number;
}

/** A repository that people registered, or that another repository declares. */
export interface SourceRecord {
  readonly name: string;
  readonly url: string;
  /** Branch, tag or commit; "" = the repository's default branch. */
  readonly ref: string;
  /** A range of versions, whose newest tag is read; "" = none. */
  readonly version: string;
  readonly path: string;
  readonly intervalSeconds: number;
  readonly username: string;
  readonly password: string;
  /** Instead of those two, by its name; "" = none. */
  readonly credential: string;
  /** Pinned keys of its SSH server, `ssh-ed25519 AAAA…`; none = the first that it shows is pinned. */
  readonly hostKeys: readonly string[];
  /** The source whose catalog declares it; "" = people registered it. */
  readonly declaredIn: string;
  /** Whether its own declarations hold, and not only its files. */
  readonly declares: boolean;
  /** Of whom one has to have signed the commit that is read; none = it needs no signature. */
  readonly signers: readonly Signer[];
  /** The commit that was taken last, which stays in force while others are refused; absent before the first. */
  readonly accepted?: AcceptedCommit;
  /** When its history was rewritten last; absent when it never was. */
  readonly rewritten?: Rewriting;
  /** Absent until a person asks for one. */
  readonly webhook?: Webhook;
}

/** What a source has of which nothing else is said; also what records of earlier versions lack. */
export const sourceDefaults: Omit<SourceRecord, "name" | "url"> = {
  ref: "",
  version: "",
  path: "",
  intervalSeconds: 60,
  username: "",
  password: "",
  credential: "",
  hostKeys: [],
  declaredIn: "",
  declares: true,
  signers: [],
};

/** What people registered once, for sources and packages to name. */
export interface CredentialRecord extends Credential {
  readonly name: string;
  /** How the addresses begin that it may be shown to, as `readPrefix` has it. */
  readonly prefix: string;
  readonly changedAtMs: number;
  /** When the first of its certificates ends without which it is worth nothing; 0 = never. */
  readonly expiresAtMs: number;
}

export interface ClusterRecord extends KnownFacts {
  readonly name: string;
  /** uid of its kube-system namespace; "" until it joined. */
  readonly uid: string;
  /** Labels given by people; labels declared in Git come on top. */
  readonly labels: Readonly<Record<string, string>>;
  /** Why people keep new applications away from it; "" = they do not. */
  readonly cordon: string;
  /** Whether it is to be removed once everything is uninstalled there. */
  readonly leaving: boolean;
  /** Generation of what it is to run; goes up with every change of its assignments. */
  readonly generation: number;
  /** As `Assignments.history`, of this generation. */
  readonly history: readonly Digest[];
  /** The list of its APIs, which is among the blobs; absent until an agent has told it. */
  readonly apis?: Digest;
  /** Which features its agent understood when it spoke last; absent = none. What needs others is not in its envelopes. */
  readonly features?: readonly Feature[];
  /** When it spoke last; 0 = never. Kept loosely: a crash may lose the last seconds. */
  readonly seenAtMs: number;
}

/** What a cluster has of which nothing else is known; also what records of earlier versions lack. */
export const clusterDefaults: Omit<ClusterRecord, "name"> = {
  uid: "",
  labels: {},
  cordon: "",
  leaving: false,
  generation: 0,
  history: [],
  seenAtMs: 0,
  ...nothingKnown,
};

/** What a cluster says of itself when it speaks. */
export type Seen = Pick<ClusterRecord, "seenAtMs"> &
  Partial<Pick<ClusterRecord, "facts" | "factsSinceMs" | "apis" | "features">>;

export interface JoinTokenRecord {
  readonly id: string;
  readonly cluster: string;
  /** SHA-256 of the secret, hex. */
  readonly secretHash: string;
  readonly expiresAtMs: number;
  /** SHA-256 of the public key that used it, hex; "" = unused. A retry with the same key is answered again. */
  readonly usedBy: string;
}

/** The newest report about a target and the state that it gave. A cache: agents send it again. */
export interface ObservedRecord {
  readonly app: string;
  readonly cluster: string;
  readonly report: Report | undefined;
  readonly state: TargetState;
  readonly reason: string;
  readonly message: string;
  readonly sinceMs: number;
  readonly observedAtMs: number;
}

export interface AssignmentChange {
  /** Rollouts as they are once this was released. */
  readonly rollouts?: readonly Rollout[];
  readonly put: readonly TargetRecord[];
  /** Records to forget: their removal was reported as done, or their cluster was removed. */
  readonly forget: readonly TargetId[];
  /** Only those that the store lacks are read. */
  readonly blobs: BlobSet;
}

export interface Enrolments {
  get(cluster: string): Enrolment | undefined;
  put(enrolment: Enrolment): void;
  /** Those that did not change since then, of clusters that are not registered. */
  forget(beforeMs: number, isRegistered: (cluster: string) => boolean): void;
}

/** Digests of archives as they were when they were fetched first, by what names them. */
export interface Pins {
  get(name: string): Digest | undefined;
  set(name: string, digest: Digest): void;
}

/**
 * Decisions are durable when a call returns; observations and events soon after. Reads come from memory. All calls are
 * synchronous, so that a read and the write that follows from it are one step.
 */
export interface Store {
  readonly hubId: string;
  /** Changes when the store was created anew or restored: agents compare generations only within one epoch. */
  readonly era: Era;
  /** Begins a new epoch. Confirmed: it follows whatever agents hold. */
  beginEpoch(era: Pick<Era, "confirmed">): void;
  /** Writes all that it holds into a file, which exists, and goes on meanwhile. */
  copyTo(file: string): Promise<void>;

  /** Of sources, credentials and blobs. */
  readonly encryption: Encryption;
  /** Tokens, and the audit log. */
  readonly access: AccessStore;
  /**
   * Runs calls that write: the first of them, or none, is in one transaction with this row of the audit log, and with
   * that it was asked for.
   */
  decide<T>(entry: AuditEntry, write: () => T, receipt?: Receipt): T;

  sources(): readonly SourceRecord[];
  source(name: string): SourceRecord | undefined;
  putSource(source: SourceRecord): void;
  /** The same of one that is there, on the disk with the next transaction at the latest: before anything that follows from it. */
  noteSource(source: SourceRecord): void;
  deleteSource(name: string): void;

  credentials(): readonly CredentialRecord[];
  credential(name: string): CredentialRecord | undefined;
  putCredential(credential: CredentialRecord): void;
  deleteCredential(name: string): void;

  clusters(): readonly ClusterRecord[];
  cluster(name: string): ClusterRecord | undefined;
  putCluster(cluster: ClusterRecord): void;
  /** In one transaction, when what is known of many changes at once. */
  putClusters(clusters: readonly ClusterRecord[]): void;
  /** Also forgets its targets and observations, not its enrolment. */
  deleteCluster(name: string): void;
  /** Remembers when a cluster spoke and what it said of itself; written with the next flush. */
  touchCluster(name: string, seen: Seen): void;

  putJoinToken(token: JoinTokenRecord): void;
  joinToken(id: string): JoinTokenRecord | undefined;
  /** In one transaction: the token is used up by this key and the cluster has joined. */
  join(token: JoinTokenRecord, cluster: ClusterRecord, enrolment: Enrolment): void;
  readonly enrolments: Enrolments;
  readonly pins: Pins;

  applications(): readonly string[];
  target(id: TargetId): TargetRecord | undefined;
  targetsOf(app: string): readonly TargetRecord[];
  targetsOn(cluster: string): readonly TargetRecord[];
  /** One transaction: blobs, targets, rollouts, and one higher generation for every cluster that it touches. */
  assign(change: AssignmentChange): void;
  /** A blob that no target needs, but a cluster. */
  keep(blob: Blob): void;
  blob(digest: Digest): Uint8Array | undefined;
  /** Deletes the blobs that no target and no cluster needs; returns how many. */
  collectBlobs(): number;

  rolloutsOf(app: string): readonly Rollout[];
  /** All or none. */
  putRollouts(rollouts: readonly Rollout[]): void;
  /** Digest of the wide change that a person has confirmed and that is not taken yet; "" = none. */
  confirmedReach(app: string): string;
  confirmReach(app: string, digest: string): void;
  deleteRollout(rollout: Pick<Rollout, "app" | "strategy">): void;

  observed(id: TargetId): ObservedRecord | undefined;
  observe(record: ObservedRecord): void;

  appendEvent(event: Omit<Event, "id">): Event;
  /** Newest last, at most the newest 10,000. */
  events(): readonly Event[];

  /** Writes what is not yet written; called every second and on close. */
  flush(): void;
  close(): void;
}
