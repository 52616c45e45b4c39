import type * as api from "@drover/shared/api/types";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { HubLink, Inspect } from "@drover/shared/link/link";
import type { Metrics } from "@drover/shared/metrics";

import type { Backend, Intents } from "../api/backend.ts";
import { createAuditReads } from "../controllers/audit.ts";
import type { Backups } from "../controllers/backups.ts";
import { createCredentials } from "../controllers/credentials.ts";
import type { Enrollment } from "../controllers/enrollment.ts";
import type { EventLog } from "../controllers/event-log.ts";
import type { Inspections } from "../controllers/inspections.ts";
import { createRecovery } from "../controllers/recovery.ts";
import { createSessions } from "../controllers/sessions.ts";
import { signTarget } from "../controllers/signatures.ts";
import { createTokens } from "../controllers/tokens.ts";
import { createWebhooks } from "../controllers/webhooks.ts";
import type { World } from "../controllers/world.ts";
import { receiptLifeMs } from "../core/receipt.ts";
import type { Approver } from "../core/rollout/approval.ts";
import { formatTarget, type TargetId } from "../core/target.ts";
import type { Loop } from "../loop.ts";
import type { Mirror } from "../source/git/mirror.ts";
import type { DeployKeys } from "../source/ssh/deploy-keys.ts";
import type { Reserve } from "../store/reserve.ts";
import type { Store } from "../store/store.ts";
import { auditEntry, auditedStore } from "./audited-store.ts";
import { clusterIntents } from "./cluster-intents.ts";
import type { Explanations } from "./explanations.ts";
import type { JoinDeps } from "./join-cluster.ts";
import { required } from "./required.ts";
import { confirmPlacement, controlRollout } from "./rollout-intents.ts";
import { identityOf, sourceIntents } from "./source-intents.ts";
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
  /** Tells what creating something will be answered, where that holds what is told this once. */
  readonly foretell?: (answer: object) => void;
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
    ...liveReads(deps),
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
    by: (decision) => {
      const foretell = (answer: object): void => decision.receipt?.foretell(201, JSON.stringify(answer));
      return intents({ ...deps, foretell, store: auditedStore(deps.store, decision, now) }, views, {
        name: decision.actor,
        principal: decision.principal,
      });
    },
    ...sessionsOf(deps),
    record: (decision, outcome) =>
      deps.store.decide(auditEntry(decision, outcome, { at: now(), changed: [] }), () => undefined),
  };
}

/** Asked of the agent, which builds the answers from the same schemas; the hub passes them on. */
function liveReads({ store, inspections }: BackendDeps): Pick<Backend, "diff" | "tree" | "rbac"> {
  const ask = (app: string, cluster: string, what: Inspect["what"], signal: AbortSignal): Promise<unknown> => {
    required(store.target({ app, cluster }), `target ${app}@${cluster}`);
    return inspections.ask({ app, cluster }, what, signal);
  };
  return {
    diff: async (app, cluster, signal) => (await ask(app, cluster, "diff", signal)) as api.DiffResult,
    tree: async (app, cluster, signal) => (await ask(app, cluster, "tree", signal)) as api.TreeResult,
    rbac: async (app, cluster, signal) => (await ask(app, cluster, "rbac", signal)) as api.RbacResult,
  };
}

/** Who is logged in, and what requests were answered. */
function sessionsOf(deps: BackendDeps): Pick<Backend, "sessions" | "session" | "receipt" | "keepReceipt"> {
  const { access } = deps.store;
  const { sessions, session } = createSessions(deps);
  return {
    sessions,
    session,
    receipt(id, now) {
      const receipt = access.receipt(id);
      return receipt !== undefined && receipt.atMs > now - receiptLifeMs ? receipt : undefined;
    },
    keepReceipt: (receipt) => access.putReceipt(receipt),
  };
}

function intents(deps: BackendDeps, views: ReturnType<typeof createViews>, actor: Approver): Intents {
  const { addCredential, replaceCredential, removeCredential } = createCredentials({
    ...deps,
    changed: deps.wake.credential,
  });
  const { createToken, revokeToken } = createTokens(deps);
  const { beginSession, endSession } = createSessions(deps);
  return {
    addCredential,
    replaceCredential,
    removeCredential,
    createToken,
    revokeToken,
    beginSession,
    endSession,
    makeBackup: async () => deps.backups.make(),
    confirmRecovery: createRecovery({ ...deps, send: deps.wake.clusters }).confirmRecovery,
    ...sourceIntents(deps, views.source),
    ...clusterIntents(deps, views.cluster),
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
