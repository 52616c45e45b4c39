import { systemClock, type Clock } from "../clock.ts";
import type { Random } from "../retry.ts";
import type {
  AuditCheck,
  AuditEntry,
  AuditList,
  AuditQuery,
  Can,
  CanQuery,
  CreatedToken,
  CreateToken,
  Token,
  TokenHolder,
  TokenQuery,
} from "./access.ts";
import type { CordonCluster, LabelCluster, RevokeCluster } from "./cluster-changes.ts";
import type { AddCredential, Credential, CredentialQuery, ReplaceCredential } from "./credential.ts";
import type { BlameQuery, BlameResult, WhyResult } from "./explanations.ts";
import { createHttp, type Fetch, type Http } from "./http.ts";
import type { JoinCluster, JoinedCluster } from "./join.ts";
import type { Backup, ConfirmRecovery, Recovery } from "./maintenance.ts";
import type { ControlRollout } from "./rollouts.ts";
import type { Session } from "./session.ts";
import type { SetSigners } from "./signers.ts";
import { followEvents, type StreamItem } from "./stream.ts";
import type * as api from "./types.ts";
import type { SetWebhook, SourceWebhook } from "./webhook.ts";

export type { Fetch } from "./http.ts";
export type { StreamItem } from "./stream.ts";

export interface ClientOptions {
  /** Base address of the hub, such as `http://127.0.0.1:7474`. */
  readonly url: string;
  readonly token: string;
  readonly fetch?: Fetch;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * The admin API as functions. Every one throws DroverError with the hub's code, hint and trace, and `api_unreachable`
 * when there is no answer. `all` fetches the pages of a list one after the other, as they are asked for.
 */
export interface Client {
  version(signal: AbortSignal): Promise<api.Version>;
  /** Whose token this client has. */
  self(signal: AbortSignal): Promise<TokenHolder>;
  /** Whether it may do something. */
  can(query: CanQuery, signal: AbortSignal): Promise<Can>;
  readonly clusters: Listing<api.Cluster, api.ClusterQuery> & {
    get(name: string, signal: AbortSignal): Promise<api.Cluster>;
    join(input: JoinCluster, signal: AbortSignal): Promise<JoinedCluster>;
    /** A null value removes the label. */
    label(name: string, labels: LabelCluster["labels"], signal: AbortSignal): Promise<api.Cluster>;
    /** Keeps new applications away from a cluster, or lets them come again. */
    cordon(name: string, input: CordonCluster, signal: AbortSignal): Promise<api.Cluster>;
    /** Lets in what waits for a person. Throws `precondition_failed` when nothing does. */
    accept(name: string, signal: AbortSignal): Promise<api.Cluster>;
    /** Turns away the agent that waits. Throws `precondition_failed` when none does. */
    reject(name: string, signal: AbortSignal): Promise<api.Cluster>;
    /** Lets in nothing more that speaks for the cluster now. */
    revoke(name: string, input: RevokeCluster, signal: AbortSignal): Promise<api.Cluster>;
    /** Has its agent get a new certificate with a new key. Throws `precondition_failed` when it could not. */
    rotate(name: string, signal: AbortSignal): Promise<api.Cluster>;
    /** Removes what it runs, now or when its agent is back, and forgets it then. */
    uninstall(name: string, signal: AbortSignal): Promise<api.Cluster>;
    remove(name: string, signal: AbortSignal): Promise<void>;
  };
  readonly applications: Listing<api.Application, api.ApplicationQuery> & {
    get(name: string, signal: AbortSignal): Promise<api.ApplicationDetail>;
    sync(name: string, signal: AbortSignal): Promise<api.SyncResult>;
    /** Lets a wide change happen. Throws `precondition_failed` when it is not held any more. */
    confirmPlacement(name: string, digest: string, signal: AbortSignal): Promise<api.ApplicationDetail>;
    /** Throws `precondition_failed` when there is nothing to pause, resume or approve. */
    controlRollout(name: string, input: ControlRollout, signal: AbortSignal): Promise<api.ApplicationDetail>;
  };
  readonly targets: Listing<api.Target, api.TargetQuery> & {
    get(target: TargetAddress, signal: AbortSignal): Promise<api.TargetDetail>;
    sync(target: TargetAddress, signal: AbortSignal): Promise<api.SyncResult>;
    /** Lets the agent delete what it holds under this digest. Throws `precondition_failed` when that is not so any more. */
    confirmPrune(target: TargetAddress, input: api.ConfirmPrune, signal: AbortSignal): Promise<api.SyncResult>;
    /** Hands on what somebody has signed of its bundle. Throws `precondition_failed` when another is assigned by now. */
    sign(target: TargetAddress, input: api.SignTarget, signal: AbortSignal): Promise<api.SyncResult>;
    diff(target: TargetAddress, signal: AbortSignal): Promise<api.DiffResult>;
    tree(target: TargetAddress, signal: AbortSignal): Promise<api.TreeResult>;
    rbac(target: TargetAddress, signal: AbortSignal): Promise<api.RbacResult>;
    why(target: TargetAddress, signal: AbortSignal): Promise<WhyResult>;
    blame(target: TargetAddress, wanted: BlameQuery, signal: AbortSignal): Promise<BlameResult>;
  };
  readonly sources: Listing<api.Source, api.SourceQuery> & {
    get(name: string, signal: AbortSignal): Promise<api.SourceDetail>;
    add(input: api.AddSource, signal: AbortSignal): Promise<api.SourceDetail>;
    remove(name: string, signal: AbortSignal): Promise<void>;
    sync(name: string, signal: AbortSignal): Promise<api.SourceDetail>;
    identity(name: string, signal: AbortSignal): Promise<api.SourceIdentity>;
    trust(name: string, input: api.TrustSource, signal: AbortSignal): Promise<api.SourceIdentity>;
    signers(name: string, input: SetSigners, signal: AbortSignal): Promise<api.SourceDetail>;
    /** Makes the secret when there is none. */
    webhook(name: string, input: SetWebhook, signal: AbortSignal): Promise<SourceWebhook>;
  };
  readonly credentials: Listing<Credential, CredentialQuery> & {
    get(name: string, signal: AbortSignal): Promise<Credential>;
    add(input: AddCredential, signal: AbortSignal): Promise<Credential>;
    /** Adds it when there is none of that name. */
    replace(name: string, input: ReplaceCredential, signal: AbortSignal): Promise<Credential>;
    remove(name: string, signal: AbortSignal): Promise<void>;
  };
  readonly tokens: Listing<Token, TokenQuery> & {
    /** Answers with the token itself, this once. */
    create(input: CreateToken, signal: AbortSignal): Promise<CreatedToken>;
    revoke(name: string, signal: AbortSignal): Promise<void>;
  };
  readonly sessions: {
    /** Who is logged in. */
    list(signal: AbortSignal): Promise<{ readonly items: readonly Session[] }>;
    end(id: string, signal: AbortSignal): Promise<void>;
  };
  readonly audit: {
    list(query: AuditQuery, signal: AbortSignal): Promise<AuditList>;
    /** Entries that are there, over all pages, up to the newest at the time of the first page. */
    all(query: AuditQuery, signal: AbortSignal): AsyncGenerator<AuditEntry, void>;
    check(signal: AbortSignal): Promise<AuditCheck>;
  };
  readonly backups: {
    list(signal: AbortSignal): Promise<{ readonly items: readonly Backup[] }>;
    make(signal: AbortSignal): Promise<Backup>;
  };
  readonly recovery: {
    get(signal: AbortSignal): Promise<Recovery>;
    confirm(input: ConfirmRecovery, signal: AbortSignal): Promise<Recovery>;
  };
  readonly events: {
    list(query: api.EventQuery, signal: AbortSignal): Promise<api.EventList>;
    /** Events that are there, over all pages, up to the newest at the time of the first page. */
    all(query: api.EventQuery, signal: AbortSignal): AsyncGenerator<api.Event, void>;
    /** Never ends by itself: reconnects and resumes until the signal aborts or the hub refuses. */
    follow(query: api.EventStreamQuery, signal: AbortSignal): AsyncGenerator<StreamItem, void>;
  };
}

export interface Listing<Item, Query> {
  list(query: Query, signal: AbortSignal): Promise<api.List<Item>>;
  all(query: Query, signal: AbortSignal): AsyncGenerator<Item, void>;
}

export type TargetAddress = Pick<api.Target, "app" | "cluster">;

const named = (kind: string, name: string): string => `/${kind}/${encodeURIComponent(name)}`;

const targetPath = ({ app, cluster }: TargetAddress): string =>
  `${named("targets", app)}/${encodeURIComponent(cluster)}`;

export function createClient(options: ClientOptions): Client {
  const http = createHttp(options);
  const listing = <Item, Query extends object>(path: string): Listing<Item, Query> => {
    const list = (query: Query, signal: AbortSignal) => http.get<api.List<Item>>(path, signal, query);
    return { list, all: (query, signal) => pages((cursor) => list({ limit: 500, ...query, ...cursor }, signal)) };
  };
  const events = (query: api.EventQuery, signal: AbortSignal) => http.get<api.EventList>("/events", signal, query);
  return {
    version: (signal) => http.get("/version", signal),
    self: (signal) => http.get("/self", signal),
    can: (query, signal) => http.get("/self/can", signal, query),
    clusters: {
      ...listing("/clusters"),
      get: (name, signal) => http.get(named("clusters", name), signal),
      join: (input, signal) => http.send("POST", "/clusters", signal, input),
      label: (name, labels, signal) => http.send("PATCH", `${named("clusters", name)}/labels`, signal, { labels }),
      cordon: (name, input, signal) => http.send("PATCH", `${named("clusters", name)}/cordon`, signal, input),
      accept: (name, signal) => http.send("POST", `${named("clusters", name)}/accept`, signal),
      reject: (name, signal) => http.send("POST", `${named("clusters", name)}/reject`, signal),
      revoke: (name, input, signal) => http.send("POST", `${named("clusters", name)}/revoke`, signal, input),
      rotate: (name, signal) => http.send("POST", `${named("clusters", name)}/rotate`, signal),
      uninstall: (name, signal) => http.send("POST", `${named("clusters", name)}/uninstall`, signal),
      remove: (name, signal) => http.send("DELETE", named("clusters", name), signal),
    },
    applications: {
      ...listing("/applications"),
      get: (name, signal) => http.get(named("applications", name), signal),
      sync: (name, signal) => http.send("POST", `${named("applications", name)}/sync`, signal),
      confirmPlacement: (name, digest, signal) =>
        http.send("POST", `${named("applications", name)}/confirm-placement`, signal, { digest }),
      controlRollout: (name, input, signal) =>
        http.send("POST", `${named("applications", name)}/rollout`, signal, input),
    },
    targets: {
      ...listing("/targets"),
      get: (target, signal) => http.get(targetPath(target), signal),
      sync: (target, signal) => http.send("POST", `${targetPath(target)}/sync`, signal),
      sign: (target, input, signal) => http.send("POST", `${targetPath(target)}/signatures`, signal, input),
      confirmPrune: (target, input, signal) => http.send("POST", `${targetPath(target)}/confirm-prune`, signal, input),
      diff: (target, signal) => http.get(`${targetPath(target)}/diff`, signal),
      tree: (target, signal) => http.get(`${targetPath(target)}/tree`, signal),
      rbac: (target, signal) => http.get(`${targetPath(target)}/rbac`, signal),
      why: (target, signal) => http.get(`${targetPath(target)}/why`, signal),
      blame: (target, wanted, signal) => http.get(`${targetPath(target)}/blame`, signal, wanted),
    },
    ...sourceCalls(http, listing),
    ...accessCalls(http, listing),
    ...maintenanceCalls(http),
    events: {
      list: events,
      all: (query, signal) => numberedPages(query, (page) => events(page, signal)),
      follow: (query, signal) =>
        followEvents(
          { http, query, clock: options.clock ?? systemClock, random: options.random ?? Math.random },
          signal,
        ),
    },
  };
}

type ListingOf = <Item, Query extends object>(path: string) => Listing<Item, Query>;

/** Of the repositories that are read, and of what they are read with. */
function sourceCalls(http: Http, listing: ListingOf): Pick<Client, "sources" | "credentials"> {
  return {
    sources: {
      ...listing("/sources"),
      get: (name, signal) => http.get(named("sources", name), signal),
      add: (input, signal) => http.send("POST", "/sources", signal, input),
      remove: (name, signal) => http.send("DELETE", named("sources", name), signal),
      sync: (name, signal) => http.send("POST", `${named("sources", name)}/sync`, signal),
      identity: (name, signal) => http.get(`${named("sources", name)}/identity`, signal),
      trust: (name, input, signal) => http.send("PUT", `${named("sources", name)}/host-keys`, signal, input),
      signers: (name, input, signal) => http.send("PUT", `${named("sources", name)}/signers`, signal, input),
      webhook: (name, input, signal) => http.send("PUT", `${named("sources", name)}/webhook`, signal, input),
    },
    credentials: {
      ...listing("/credentials"),
      get: (name, signal) => http.get(named("credentials", name), signal),
      add: (input, signal) => http.send("POST", "/credentials", signal, input),
      replace: (name, input, signal) => http.send("PUT", named("credentials", name), signal, input),
      remove: (name, signal) => http.send("DELETE", named("credentials", name), signal),
    },
  };
}

/** Of who may do what, and who did. */
function accessCalls(http: Http, listing: ListingOf): Pick<Client, "tokens" | "sessions" | "audit"> {
  const audit = (query: AuditQuery, signal: AbortSignal) => http.get<AuditList>("/audit", signal, query);
  return {
    tokens: {
      ...listing("/tokens"),
      create: (input, signal) => http.send("POST", "/tokens", signal, input),
      revoke: (name, signal) => http.send("DELETE", named("tokens", name), signal),
    },
    sessions: {
      list: (signal) => http.get("/sessions", signal),
      end: (id, signal) => http.send("DELETE", named("sessions", id), signal),
    },
    audit: {
      list: audit,
      all: (query, signal) => numberedPages(query, (page) => audit(page, signal)),
      check: (signal) => http.get("/audit/check", signal),
    },
  };
}

function maintenanceCalls(http: Http): Pick<Client, "backups" | "recovery"> {
  return {
    backups: {
      list: (signal) => http.get("/backups", signal),
      make: (signal) => http.send("POST", "/backups", signal),
    },
    recovery: {
      get: (signal) => http.get("/recovery", signal),
      confirm: (input, signal) => http.send("POST", "/recovery", signal, input),
    },
  };
}

async function* pages<Item>(
  list: (cursor: { readonly cursor?: string }) => Promise<api.List<Item>>,
): AsyncGenerator<Item, void> {
  let cursor: { readonly cursor?: string } = {};
  for (;;) {
    const page = await list(cursor);
    yield* page.items;
    if (page.next === undefined) return;
    cursor = { cursor: page.next };
  }
}

/** The pages of a list that only grows at its end. */
async function* numberedPages<Item, Query extends { readonly after?: number }>(
  query: Query,
  list: (
    query: Query & { readonly limit: number; readonly after: number },
  ) => Promise<{ readonly items: readonly Item[]; readonly next: number; readonly newest: number }>,
): AsyncGenerator<Item, void> {
  let after = query.after ?? 0;
  let end = Number.POSITIVE_INFINITY;
  while (after < end) {
    const page = await list({ limit: 500, ...query, after });
    yield* page.items;
    end = Math.min(end, page.newest);
    if (page.next === after) return;
    after = page.next;
  }
}
