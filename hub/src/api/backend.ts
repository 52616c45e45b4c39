import type { IncomingHttpHeaders } from "node:http";

import type { AuditCheck, AuditList, AuditQuery, CreatedToken, CreateToken, Token } from "@drover/shared/api/access";
import type { CordonCluster, LabelCluster, RevokeCluster } from "@drover/shared/api/cluster-changes";
import type { Credential, ReplaceCredential } from "@drover/shared/api/credential";
import type { BlameQuery, BlameResult, WhyResult } from "@drover/shared/api/explanations";
import type { JoinCluster, JoinedCluster } from "@drover/shared/api/join";
import type { Backup, ConfirmRecovery, Recovery } from "@drover/shared/api/maintenance";
import type { ControlRollout } from "@drover/shared/api/rollouts";
import type { Session } from "@drover/shared/api/session";
import type { SetSigners } from "@drover/shared/api/signers";
import type * as api from "@drover/shared/api/types";
import type { SetWebhook, SourceWebhook } from "@drover/shared/api/webhook";

import type { Principal } from "../core/access/principal.ts";
import type { ActingPerson } from "../core/audit.ts";
import type { Receipt } from "../core/receipt.ts";
import type { Holder, TokenDigest } from "./access/holder.ts";
import type { NewSession, SessionDigest, SessionSecret } from "./logins.ts";

/** What the routes read, and through whom they change something. Reads are of memory and return at once. */
export interface Backend {
  readonly version: api.Version;
  readonly events: EventLog;

  clusters(): readonly api.Cluster[];
  applications(): readonly api.Application[];
  application(name: string): api.ApplicationDetail | undefined;
  targets(): readonly api.Target[];
  target(app: string, cluster: string): api.TargetDetail | undefined;
  sources(): readonly api.Source[];
  source(name: string): api.SourceDetail | undefined;
  credentials(): readonly Credential[];
  credential(name: string): Credential | undefined;
  tokens(): readonly Token[];
  /** The token whose record has this id, and that it is used now. */
  issuedToken(id: string): TokenDigest | undefined;
  /** Logins that have not ended. */
  sessions(): readonly Session[];
  /** The login whose record has this id, unless it has ended. `used`: it is used now, which keeps it from ending. */
  session(id: string, used: boolean): SessionDigest | undefined;
  /** Entries of the audit log, oldest first. */
  audit(query: AuditQuery): AuditList;
  /** Looks at every entry. */
  checkAudit(): Promise<AuditCheck>;

  /** What a source is read with over SSH. Throws `precondition_failed` for one that is not. */
  sourceIdentity(name: string): Promise<api.SourceIdentity>;
  /** A webhook delivery for a source that may not exist, before its body has come. */
  receiveWebhook(name: string, headers: IncomingHttpHeaders): WebhookDelivery;
  /** Asks the agent. Throws `cluster_offline`, `timeout`, `not_found`. */
  diff(app: string, cluster: string, signal: AbortSignal): Promise<api.DiffResult>;
  tree(app: string, cluster: string, signal: AbortSignal): Promise<api.TreeResult>;
  rbac(app: string, cluster: string, signal: AbortSignal): Promise<api.RbacResult>;
  /** Why a cluster has an application, or has it not. Throws `not_found` and what a render throws. */
  why(app: string, cluster: string, signal: AbortSignal): Promise<WhyResult>;
  /** What set each field of an object. Throws `not_found`, `usage` and what a render throws. */
  blame(app: string, cluster: string, wanted: BlameQuery, signal: AbortSignal): Promise<BlameResult>;
  /** Whether the hub's disk is full: it takes no intents. */
  full(): boolean;
  /** Copies of the store, the oldest first. */
  backups(): readonly Backup[];
  recovery(): Recovery;
  /** Whether the hub has started whole: what /readyz answers. */
  ready(): boolean;
  /** Prometheus text. */
  metrics(): string;

  /** What is asked for on behalf of somebody: it leaves an entry in the audit log, in one step with each change. */
  by(decision: Decision): Intents;
  /** What a request that was made before has come to, within a day. */
  receipt(id: string, now: number): Receipt | undefined;
  keepReceipt(receipt: Receipt): void;
  /** Leaves an entry about what changed nothing. */
  record(decision: Decision, outcome: Outcome): void;
}

/** Who asks for what. */
export interface Decision {
  /** Name of the token or the person; "" = none was known. */
  readonly actor: string;
  readonly person?: ActingPerson;
  readonly principal?: Principal;
  readonly verb: string;
  readonly kind: string;
  /** "" = of no one thing. */
  readonly name: string;
  /** Id of the request. */
  readonly request: string;
  readonly address: string;
  /** How many changes it has made, each with its entry. */
  changes: number;
  /** Absent for requests without a key. */
  receipt?: DecisionReceipt;
}

/** What a request with a key leaves behind, in one step with what it decides. */
export interface DecisionReceipt extends Receipt {
  /** What it will be answered, as soon as that is known: it is kept with what is written from then on. */
  foretell(status: number, body: string): void;
}

export interface Outcome {
  /** `done`, or the code of the error. */
  readonly result: string;
  /** One sentence; "" when done. */
  readonly reason: string;
}

/** What people change. It is durable when it resolves. */
export interface Intents {
  /** Throws `precondition_failed` when the name is taken, `usage` for an address that no mirror can serve. */
  addSource(input: api.AddSource): Promise<api.SourceDetail>;
  removeSource(name: string): Promise<void>;
  /** Replaces the pinned keys of its SSH server, and fetches. Throws `usage` for what is no key of that server. */
  trustSource(name: string, input: api.TrustSource): Promise<api.SourceIdentity>;
  /** Replaces those whose signature its commits need, and looks at it. Throws `usage`, and `precondition_failed` for a declared source. */
  setSigners(name: string, input: SetSigners): Promise<api.SourceDetail>;
  /** Makes the secret of a source's webhook, or tells the one that there is. Another forge or `rotate` makes a new one. */
  setWebhook(name: string, input: SetWebhook): Promise<SourceWebhook>;
  /** Throws `precondition_failed` when the name is taken, `usage` for parts that cannot work. */
  addCredential(name: string, input: ReplaceCredential): Promise<Credential>;
  /** Adds it, or puts it in the place of the one of that name. Throws `usage`. */
  replaceCredential(name: string, input: ReplaceCredential): Promise<Credential>;
  /** Forgets it. What names it is read no more; what runs stays. */
  removeCredential(name: string): Promise<void>;
  /** Throws `cluster_exists` when a cluster of that name has joined already. */
  joinCluster(input: JoinCluster): Promise<JoinedCluster>;
  labelCluster(name: string, labels: LabelCluster["labels"]): Promise<api.Cluster>;
  cordonCluster(name: string, input: CordonCluster): Promise<api.Cluster>;
  /** Lets in what waits for a person: see `Acceptance.accept`. Throws `precondition_failed` when nothing does. */
  acceptCluster(name: string): Promise<api.Cluster>;
  /** Turns away the agent that waits. Throws `precondition_failed` when none does. */
  rejectCluster(name: string): Promise<api.Cluster>;
  /** Lets in nothing more that speaks for the cluster now; its registration stays. */
  revokeCluster(name: string, input: RevokeCluster): Promise<api.Cluster>;
  /** Has its agent get a new certificate, with a new key, at once. Throws `precondition_failed` when it could not. */
  rotateCluster(name: string): Promise<api.Cluster>;
  /** Has its agent remove what it runs, now or when it is back, and forgets the cluster then. */
  uninstallCluster(name: string): Promise<api.Cluster>;
  /** Forgets the cluster and revokes its certificate. What it runs stays. */
  removeCluster(name: string): Promise<void>;
  /** Pauses, resumes or approves. Throws `precondition_failed` when there is nothing to do that to. */
  controlRollout(app: string, control: ControlRollout): Promise<api.ApplicationDetail>;
  /** Asks agents to compare and apply again; all clusters of the application when none is named. Returns the targets. */
  syncApplication(app: string, cluster?: string): Promise<readonly string[]>;
  /** Confirms the deletions that are held under this digest. Throws `precondition_failed` when others are, or none. */
  confirmPrune(app: string, cluster: string, digest: string): Promise<void>;
  /** Sends along what somebody has signed of its bundle. Throws `precondition_failed` when another is assigned. */
  signTarget(app: string, cluster: string, input: api.SignTarget): Promise<void>;
  /** Confirms the wide change of this digest. Throws `precondition_failed` when another is held, or none. */
  confirmPlacement(app: string, digest: string): Promise<api.ApplicationDetail>;
  /** Fetches now instead of at the next poll. */
  syncSource(name: string): Promise<void>;
  /** Tells the token, this once. Throws `precondition_failed` when the name is taken. */
  createToken(input: CreateToken, maker: Pick<Holder, "name" | "principal">): Promise<CreatedToken>;
  /** It is worth nothing from now on. Throws `not_found`. */
  revokeToken(name: string): Promise<void>;
  /** Remembers who logged in, and forgets the login that this one follows. Returns what is shown from now on, this once. */
  beginSession(login: NewSession): Promise<SessionSecret>;
  /** It is worth nothing from now on. Throws `not_found`. */
  endSession(id: string): Promise<void>;
  makeBackup(): Promise<Backup>;
  /** Lets the hub's store be what holds again. Throws `precondition_failed` when no agent is ahead, or Git is not read. */
  confirmRecovery(input: ConfirmRecovery): Promise<Recovery>;
}

/** What comes without a token: nothing is believed before the whole of it has come. */
export interface WebhookDelivery {
  /** The next piece of the body. */
  take(chunk: Uint8Array): void;
  /** The body has come whole. Whether its sender has proved to know the secret; then the source will be looked at. */
  end(): boolean;
  /** It will not come whole. */
  drop(): void;
}

export interface EventLog {
  /** The oldest id that can still be read; a reader that asks for an older one has missed some. */
  readonly oldest: number;
  /** The id of the newest event; 0 = none yet. */
  readonly newest: number;
  /** Events with a higher id than `id`, oldest first. */
  after(id: number, limit: number): readonly api.Event[];
  /** Calls on every new event until the returned function is called. */
  subscribe(listener: (event: api.Event) => void): () => void;
}
