import type { Digest } from "../digest.ts";
import type { ObjectKey } from "../kube/manifest.ts";
import type { ObjectHealth } from "../state.ts";
import type { SyncOptions } from "../sync-options.ts";

/** Limits that every link keeps (security-reliability §1.4). What an agent sends as one message: */
export const maxAgentMessageBytes = 4 * 1024 * 1024;
/** What the hub sends as one message. */
export const maxHubMessageBytes = 16 * 1024 * 1024;
/** What one blob may hold. */
export const maxBlobBytes = 32 * 1024 * 1024;
/** How many blobs one `fetchBlobs` of a link asks for at once; a longer list is split. */
export const maxBlobsPerFetch = 10_000;
/** How many objects of an application a report names; of more, the worst. */
export const maxReportedObjects = 5_000;
/** How many applications one envelope names, to run or to remove. */
export const maxAssigned = 10_000;
/** How many people sign one bundle. */
export const maxSignatures = 16;
/** How many digests the history of an envelope has. */
export const maxHistory = 8;
/** How many questions wait for one slow cluster. */
export const maxWaitingInspects = 32;

/** One application that a cluster is to run, at one exact content. */
export interface Assignment {
  readonly application: string;
  readonly bundle: Digest;
  /** Name of the repository and the commit that the bundle was rendered from: for people, never for decisions. */
  readonly repository: string;
  readonly commit: string;
  /** Namespace of namespaced objects that name none; "" = `default`. */
  readonly namespace: string;
  readonly createNamespace: boolean;
  /** False: objects that leave the bundle stay in the cluster and are reported as abandoned. */
  readonly prune: boolean;
  /** When the hub saw the commit, on the hub's clock, in ms since the epoch. */
  readonly seenAtMs: number;
  /** Goes up when somebody asks for a sync: the agent then compares and applies every object again. */
  readonly syncRequest: number;
  readonly sync: SyncOptions;
  /** Digest under which the agent reported deletions as held, once a person has confirmed them; "" = none. */
  readonly confirmPrune: string;
  /** Of the bundle, at most `maxSignatures`; absent = none. */
  readonly signatures?: readonly ReleaseSignature[];
}

/** A person's word, given outside of the hub, that a bundle may run (see `trust/release`). */
export interface ReleaseSignature {
  readonly keyId: string;
  /** "" = on every cluster. */
  readonly cluster: string;
  readonly expiresAtMs: number;
  /** Base64. */
  readonly signature: string;
}

/** An application that a cluster is to remove. Only a tombstone removes; an application that is merely absent stays. */
export interface Tombstone {
  readonly application: string;
  /** Why, in one sentence: `placement web no longer selects this cluster`. */
  readonly reason: string;
  /** True: its objects stay in the cluster and only stop being the application's. */
  readonly detach: boolean;
  /** As `Assignment.confirmPrune`, for what the agent does not remove without being asked twice. */
  readonly confirmPrune: string;
}

/** Everything that one cluster is to run. Always the whole; a higher generation replaces a lower one. */
export interface Assignments {
  /** Name of the cluster that this is for; an agent refuses what is addressed to another. */
  readonly cluster: string;
  /** uid of its kube-system namespace, as `Hello.clusterUid`; "" from hubs that do not say. */
  readonly clusterUid: string;
  /** Changes when the hub's store was restored or lost; generations are compared within one epoch. */
  readonly epoch: string;
  readonly generation: number;
  /**
   * Newest first, at most `maxHistory`: a digest over all that was assigned to the cluster up to this generation, up to the
   * one before, and so on. An agent that finds another one than its own at the generation that it has accepted knows that
   * two hubs count on from one store. Empty from hubs that do not say.
   */
  readonly history: readonly Digest[];
  readonly issuedAtMs: number;
  /** How long after a `Beat` the agent may delete things; 0 from hubs that send none. */
  readonly freshForMs: number;
  readonly targets: readonly Assignment[];
  readonly tombstones: readonly Tombstone[];
}

/** Says once a minute that a generation is the newest that a cluster was assigned: withheld news are missed by it. */
export interface Beat {
  readonly cluster: string;
  readonly clusterUid: string;
  readonly epoch: string;
  readonly generation: number;
  /** On the hub's clock, in ms since the epoch. */
  readonly sentAtMs: number;
}

/** `payload` are the bytes that were signed: they are verified and stored as they came, never encoded again. */
export interface Signed {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  readonly keyId: string;
}

export type SignedAssignments = Signed;

/** What an agent has found out about itself and its cluster; "" and 0 where it does not know. */
export interface ClusterFacts {
  readonly agentVersion: string;
  readonly kubernetesVersion: string;
  /** Who provides the machines: `aws`, `gce`, `azure`, `kind`. */
  readonly provider: string;
  /** Of most of the nodes. */
  readonly region: string;
  readonly nodes: number;
}

/** Of a cluster whose agent has not spoken yet; also what agents of earlier versions do not say. */
export const noFacts: ClusterFacts = { agentVersion: "", kubernetesVersion: "", provider: "", region: "", nodes: 0 };

/** What an agent says first on every connection, and again when its facts have changed. */
export interface Hello extends ClusterFacts {
  /** uid of the namespace kube-system: the identity of the cluster itself. */
  readonly clusterUid: string;
  /** What the agent accepted last; generation 0 when nothing. */
  readonly epoch: string;
  readonly generation: number;
  /** Of the `ApiList` of the cluster; absent while the agent does not know it. */
  readonly apis?: Digest;
  /** Random for each run of the agent; absent from agents of earlier versions. */
  readonly run?: string;
  /** First digest of the history of what it accepted last; absent when that had none. The hub does not send that again. */
  readonly accepted?: Digest;
  /** `digestOfReports` of all that the agent would report now; absent from agents of earlier versions. */
  readonly reported?: Digest;
  /** Absent = `noStanding`. */
  readonly standing?: Standing;
  /** Which `features` it understands, and perhaps others that are newer; absent = none: an agent of an earlier version. */
  readonly features?: readonly string[];
}

/** What keeps an agent from doing all that it was assigned, whatever that is. */
export interface Standing {
  /** Since when no beat has come in time, on the agent's clock: it heals, and deletes nothing. 0 = one has. */
  readonly staleSinceMs: number;
  /** Of the policy that the cluster sets its agent; "" = none. */
  readonly policy: Digest;
  /** The policy, or a fault in it, has it take nothing new and delete nothing. */
  readonly frozen: boolean;
}

/** Of an agent that says nothing of it. */
export const noStanding: Standing = { staleSinceMs: 0, policy: "", frozen: false };

/** Whether the agent took an `Assignments`; a refusal names its code and says why. */
export interface Acknowledgement {
  readonly epoch: string;
  readonly generation: number;
  readonly refusal?: { readonly code: string; readonly message: string };
}

/** `held`: it left the bundle, and a person has to confirm that it is to be deleted. */
export type ApplyState = "applied" | "pending" | "failed" | "pruning" | "held" | "abandoned";

export interface ObjectReport {
  readonly key: ObjectKey;
  readonly version: string;
  readonly apply: ApplyState;
  readonly health: ObjectHealth;
  /** CamelCase and stable; "" when there is nothing to say. */
  readonly reason: string;
  readonly message: string;
  /** The last change by somebody else that was found on this object, whether or not it is repaired already. */
  readonly drift?: Drift;
}

export interface Drift {
  /** Kubernetes field paths: `spec.replicas`, `metadata.labels[app]`. */
  readonly paths: readonly string[];
  /** Field manager that made the change; "" when the server does not tell. */
  readonly by: string;
  readonly foundAtMs: number;
  readonly repaired: boolean;
}

/** Deletions that wait for a person; or, with `HookFailed`, hooks that hold a removal and are run again when confirmed. */
export interface HeldPrune {
  /** Names exactly these objects: confirming it confirms nothing that joins them later. */
  readonly digest: string;
  readonly objects: number;
  /** CamelCase and stable: why they wait (see the agent's `core/budget`). */
  readonly reason: string;
}

/** The whole observed state of one application in one cluster. */
export interface Report {
  readonly application: string;
  /** Counts up by one for each report of this agent process about any application. */
  readonly sequence: number;
  readonly epoch: string;
  /** Generation of the assignments that the agent was acting on. */
  readonly generation: number;
  /** Bundle that is assigned, and the last one whose every object was applied ("" = none yet). */
  readonly bundle: Digest;
  readonly applied: Digest;
  readonly commit: string;
  readonly phase: "applying" | "applied" | "failed" | "removing" | "removed";
  /** Worst health of the objects. */
  readonly health: ObjectHealth;
  readonly reason: string;
  readonly message: string;
  /** Sorted worst first, at most `maxReportedObjects`: what is left out is no worse than the last. */
  readonly objects: readonly ObjectReport[];
  readonly heldPrune?: HeldPrune;
  /** Agent's clock, ms since the epoch; 0 = not yet. For display only: clocks of different machines are not compared. */
  readonly receivedAtMs: number;
  readonly appliedAtMs: number;
  /** Stands for what it says, as far as that is news; only the agent that made it can tell what. */
  readonly digest?: Digest;
}

/** What the hub answers to a hello. */
export interface Welcome {
  /** It has the reports that `Hello.reported` stands for: only what changed since then is to be sent. */
  readonly reportsKnown: boolean;
}

/** A question to an agent about live state. Answers are computed, and secrets masked, on the agent. */
export interface Inspect {
  readonly id: string;
  /** "" for what is of the cluster as a whole. */
  readonly application: string;
  readonly what: "diff" | "tree" | "rbac" | "apis";
}

/** `result` is the JSON of a `DiffResult`, `TreeResult` or `RbacResult` of shared/api/types, or of the names of an `ApiList`. */
export interface Inspection {
  readonly id: string;
  readonly result?: Uint8Array;
  readonly error?: { readonly code: string; readonly message: string };
}

export type HubMessage =
  | {
      readonly kind: "assignments";
      readonly signed: SignedAssignments;
      /** Blobs that the agent would ask for next: `AgentLink.fetchBlobs` has them. Default: none. */
      readonly content?: readonly Uint8Array[];
    }
  | { readonly kind: "beat"; readonly signed: Signed }
  | { readonly kind: "inspect"; readonly inspect: Inspect };

export type AgentMessage =
  | { readonly kind: "hello"; readonly hello: Hello }
  | { readonly kind: "acknowledgement"; readonly acknowledgement: Acknowledgement }
  | { readonly kind: "report"; readonly report: Report }
  | { readonly kind: "inspection"; readonly inspection: Inspection };

export interface EnrollRequest {
  readonly token: string;
  /** PKCS#10, DER. Only its public key is used. */
  readonly csr: Uint8Array;
  readonly clusterUid: string;
  readonly agentVersion: string;
  /** Enrolment key that the agent has proven to have, base64url; "" of agents that have none. */
  readonly key: string;
}

/** Of an agent that shows its certificate. */
export interface RenewRequest {
  /** As in `EnrollRequest`. */
  readonly csr: Uint8Array;
  readonly key: string;
  /** Whether the certificate has ended, within the recovery window. */
  readonly expired: boolean;
}

/** What a new agent keeps: its certificate, whom to trust, and by whom assignments are signed. */
export interface EnrollResponse {
  readonly cluster: string;
  /** PEM. */
  readonly certificate: string;
  readonly authority: string;
  /** Ed25519 public key, SPKI PEM, and its id. */
  readonly signingKey: string;
  readonly signingKeyId: string;
}

/** Who speaks, by the certificate of the connection and by nothing else. */
export interface Speaker {
  readonly cluster: string;
  /** See `generationOf`. */
  readonly generation: number;
  /** As its hello says; absent before that, and from agents of earlier versions. */
  readonly run?: string;
}

/** What the hub does with what agents say. Clusters are named by the certificate, never by the message. */
export interface HubLinkHandler {
  /**
   * Called at the beginning of every stream, and again with its hello; what follows only if this does not throw:
   * `cluster_revoked`, `cluster_locked`, `cluster_detached` for a cluster that was removed, or `unauthorized` for one that
   * never was and for a certificate that a newer one has replaced.
   */
  admit(speaker: Speaker): void;
  /** Whether `admit` would let it in. Asked about each open connection each second: those that it does not hold for end. */
  holds(speaker: Speaker): boolean;
  /**
   * A cluster connected and said hello. A newer connection of the same cluster ends the older one: `disconnected` comes
   * first. What this throws (`unauthorized`, `forbidden`) refuses the connection with that code, and then no
   * `disconnected` follows.
   */
  connected(cluster: string, hello: Hello): Welcome;
  /** A connected cluster said hello again, because its facts changed. The connection is the same one. */
  introduced(cluster: string, hello: Hello): void;
  acknowledged(cluster: string, acknowledgement: Acknowledgement): void;
  reported(cluster: string, report: Report): void;
  inspected(cluster: string, inspection: Inspection): void;
  /** The connection ended; `graceful` when the agent said goodbye. */
  disconnected(cluster: string, end: { readonly graceful: boolean; readonly reason: string }): void;
  /** Bytes of a blob that this cluster may read, or undefined. */
  blob(cluster: string, digest: Digest): Uint8Array | undefined;
  /**
   * Throws `join_refused` when the token is unknown, used or expired, `join_pending` while the agent waits for a person: it
   * asks again then, with the same token and key.
   */
  enroll(request: EnrollRequest, signal: AbortSignal): Promise<EnrollResponse>;
  /**
   * A new certificate for a cluster that showed its present one. Throws what `admit` throws, `unauthorized` for one that
   * ended or was replaced and whose agent does not prove its key, or has done so too often.
   */
  renew(speaker: Speaker, request: RenewRequest, signal: AbortSignal): Promise<EnrollResponse>;
}

/** The hub's end of a link. `shared/link/link.contract.ts` states what every implementation keeps. */
export interface HubLink {
  /** Serves until the signal aborts. `ready` is called once, with the address that agents dial. */
  run(handler: HubLinkHandler, ready: (address: string) => void, signal: AbortSignal): Promise<void>;
  /**
   * Hands a message to a connected cluster; false when it is not connected, or when `maxWaitingInspects` questions wait
   * already. Of assignments and of beats only the newest waits. Throws `input_too_large` above `maxHubMessageBytes`.
   */
  send(cluster: string, message: HubMessage): boolean;
  /** Ends the connection of a cluster, if there is one. */
  disconnect(cluster: string, reason: string): void;
}

export interface AgentLinkHandler {
  /** The hello to open the (next) connection with. */
  hello(): Hello;
  /** Called after each successful connect; the agent then sends those of its reports that the hub does not have. */
  connected(welcome: Welcome): void;
  received(message: HubMessage): void;
  disconnected(reason: string): void;
}

/** The agent's end of a link. It reconnects by itself, with jitter and back-off, until the signal aborts. */
export interface AgentLink {
  run(handler: AgentLinkHandler, signal: AbortSignal): Promise<void>;
  /** Never blocks: of each application's reports only the newest waits, and nothing waits while disconnected. */
  send(message: AgentMessage): void;
  /**
   * Yields the blobs in any order, each already checked against its digest. Throws `blob_missing` after it yielded all
   * that exist, `digest_mismatch` for content that is not what its name says, `link_closed` when there is no connection.
   */
  fetchBlobs(
    digests: readonly Digest[],
    signal: AbortSignal,
  ): AsyncIterable<{ readonly digest: Digest; readonly bytes: Uint8Array }>;
}
