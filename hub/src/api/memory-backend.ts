import type { CordonCluster, LabelCluster, RevokeCluster } from "@drover/shared/api/cluster-changes";
import type { Credential, ReplaceCredential } from "@drover/shared/api/credential";
import type { BlameQuery, BlameResult, WhyResult } from "@drover/shared/api/explanations";
import type { JoinCluster, JoinedCluster } from "@drover/shared/api/join";
import type { Backup, ConfirmRecovery, Recovery } from "@drover/shared/api/maintenance";
import type { ControlRollout } from "@drover/shared/api/rollouts";
import type { SetSigners } from "@drover/shared/api/signers";
import type * as api from "@drover/shared/api/types";
import type { SetWebhook, SourceWebhook } from "@drover/shared/api/webhook";
import { DroverError } from "@drover/shared/errors";

import type { Backend, Intents, WebhookDelivery } from "./backend.ts";
import { MemoryEventLog } from "./memory-event-log.ts";
import { MemoryTokens } from "./memory-tokens.ts";

/** What a `MemoryBackend` begins with. */
export interface MemoryFleet {
  readonly clusters?: readonly api.Cluster[];
  readonly applications?: readonly api.ApplicationDetail[];
  readonly targets?: readonly api.TargetDetail[];
  readonly sources?: readonly api.SourceDetail[];
  readonly credentials?: readonly Credential[];
  readonly diffs?: readonly api.DiffResult[];
  readonly trees?: readonly api.TreeResult[];
  readonly rights?: readonly api.RbacResult[];
  readonly reasons?: readonly WhyResult[];
  readonly blames?: readonly BlameResult[];
}

/** A hub without Git, agents and store: values that the tests of API, client and CLI serve and change. */
export class MemoryBackend extends MemoryTokens implements Backend, Intents {
  readonly version = { version: "0.1.0", hub: "hub-test", node: "v24.0.0" };
  readonly events: MemoryEventLog;
  readonly clusterByName: Map<string, api.Cluster>;
  readonly applicationByName: Map<string, api.ApplicationDetail>;
  readonly targetByAddress: Map<string, api.TargetDetail>;
  readonly sourceByName: Map<string, api.SourceDetail>;
  readonly credentialByName: Map<string, Credential>;
  /** What was asked of it, for tests to look at. */
  readonly asked: string[] = [];
  started = true;
  readonly #fleet: MemoryFleet;

  constructor(fleet: MemoryFleet = {}, eventCapacity = 1000) {
    super();
    this.#fleet = fleet;
    this.events = new MemoryEventLog(eventCapacity);
    this.clusterByName = new Map(fleet.clusters?.map((cluster) => [cluster.name, cluster]));
    this.applicationByName = new Map(fleet.applications?.map((application) => [application.name, application]));
    this.targetByAddress = new Map(fleet.targets?.map((target) => [`${target.app}@${target.cluster}`, target]));
    this.sourceByName = new Map(fleet.sources?.map((source) => [source.name, source]));
    this.credentialByName = new Map(fleet.credentials?.map((credential) => [credential.name, credential]));
  }

  clusters(): readonly api.Cluster[] {
    return [...this.clusterByName.values()];
  }

  applications(): readonly api.Application[] {
    return [...this.applicationByName.values()];
  }

  application(name: string): api.ApplicationDetail | undefined {
    return this.applicationByName.get(name);
  }

  targets(): readonly api.Target[] {
    return [...this.targetByAddress.values()];
  }

  target(app: string, cluster: string): api.TargetDetail | undefined {
    return this.targetByAddress.get(`${app}@${cluster}`);
  }

  sources(): readonly api.Source[] {
    return [...this.sourceByName.values()];
  }

  source(name: string): api.SourceDetail | undefined {
    return this.sourceByName.get(name);
  }

  addSource(input: api.AddSource): Promise<api.SourceDetail> {
    const name = input.name ?? input.url.split("/").at(-1) ?? "source";
    if (this.sourceByName.has(name)) {
      return Promise.reject(new DroverError("precondition_failed", `there is a source "${name}" already`));
    }
    const source: api.SourceDetail = {
      name,
      url: input.url,
      ref: input.ref ?? "main",
      version: input.version ?? "",
      credential: input.credential ?? "",
      path: input.path ?? "",
      declaredIn: "",
      intervalSeconds: input.intervalSeconds ?? 60,
      state: "progressing",
      reason: "NotFetchedYet",
      since: 0,
      revision: "",
      fetched: 0,
      applications: 0,
      conditions: [],
      problems: [],
      hostKeys: [],
      signers: [],
    };
    this.sourceByName.set(name, source);
    return Promise.resolve(source);
  }

  removeSource(name: string): Promise<void> {
    this.sourceByName.delete(name);
    return Promise.resolve();
  }

  credentials(): readonly Credential[] {
    return [...this.credentialByName.values()];
  }

  credential(name: string): Credential | undefined {
    return this.credentialByName.get(name);
  }

  addCredential(name: string, input: ReplaceCredential): Promise<Credential> {
    if (!this.credentialByName.has(name)) return this.replaceCredential(name, input);
    return Promise.reject(new DroverError("precondition_failed", `there is a credential "${name}" already`));
  }

  /** Remembers what is secret in `asked`, for tests to look at. */
  replaceCredential(name: string, input: ReplaceCredential): Promise<Credential> {
    this.asked.push(`credential ${name} ${JSON.stringify(input)}`);
    const { usedBy } = this.credentialByName.get(name) ?? { usedBy: [] };
    const state = { state: "current", reason: "", since: 0 } as const;
    const credential = { name, for: input.for, ...state, parts: [], expires: 0, usedBy };
    this.credentialByName.set(name, credential);
    return Promise.resolve(credential);
  }

  removeCredential(name: string): Promise<void> {
    this.credentialByName.delete(name);
    return Promise.resolve();
  }

  isFull = false;

  full(): boolean {
    return this.isFull;
  }

  readonly made: Backup[] = [];

  backups(): readonly Backup[] {
    return this.made;
  }

  makeBackup(): Promise<Backup> {
    const backup = { name: `hub-2026010${this.made.length + 1}T000000000Z.db`, bytes: 4096, at: 1 };
    this.made.push(backup);
    return Promise.resolve(backup);
  }

  recoveryNow: Recovery = { held: [], unread: [] };

  recovery(): Recovery {
    return this.recoveryNow;
  }

  confirmRecovery({ force = false }: ConfirmRecovery): Promise<Recovery> {
    this.asked.push(`confirm recovery${force ? " by force" : ""}`);
    this.recoveryNow = { held: [], unread: [] };
    return Promise.resolve(this.recoveryNow);
  }

  sourceIdentity(name: string): Promise<api.SourceIdentity> {
    return Promise.resolve(identity(name, this.sourceByName.get(name)?.hostKeys ?? []));
  }

  setSigners(name: string, { signedBy }: SetSigners): Promise<api.SourceDetail> {
    this.asked.push(`signers source/${name} ${signedBy.length}`);
    const source = this.sourceByName.get(name);
    if (source === undefined) return Promise.reject(new DroverError("not_found", `there is no source ${name}`));
    const changed = { ...source, signers: [...signedBy] };
    this.sourceByName.set(name, changed);
    return Promise.resolve(changed);
  }

  trustSource(name: string, { hostKeys }: api.TrustSource): Promise<api.SourceIdentity> {
    this.asked.push(`trust source/${name} ${hostKeys.join(", ")}`);
    return Promise.resolve(identity(name, hostKeys));
  }

  setWebhook(name: string, { forge, rotate = false }: SetWebhook): Promise<SourceWebhook> {
    this.asked.push(`webhook source/${name} ${forge}`);
    return Promise.resolve({ name, forge, path: `/webhooks/${name}`, secret: rotate ? "second" : "first" });
  }

  /** Believes who sends `opensesame`. */
  receiveWebhook(name: string): WebhookDelivery {
    let body = "";
    const { asked } = this;
    return {
      take: (chunk) => void (body += Buffer.from(chunk).toString()),
      end() {
        asked.push(`webhook of ${name}`);
        return body === "opensesame";
      },
      drop: () => void asked.push(`dropped webhook of ${name}`),
    };
  }

  joinCluster(input: JoinCluster): Promise<JoinedCluster> {
    if (this.clusterByName.has(input.name)) {
      return Promise.reject(new DroverError("cluster_exists", `a cluster "${input.name}" has joined already`));
    }
    return Promise.resolve({
      name: input.name,
      token: "drv1.0000.secret.pin",
      expires: 900_000,
      hub: "127.0.0.1:7475",
      brokerAccess: "",
      manifest: `# joins ${input.name} with ${JSON.stringify(input.labels ?? {})}\n`,
    });
  }

  labelCluster(name: string, labels: LabelCluster["labels"]): Promise<api.Cluster> {
    const cluster = this.clusterByName.get(name);
    if (cluster === undefined) return Promise.reject(new DroverError("not_found", `there is no cluster "${name}"`));
    const merged = Object.entries({ ...cluster.labels, ...labels });
    const kept = merged.filter((entry): entry is [string, string] => entry[1] !== null);
    const changed = { ...cluster, labels: Object.fromEntries(kept) };
    this.clusterByName.set(name, changed);
    return Promise.resolve(changed);
  }

  cordonCluster(name: string, { cordoned, reason = "" }: CordonCluster): Promise<api.Cluster> {
    const cluster = this.clusterByName.get(name);
    if (cluster === undefined) return Promise.reject(new DroverError("not_found", `there is no cluster "${name}"`));
    const changed = { ...cluster, cordoned: cordoned ? reason || "it is cordoned" : "" };
    this.clusterByName.set(name, changed);
    return Promise.resolve(changed);
  }

  acceptCluster(name: string): Promise<api.Cluster> {
    return this.#askAboutCluster("accept", name);
  }

  rejectCluster(name: string): Promise<api.Cluster> {
    return this.#askAboutCluster("reject", name);
  }

  rotateCluster(name: string): Promise<api.Cluster> {
    this.asked.push(`rotate ${name}`);
    return this.acceptCluster(name);
  }

  uninstallCluster(name: string): Promise<api.Cluster> {
    this.asked.push(`uninstall ${name}`);
    return this.acceptCluster(name);
  }

  revokeCluster(name: string, { reason = "" }: RevokeCluster): Promise<api.Cluster> {
    return this.#askAboutCluster("revoke", name, reason);
  }

  #askAboutCluster(...[what, name, ...more]: readonly [string, string, ...string[]]): Promise<api.Cluster> {
    const cluster = this.clusterByName.get(name);
    if (cluster === undefined) return Promise.reject(new DroverError("not_found", `there is no cluster "${name}"`));
    this.asked.push([what, name, ...more].join(" "));
    return Promise.resolve(cluster);
  }

  removeCluster(name: string): Promise<void> {
    this.clusterByName.delete(name);
    return Promise.resolve();
  }

  controlRollout(app: string, { action, strategy = "*", wave = "*" }: ControlRollout): Promise<api.ApplicationDetail> {
    this.asked.push(`rollout ${action} ${app} ${strategy} ${wave}`);
    const application = this.applicationByName.get(app);
    return application === undefined
      ? Promise.reject(new DroverError("not_found", `there is no app "${app}"`))
      : Promise.resolve(application);
  }

  confirmPlacement(app: string, digest: string): Promise<api.ApplicationDetail> {
    this.asked.push(`confirm-placement ${app} ${digest}`);
    const application = this.applicationByName.get(app);
    return application?.held.some((held) => held.digest === digest) === true
      ? Promise.resolve(application)
      : Promise.reject(new DroverError("precondition_failed", `${app} does not hold this change any more`));
  }

  syncApplication(app: string, cluster?: string): Promise<readonly string[]> {
    this.asked.push(cluster === undefined ? `sync ${app}` : `sync ${app}@${cluster}`);
    const addresses = [...this.targetByAddress.values()]
      .filter((target) => target.app === app && (cluster === undefined || target.cluster === cluster))
      .map((target) => `${target.app}@${target.cluster}`);
    return Promise.resolve(addresses);
  }

  confirmPrune(app: string, cluster: string, digest: string): Promise<void> {
    this.asked.push(`confirm ${app}@${cluster} ${digest}`);
    return Promise.resolve();
  }

  signTarget(app: string, cluster: string, { keyId }: api.SignTarget): Promise<void> {
    this.asked.push(`sign ${app}@${cluster} ${keyId}`);
    return Promise.resolve();
  }

  syncSource(name: string): Promise<void> {
    this.asked.push(`sync source/${name}`);
    return Promise.resolve();
  }

  diff(app: string, cluster: string, signal: AbortSignal): Promise<api.DiffResult> {
    return this.#ask(this.#fleet.diffs, { app, cluster }, signal);
  }

  tree(app: string, cluster: string, signal: AbortSignal): Promise<api.TreeResult> {
    return this.#ask(this.#fleet.trees, { app, cluster }, signal);
  }

  rbac(app: string, cluster: string, signal: AbortSignal): Promise<api.RbacResult> {
    return this.#ask(this.#fleet.rights, { app, cluster }, signal);
  }

  why(app: string, cluster: string): Promise<WhyResult> {
    return this.#answer(this.#fleet.reasons, { app, cluster });
  }

  blame(app: string, cluster: string, { object, namespace = "" }: BlameQuery): Promise<BlameResult> {
    this.asked.push(`blame ${object} ${namespace}`.trimEnd());
    return this.#answer(this.#fleet.blames, { app, cluster });
  }

  /** Whoever asks: entries are left by the API itself. */
  by(): Intents {
    return this;
  }

  ready(): boolean {
    return this.started;
  }

  metrics(): string {
    return "# HELP drover_up 1 while the hub runs\n# TYPE drover_up gauge\ndrover_up 1\n";
  }

  #answer<T extends { readonly app: string; readonly cluster: string }>(
    answers: readonly T[] = [],
    { app, cluster }: { readonly app: string; readonly cluster: string },
  ): Promise<T> {
    const answer = answers.find((candidate) => candidate.app === app && candidate.cluster === cluster);
    const none = new DroverError("not_found", `nothing is known of ${app}@${cluster}`);
    return answer === undefined ? Promise.reject(none) : Promise.resolve(answer);
  }

  /** An agent that is connected and has nothing to say keeps the caller waiting. */
  #ask<T extends { readonly app: string; readonly cluster: string }>(
    answers: readonly T[] | undefined,
    { app, cluster }: { readonly app: string; readonly cluster: string },
    signal: AbortSignal,
  ): Promise<T> {
    this.asked.push(`ask ${app}@${cluster}`);
    if (this.clusterByName.get(cluster)?.connected === false) {
      return Promise.reject(new DroverError("cluster_offline", `the agent of ${cluster} is not connected`));
    }
    const answer = answers?.find((candidate) => candidate.app === app && candidate.cluster === cluster);
    if (answer !== undefined) return Promise.resolve(answer);
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => {
      this.asked.push(`gave up ${app}@${cluster}`);
      reject(DroverError.from(signal.reason));
    });
    return promise;
  }
}

function identity(name: string, hostKeys: readonly string[]): api.SourceIdentity {
  const publicKey = `ssh-ed25519 AAAAtest drover@${name}`;
  return { name, publicKey, addTo: "the deploy keys of the repository", hostKeys: [...hostKeys] };
}
