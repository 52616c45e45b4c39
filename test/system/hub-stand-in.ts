import { encodeBundle } from "@drover/shared/bundle";
import type { Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import type { KubeObject } from "@drover/shared/kube/manifest";
import type {
  Acknowledgement,
  AgentLink,
  AgentLinkHandler,
  AgentMessage,
  Assignment,
  Assignments,
  Beat,
  Hello,
  HubMessage,
  Inspect,
  Inspection,
  Report,
  Signed,
  SignedAssignments,
  Tombstone,
} from "@drover/shared/link/link";
import { defaultSync, type SyncOptions } from "@drover/shared/sync-options";
import { signAssignments, signBeat, verifyAssignments, verifyBeat } from "@drover/shared/trust/envelope";
import { createSigningKey, readVerifyKey } from "@drover/shared/trust/signing-key";

/** A hub of a few lines, in memory: what agents are tested against when the hub itself is not the subject. */
export interface HubStandIn {
  readonly link: AgentLink;
  readonly verify: (signed: SignedAssignments) => Assignments;
  readonly verifyBeat: (signed: Signed) => Beat;
  /** Takes objects as the newest content of an application and hands out everything that is assigned. */
  assign(application: string, objects: readonly KubeObject[], options?: AssignOptions): Assignment;
  /** Takes newest contents of several applications, and hands them out in one envelope. */
  assignTogether(contents: Readonly<Record<string, readonly KubeObject[]>>): void;
  /** Bundles and objects that the hub does not send for now. */
  readonly withheld: Set<Digest>;
  /** Orders the removal of an application. */
  bury(application: string, options?: Partial<Pick<Tombstone, "detach" | "confirmPrune">>): void;
  /** Stops naming an application, as a hub does that has lost its store. */
  forget(application: string): void;
  /** Hands out assignments as they are given, also such as no hub should. */
  hand(assignments: Partial<Assignments>): void;
  /** Of the envelope that was handed out last. */
  readonly generation: number;
  /** A genuine envelope with everything that is assigned, and with what is given instead; not sent. */
  envelope(assignments: Partial<Assignments>): SignedAssignments;
  /** As `Assignments.freshForMs`, of envelopes from now on; 0 unless a test says otherwise. */
  freshForMs: number;
  /** Who carries the messages of the hub, and may do with them what he likes. */
  carrier: (message: HubMessage, pass: (message: HubMessage) => void) => void;
  /** Sends any message, also such as no hub would. */
  deliver(message: HubMessage): void;
  /** Says that the newest envelope is the newest. */
  beat(beat?: Partial<Beat>): void;
  /** While false nothing gets through. */
  setConnected(connected: boolean): void;
  /** Newest report of an application. */
  report(application: string): Report | undefined;
  /** Everything that the agent has said. */
  readonly messages: AgentMessage[];
  readonly reports: readonly Report[];
  readonly acknowledgements: readonly Acknowledgement[];
  readonly hellos: readonly Hello[];
  /** Digests that agents have fetched. */
  readonly fetched: readonly Digest[];
  inspect(application: string, what: Inspect["what"]): Promise<Inspection>;
}

/** What is given of an assignment, and of its sync options, over the defaults. */
export type AssignOptions = Partial<Omit<Assignment, "sync">> & { readonly sync?: Partial<SyncOptions> };

export const standInCluster = "lone";

export function createHubStandIn(): HubStandIn {
  return new StandIn();
}

class StandIn implements HubStandIn {
  readonly messages: AgentMessage[] = [];
  readonly reports: Report[] = [];
  readonly acknowledgements: Acknowledgement[] = [];
  readonly hellos: Hello[] = [];
  readonly fetched: Digest[] = [];
  readonly withheld = new Set<Digest>();
  readonly #blobs = new Map<Digest, Uint8Array>();
  readonly #targets = new Map<string, Assignment>();
  readonly #tombstones = new Map<string, Tombstone>();
  readonly #questions = new Map<string, (inspection: Inspection) => void>();
  #handler: AgentLinkHandler | undefined;
  #connected = true;
  #generation = 0;
  #newest: HubMessage | undefined;

  readonly link: AgentLink = {
    run: async (handler, signal) => {
      this.#handler = handler;
      if (this.#connected) this.#connect();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      if (this.#handler === handler) this.#handler = undefined;
    },
    send: (message) => {
      if (!this.#connected) return;
      this.messages.push(message);
      if (message.kind === "report") this.reports.push(message.report);
      if (message.kind === "acknowledgement") this.acknowledgements.push(message.acknowledgement);
      if (message.kind === "inspection") this.#questions.get(message.inspection.id)?.(message.inspection);
    },
    fetchBlobs: (digests, signal) => this.#fetch(digests, signal),
  };

  readonly #key = createSigningKey();
  readonly #keys = new Map([readVerifyKey(this.#key.id, this.#key.publicPem)]);

  readonly verify = (signed: SignedAssignments): Assignments => verifyAssignments(signed, this.#keys);
  readonly verifyBeat = (signed: Signed): Beat => verifyBeat(signed, this.#keys);

  assign(application: string, objects: readonly KubeObject[], options: AssignOptions = {}): Assignment {
    const assignment = this.#take(application, objects, options);
    this.hand({});
    return assignment;
  }

  assignTogether(contents: Readonly<Record<string, readonly KubeObject[]>>): void {
    for (const [application, objects] of Object.entries(contents)) this.#take(application, objects, {});
    this.hand({});
  }

  #take(application: string, objects: readonly KubeObject[], options: AssignOptions): Assignment {
    const { bundle, blobs } = encodeBundle(objects);
    for (const [digest, bytes] of blobs) this.#blobs.set(digest, bytes);
    const assignment = {
      application,
      bundle: bundle.digest,
      repository: "config",
      commit: "0".repeat(40),
      namespace: "",
      createNamespace: false,
      prune: true,
      seenAtMs: 0,
      syncRequest: 0,
      confirmPrune: "",
      ...options,
      sync: { ...defaultSync, ...options.sync },
    };
    this.#tombstones.delete(application);
    this.#targets.set(application, assignment);
    return assignment;
  }

  bury(application: string, options: Partial<Pick<Tombstone, "detach" | "confirmPrune">> = {}): void {
    this.#targets.delete(application);
    this.#tombstones.set(application, {
      application,
      reason: "a test says so",
      detach: false,
      confirmPrune: "",
      ...options,
    });
    this.hand({});
  }

  forget(application: string): void {
    this.#targets.delete(application);
    this.#tombstones.delete(application);
    this.hand({});
  }

  hand(assignments: Partial<Assignments>): void {
    this.#generation += 1;
    this.#newest = { kind: "assignments", signed: this.envelope(assignments) };
    this.deliver(this.#newest);
  }

  envelope(assignments: Partial<Assignments>): SignedAssignments {
    const whole: Assignments = {
      cluster: standInCluster,
      clusterUid: "",
      epoch: "epoch-1",
      generation: this.#generation,
      history: [],
      issuedAtMs: 0,
      freshForMs: this.freshForMs,
      targets: [...this.#targets.values()],
      tombstones: [...this.#tombstones.values()],
      ...assignments,
    };
    return signAssignments(whole, this.#key);
  }

  freshForMs = 0;
  carrier: HubStandIn["carrier"] = (message, pass) => pass(message);

  deliver(message: HubMessage): void {
    this.carrier(message, (passed) => {
      if (this.#connected) this.#handler?.received(passed);
    });
  }

  beat(beat: Partial<Beat> = {}): void {
    const clusterUid = this.hellos.at(-1)?.clusterUid ?? "";
    const said = { cluster: standInCluster, clusterUid, epoch: "epoch-1", generation: this.#generation };
    this.deliver({ kind: "beat", signed: signBeat({ ...said, sentAtMs: Date.now(), ...beat }, this.#key) });
  }

  get generation(): number {
    return this.#generation;
  }

  setConnected(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    if (connected) this.#connect();
    else this.#handler?.disconnected("a test says so");
  }

  report(application: string): Report | undefined {
    return this.reports.findLast((report) => report.application === application);
  }

  inspect(application: string, what: Inspect["what"]): Promise<Inspection> {
    const id = `question-${this.#questions.size + 1}`;
    const handler = this.#handler;
    if (handler === undefined) throw new Error("no agent is connected");
    return new Promise((resolve) => {
      this.#questions.set(id, resolve);
      handler.received({ kind: "inspect", inspect: { id, application, what } });
    });
  }

  #connect(): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    this.hellos.push(handler.hello());
    handler.connected({ reportsKnown: false });
    if (this.#newest !== undefined) this.deliver(this.#newest);
  }

  async *#fetch(digests: readonly Digest[], signal: AbortSignal) {
    signal.throwIfAborted();
    await Promise.resolve();
    if (!this.#connected) throw new DroverError("link_closed", "there is no connection to the hub");
    for (const digest of digests) {
      const bytes = this.withheld.has(digest) ? undefined : this.#blobs.get(digest);
      if (bytes === undefined) throw new DroverError("blob_missing", `the hub has no blob ${digest}`);
      this.fetched.push(digest);
      yield { digest, bytes };
    }
  }
}
