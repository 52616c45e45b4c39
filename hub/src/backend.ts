import type * as api from "@drover/shared/api/types";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { HubLink } from "@drover/shared/link/link";
import type { Metrics } from "@drover/shared/metrics";

import type { Backend, Intents } from "./api/backend.ts";
import { auditEntry, auditedStore } from "./audited-store.ts";
import { createAcceptance } from "./controllers/acceptance.ts";
import { createAuditReads } from "./controllers/audit.ts";
import type { Backups } from "./controllers/backups.ts";
import { createCredentials, credentialFor } from "./controllers/credentials.ts";
import type { Enrollment } from "./controllers/enrollment.ts";
import type { EventLog } from "./controllers/event-log.ts";
import type { Inspections } from "./controllers/inspections.ts";
import { createRecovery } from "./controllers/recovery.ts";
import { signTarget } from "./controllers/signatures.ts";
import { changeSigners } from "./controllers/source-signers.ts";
import { createTokens } from "./controllers/tokens.ts";
import { createWebhooks } from "./controllers/webhooks.ts";
import type { World } from "./controllers/world.ts";
import { nameFromUrl } from "./core/source-name.ts";
import { formatTarget, type TargetId } from "./core/target.ts";
import { isRange, rangeHint } from "./core/version-range.ts";
import type { Explanations } from "./explanations.ts";
import { joinCluster, type JoinDeps } from "./join-cluster.ts";
import type { Loop } from "./loop.ts";
import { confirmPlacement, controlRollout } from "./rollout-intents.ts";
import { parseAddress } from "./source/git/address.ts";
import type { Mirror } from "./source/git/mirror.ts";
import { readSigners } from "./source/signatures/signers.ts";
import { whereToAdd, type DeployKeys } from "./source/ssh/deploy-keys.ts";
import { readHostKeys } from "./source/ssh/host-keys.ts";
import { describeKey } from "./source/ssh/ssh-keys.ts";
import { findCredential } from "./source/web/credential.ts";
import { newWebhookSecret } from "./source/webhook.ts";
import type { Reserve } from "./store/reserve.ts";
import { sourceDefaults, type SourceRecord, type Store } from "./store/store.ts";
import { createViews } from "./views.ts";

export interface BackendDeps {
  readonly version: string;
  readonly store: Store;
  readonly world: World;
  readonly events: EventLog;
  readonly enrollment: Pick<Enrollment, "invite">;
  readonly inspections: Inspections;
  readonly explanations: Explanations;
  readonly link: Pick<HubLink, "disconnect">;
  readonly mirror: Pick<Mirror, "forget">;
  readonly deployKeys: Pick<DeployKeys, "of" | "forget">;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly reserve: Pick<Reserve, "held">;
  readonly backups: Pick<Backups, "make" | "list">;
  readonly settings: JoinDeps["settings"] & { readonly pollSeconds: number };
  readonly ready: () => boolean;
  /** What has to be looked at after an intent was written. */
  readonly wake: Loop["wake"];
}

/** Answers the admin API: reads are views, intents are written to the store and left to the controllers. */
export function createBackend(deps: BackendDeps): Backend {
  const views = createViews(deps);
  const { credentials, credential } = createCredentials({ ...deps, changed: deps.wake.credential });
  const { tokens, issuedToken } = createTokens(deps);
  const now = (): number => deps.clock.now();
  return {
    version: { version: deps.version, hub: deps.store.hubId, node: process.version },
    events: deps.events,
    clusters: views.clusters,
    applications: views.applications,
    application: views.application,
    targets: views.targets,
    target: views.target,
    sources: views.sources,
    source: views.source,
    ready: deps.ready,
    metrics: () => deps.metrics.render(),
    credentials,
    credential,
    tokens,
    issuedToken,
    ...createAuditReads(deps.store.access),
    sourceIdentity: (name) => identityOf(deps, name),
    receiveWebhook: createWebhooks({ ...deps, hint: deps.wake.webhook }),
    diff: async (app, cluster, signal) => {
      requireTarget(deps.store, app, cluster);
      // The agent builds it from the same schema; the hub passes it on.
      return (await deps.inspections.ask({ app, cluster }, "diff", signal)) as api.DiffResult;
    },
    tree: async (app, cluster, signal) => {
      requireTarget(deps.store, app, cluster);
      return (await deps.inspections.ask({ app, cluster }, "tree", signal)) as api.TreeResult;
    },
    rbac: async (app, cluster, signal) => {
      requireTarget(deps.store, app, cluster);
      return (await deps.inspections.ask({ app, cluster }, "rbac", signal)) as api.RbacResult;
    },
    why: async (app, cluster, signal) => {
      const result = await deps.explanations.why({ app, cluster }, signal);
      const target = views.target(app, cluster);
      if (target === undefined) return result;
      const { state, reason, message, revision, bundle } = target;
      return { ...result, target: { state, reason, message, revision, bundle } };
    },
    blame: (app, cluster, wanted, signal) => deps.explanations.blame({ app, cluster }, wanted, signal),
    full: () => !deps.reserve.held,
    backups: () => deps.backups.list(),
    recovery: createRecovery({ ...deps, send: deps.wake.clusters }).recovery,
    by: (decision) => intents({ ...deps, store: auditedStore(deps.store, decision, now) }, views, decision.actor),
    record: (decision, outcome) =>
      deps.store.decide(auditEntry(decision, outcome, { at: now(), changed: [] }), () => undefined),
  };
}

function intents(deps: BackendDeps, views: ReturnType<typeof createViews>, actor: string): Intents {
  const { addCredential, replaceCredential, removeCredential } = createCredentials({
    ...deps,
    changed: deps.wake.credential,
  });
  const { createToken, revokeToken } = createTokens(deps);
  return {
    addCredential,
    replaceCredential,
    removeCredential,
    createToken,
    revokeToken,
    makeBackup: async () => deps.backups.make(),
    confirmRecovery: createRecovery({ ...deps, send: deps.wake.clusters }).confirmRecovery,
    ...sourceIntents(deps, views.source),
    ...trustIntents(deps, views.source),
    ...clusterIntents(deps, views.cluster),
    ...acceptanceIntents(deps, views.cluster),
    syncApplication: async (app, cluster) => sync(deps, app, cluster),
    controlRollout: async (app, control) => {
      controlRollout({ ...deps, actor }, app, control);
      deps.wake.rollouts([app]);
      return required(views.application(app), `app ${app}`);
    },
    confirmPlacement: async (app, digest) => {
      confirmPlacement({ ...deps, actor }, app, digest);
      deps.wake.rollouts([app]);
      return required(views.application(app), `app ${app}`);
    },
    confirmPrune: async (app, cluster, digest) => confirmPrune(deps, { app, cluster }, digest),
    signTarget: async (app, cluster, input) =>
      signTarget({ ...deps, send: deps.wake.clusters }, { app, cluster }, input),
  };
}

function sourceIntents(
  deps: BackendDeps,
  view: (name: string) => api.SourceDetail | undefined,
): Pick<Intents, "addSource" | "removeSource" | "syncSource"> {
  const { store, wake } = deps;
  return {
    async addSource(input) {
      const name = input.name ?? nameFromUrl(input.url);
      const signers = await readSigners(input.signedBy ?? []);
      if (store.source(name) !== undefined) {
        throw new DroverError("precondition_failed", `there is a source named ${name} already`, {
          hint: "choose another name with --name, or remove the other first",
        });
      }
      const record = { ...toRecord(name, input, deps.settings.pollSeconds), signers };
      const { kind } = parseAddress(record);
      checkSourceCredential(store, record);
      store.putSource(record);
      // A person adds it to the repository before anything can be fetched.
      if (kind === "ssh") await deps.deployKeys.of(name);
      wake.sources();
      return required(view(name), `source ${name}`);
    },
    async removeSource(name) {
      const { declaredIn } = required(store.source(name), `source ${name}`);
      if (declaredIn !== "") {
        throw new DroverError("precondition_failed", `the source ${name} is declared in ${declaredIn}`, {
          hint: "take its Repository out of Git",
        });
      }
      store.deleteSource(name);
      await deps.mirror.forget(name);
      await deps.deployKeys.forget(name);
      wake.sources();
      wake.source(name);
    },
    async syncSource(name) {
      required(store.source(name), `source ${name}`);
      wake.source(name);
    },
  };
}

/** What a source, and who tells of it, is known by. */
function trustIntents(
  deps: BackendDeps,
  view: (name: string) => api.SourceDetail | undefined,
): Pick<Intents, "trustSource" | "setSigners" | "setWebhook"> {
  const { store, wake } = deps;
  return {
    async trustSource(name, input) {
      const record = requireSshSource(store, name);
      store.putSource({ ...record, hostKeys: readHostKeys(record.url, input.hostKeys) });
      wake.source(name);
      return identityOf(deps, name);
    },
    async setSigners(name, { signedBy }) {
      await changeSigners(deps, name, signedBy);
      wake.source(name);
      return required(view(name), `source ${name}`);
    },
    async setWebhook(name, { forge, rotate = false }) {
      const record = required(store.source(name), `source ${name}`);
      const kept = !rotate && record.webhook?.forge === forge ? record.webhook : undefined;
      const webhook = kept ?? { forge, secret: newWebhookSecret() };
      if (kept === undefined) store.putSource({ ...record, webhook });
      return { name, path: `/webhooks/${name}`, ...webhook };
    },
  };
}

async function identityOf({ store, deployKeys }: BackendDeps, name: string): Promise<api.SourceIdentity> {
  const record = requireSshSource(store, name);
  const { publicLine } = await deployKeys.of(name);
  const hostKeys = record.hostKeys.map((key) => describeKey(key));
  return { name, publicKey: publicLine, addTo: whereToAdd, hostKeys };
}

function clusterIntents(
  deps: BackendDeps,
  view: (name: string) => api.Cluster | undefined,
): Pick<Intents, "joinCluster" | "labelCluster" | "cordonCluster"> {
  const { store, events, wake } = deps;
  const labelled = (cluster: string): void => {
    events.append({ type: "labelled", app: "", cluster, message: `labels of ${cluster} changed` });
    wake.applications();
  };
  return {
    joinCluster: async (input) => joinCluster(deps, labelled, input),
    async labelCluster(name, labels) {
      const record = required(store.cluster(name), `cluster ${name}`);
      const next = new Map(Object.entries(record.labels));
      for (const [key, value] of Object.entries(labels)) {
        if (value === null) next.delete(key);
        else next.set(key, value);
      }
      store.putCluster({ ...record, labels: Object.fromEntries(next) });
      labelled(name);
      return required(view(name), `cluster ${name}`);
    },
    async cordonCluster(name, { cordoned, reason = "" }) {
      const record = required(store.cluster(name), `cluster ${name}`);
      store.putCluster({ ...record, cordon: cordoned ? reason.trim() || "it is cordoned" : "" });
      const message = cordoned ? `${name} takes no new applications` : `${name} takes new applications again`;
      events.append({ type: cordoned ? "cordoned" : "uncordoned", app: "", cluster: name, message });
      wake.applications();
      return required(view(name), `cluster ${name}`);
    },
  };
}

/** About who speaks for a cluster. */
function acceptanceIntents(
  deps: BackendDeps,
  view: (name: string) => api.Cluster | undefined,
): Pick<Intents, "acceptCluster" | "rejectCluster" | "revokeCluster" | "removeCluster"> {
  const { store, events, world, link } = deps;
  const acceptance = createAcceptance(deps);
  return {
    async acceptCluster(name) {
      required(store.cluster(name), `cluster ${name}`);
      acceptance.accept(name);
      return required(view(name), `cluster ${name}`);
    },
    async rejectCluster(name) {
      required(store.cluster(name), `cluster ${name}`);
      acceptance.reject(name);
      return required(view(name), `cluster ${name}`);
    },
    async revokeCluster(name, { reason = "" }) {
      required(store.cluster(name), `cluster ${name}`);
      acceptance.revoke(name, reason.trim() || "no reason was given");
      link.disconnect(name, "the cluster was revoked");
      return required(view(name), `cluster ${name}`);
    },
    async removeCluster(name) {
      required(store.cluster(name), `cluster ${name}`);
      acceptance.detach(name);
      store.deleteCluster(name);
      link.disconnect(name, "the cluster was removed from the hub");
      world.connections.delete(name);
      events.append({ type: "left", app: "", cluster: name, message: `${name} was removed; what it runs stays` });
    },
  };
}

function sync(deps: BackendDeps, app: string, cluster?: string): readonly string[] {
  const records = deps.store.targetsOf(app).filter((record) => cluster === undefined || record.cluster === cluster);
  if (records.length === 0)
    throw new DroverError("not_found", `there is no target ${app}${cluster === undefined ? "" : `@${cluster}`}`);
  const put = records.map((record) => ({ ...record, syncRequest: record.syncRequest + 1 }));
  deps.store.assign({ put, forget: [], blobs: new Map() });
  deps.wake.clusters(records.map((record) => record.cluster));
  return records.map((record) => `${record.app}@${record.cluster}`);
}

/** Durable before it is acknowledged; the agent compares the digest once more with what it holds by then. */
function confirmPrune({ store, events, wake }: BackendDeps, id: TargetId, digest: string): void {
  const name = formatTarget(id);
  const record = required(store.target(id), `target ${name}`);
  const held = store.observed(id)?.report?.heldPrune;
  if (held?.digest !== digest) {
    throw new DroverError("precondition_failed", `${name} does not hold these deletions any more`, {
      hint: `see what it holds now: drover describe target ${name}`,
    });
  }
  store.assign({ put: [{ ...record, confirmPrune: digest }], forget: [], blobs: new Map() });
  const what = held.reason === "HookFailed" ? "another run" : "the deletion";
  events.append({ type: "prune-confirmed", ...id, message: `${what} of ${countOf(held.objects)} was confirmed` });
  wake.clusters([id.cluster]);
}

function countOf(objects: number): string {
  return objects === 1 ? "1 object" : `${objects} objects`;
}

function toRecord(name: string, input: api.AddSource, pollSeconds: number): SourceRecord {
  const hostKeys = readHostKeys(input.url, input.hostKeys ?? []);
  const path = (input.path ?? "").replaceAll(/^[./]+|\/+$/gu, "");
  const { ref = "", version = "", intervalSeconds = pollSeconds } = input;
  const { username = "", password = "", credential = "" } = input;
  if (version !== "") checkVersion(version, ref);
  const login = { username, password, credential };
  return { ...sourceDefaults, ...login, name, url: input.url, ref, version, path, intervalSeconds, hostKeys };
}

/** A person can say at once which credential is meant; one that Git names may come later. */
function checkSourceCredential(store: Store, source: SourceRecord): void {
  const { credential } = source;
  if (credential === "") return;
  const address = parseAddress(source);
  if (address.kind !== "http") throw new DroverError("usage", "a credential is for addresses over http(s)");
  if (address.username !== "" || address.password !== "")
    throw new DroverError("usage", "a source is read with a credential, or with a user name and password, not both");
  findCredential(credentialFor(store), credential, address.url);
}

function checkVersion(version: string, ref: string): void {
  if (ref !== "")
    throw new DroverError("usage", "a source is read at a ref or at the newest of some versions, not both");
  if (isRange(version)) return;
  throw new DroverError("usage", `${JSON.stringify(version.slice(0, 80))} is no range of versions`, {
    hint: rangeHint,
  });
}

function requireSshSource(store: Store, name: string): SourceRecord {
  const record = required(store.source(name), `source ${name}`);
  if (parseAddress(record).kind === "ssh") return record;
  throw new DroverError("precondition_failed", `the source ${name} is not read over SSH`, {
    hint: "only sources over SSH have a deploy key and host keys",
  });
}

function requireTarget(store: Store, app: string, cluster: string): void {
  required(store.target({ app, cluster }), `target ${app}@${cluster}`);
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new DroverError("not_found", `there is no ${what}`);
  return value;
}
