import type { CanQuery, Role } from "@drover/shared/api/access";
import type { LabelCluster } from "@drover/shared/api/cluster-changes";
import type { JoinCluster } from "@drover/shared/api/join";
import type { Cluster, Target } from "@drover/shared/api/types";
import { DroverError } from "@drover/shared/errors";
import type { FastifyInstance, FastifyRequest } from "fastify";

import { kinds, may, rolesThatMay, verbs, type Kind, type Verb } from "../../core/access/roles.ts";
import { FailureLimit } from "../../core/failure-limit.ts";
import type { Backend, Decision, Intents } from "../backend.ts";
import { notFound } from "../context.ts";
import type { Labels } from "../label-selector.ts";
import { problemReply } from "../problem-reply.ts";
import { nobody, type Holder } from "./holder.ts";
import { sightOf, type Sight } from "./sight.ts";
import { accessTable, type Guarded, type RouteAccess } from "./table.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** `nobody` where no token is asked for. */
    holder: Holder;
    /** What its holder may see. */
    sight: Sight;
    /** What its holder may change, on whose behalf it is done. */
    intents: Intents;
    /** What it asks for, once that is known. */
    decision: Decision | undefined;
    /** Why it failed. */
    failure: { readonly code: string; readonly detail: string } | undefined;
  }
  interface FastifyContextConfig {
    access?: RouteAccess;
  }
}

export interface GuardOptions {
  readonly backend: Backend;
  /** Whose token the header holds. Throws `unauthorized`. */
  readonly authenticate: (request: FastifyRequest) => Promise<Holder>;
  readonly now: () => number;
  readonly table?: Readonly<Record<string, RouteAccess>>;
}

/**
 * Stands before every route that is added after it. A route that is not in the table is an error at start-up, so that
 * none can be reached that nobody thought about. The right is looked for before the body is read, the scope after.
 */
export function guard(app: FastifyInstance, options: GuardOptions): void {
  const { backend, authenticate, table = accessTable } = options;
  for (const name of ["holder", "sight", "intents", "decision", "failure"]) app.decorateRequest(name);
  app.addHook("onRoute", (route) => {
    for (const method of [route.method].flat()) {
      const name = `${method === "HEAD" ? "GET" : method} ${route.url}`;
      const access = Object.hasOwn(table, name) ? table[name] : undefined;
      if (access === undefined) {
        throw new DroverError("internal", `nothing says who may use ${name}`, { hint: "name it in api/access/table" });
      }
      route.config = { ...route.config, access };
    }
  });
  leaveEntries(app, options);
  app.addHook("onRequest", async (request) => {
    request.holder = nobody;
    const { access } = request.routeOptions.config;
    // Absent only where no route is.
    if (access === undefined || access === "open") return;
    if (typeof access === "object") request.decision = decisionOf(request, access);
    request.holder = await authenticate(request);
    request.sight = sightOf(backend, request.holder.scope);
    if (typeof access !== "object") return;
    request.decision = decisionOf(request, access);
    checkRight(request.holder, access);
  });
  app.addHook("preHandler", async (request) => {
    const { access } = request.routeOptions.config;
    if (typeof access !== "object") return;
    const asked = { ...access, verbs: [verbOf(access, request.body)] };
    request.decision = decisionOf(request, asked);
    request.intents = backend.by(request.decision);
    checkRight(request.holder, asked);
    if (request.holder.scope !== "") checkScope(request, access, backend);
  });
}

function decisionOf(request: FastifyRequest, { verbs: [verb = "read"], kind }: Guarded): Decision {
  const params = request.params as Readonly<Record<string, string>>;
  const { app = "", cluster = "" } = params;
  const given = (request.body as { readonly name?: unknown } | null | undefined)?.name;
  const name = params["name"] ?? (app === "" ? (typeof given === "string" ? given : "") : addressOf({ app, cluster }));
  const { holder, id, ip: address } = request;
  return { ...actorOf(holder), verb, kind, name, request: id, address, changes: 0 };
}

/** What an entry of the audit log says of who it was. */
export function actorOf({ name, person, principal }: Holder): Pick<Decision, "actor" | "person" | "principal"> {
  const who = person === undefined ? {} : { person };
  return { actor: name, ...who, ...(principal === undefined ? {} : { principal }) };
}

/**
 * Sees to it that what was asked for is in the audit log before it is answered, whatever came of it. Changes have left
 * their entries themselves. Of what fails there is a bounded number of entries a minute and holder.
 */
function leaveEntries(app: FastifyInstance, { backend, now }: GuardOptions): void {
  const failures = new FailureLimit({ failures: failuresPerMinute, withinMs: 60_000 });
  app.addHook("onError", async (request, _reply, cause) => {
    const { code, detail } = problemReply(cause, request.id).problem;
    request.failure = { code, detail };
  });
  app.addHook("onSend", async (request) => {
    const { decision, failure } = request;
    if (decision === undefined) return;
    if (failure === undefined) {
      if (decision.verb !== "read" && decision.changes === 0) backend.record(decision, { result: "done", reason: "" });
      return;
    }
    const key = decision.actor === "" ? decision.address : decision.actor;
    if (!isEntry(request, failure.code) || !failures.allows(key, now())) return;
    failures.failed(key, now());
    try {
      backend.record(decision, { result: failure.code, reason: failure.detail });
    } catch (cause) {
      // It is answered with its own failure all the same.
      request.log.error({ err: cause }, "no entry in the audit log");
    }
  });
}

const failuresPerMinute = 60;

/** Of what only reads: refusals, and not what is merely not there. Whoever brings no token and logs in nowhere asks for nothing yet. */
function isEntry({ decision, headers }: FastifyRequest, code: string): boolean {
  if (code === "rate_limited") return false;
  if (code === "unauthorized") return decision?.verb === "login" || headers.authorization !== undefined;
  return decision?.verb !== "read" || code === "forbidden";
}

/** Throws `forbidden`, in the same words whether the thing is there or not. */
function checkRight({ name, roles }: Holder, { verbs, kind }: Guarded): void {
  if (verbs.some((verb) => may(roles, { verb, kind }))) return;
  const [verb = "read"] = verbs;
  throw refusal(`${who(name)} may not ${verb} ${plurals[kind]}`, { verb, kind });
}

/** Names of people have an `@`, those of tokens have none. */
function who(name: string): string {
  return name.includes("@") ? name : `the token ${name}`;
}

function refusal(message: string, permission: { readonly verb: Verb; readonly kind: Kind }): DroverError {
  return new DroverError("forbidden", message, {
    hint: `that takes a token for one of the roles ${rolesThatMay(permission).join(", ")}`,
  });
}

const plurals: Readonly<Record<Kind, string>> = {
  application: "applications",
  audit: "entries of the audit log",
  cluster: "clusters",
  credential: "credentials",
  event: "events",
  session: "logins",
  source: "sources",
  store: "copies of the store",
  target: "targets",
  token: "tokens",
};

function verbOf({ verbs }: Guarded, body: unknown): Verb {
  const [only] = verbs;
  const action = typeof body === "object" && body !== null && "action" in body ? body.action : undefined;
  // Schemas let no other action pass; one that came in all the same is refused as what nobody may.
  const verb = verbs.length === 1 ? only : verbs.find((candidate) => candidate === action);
  if (verb === undefined) throw new DroverError("forbidden", "the request does not say what it is to do");
  return verb;
}

/** Who asks for what, as its address and its body say. */
type Asking = Pick<FastifyRequest, "holder" | "sight" | "params" | "body">;

/** Throws `not_found` for what its holder does not see, as if it were not there, and `forbidden` for what it sees in part. */
function checkScope(request: Asking, access: Guarded, backend: Backend): void {
  const { holder, sight, body } = request;
  const { name = "", app = "", cluster = "" } = request.params as Readonly<Record<string, string>>;
  switch (access.reach) {
    case "listed":
      return;
    case "hub":
      throw outside(holder, `${plurals[access.kind]} belong to the whole hub`);
    case "cluster":
      needCluster(sight, name);
      return checkLabels(request, sight.cluster(name), body);
    case "new-cluster":
      return checkNewCluster(request, backend);
    case "target":
      if (sight.target(app, cluster) !== undefined) return;
      throw notFound("target", addressOf({ app, cluster }), sight.targets().map(addressOf));
    case "pair":
      needApplication(sight, app);
      return needCluster(sight, cluster);
    case "application":
      needApplication(sight, name);
      if (!access.verbs.includes("read")) needWhole(request, name, backend);
  }
}

function checkNewCluster(request: Asking, backend: Backend): void {
  const { name } = request.body as JoinCluster;
  const known = request.sight.cluster(name);
  // An invitation for a cluster that is there already would let another one take its place.
  if (known === undefined && backend.clusters().some((cluster) => cluster.name === name))
    throw new DroverError("cluster_exists", `there is a cluster "${name}" already`, { hint: "choose another name" });
  checkLabels(request, known, request.body);
}

/** Nobody takes a cluster into their scope by its labels, nor out of it. */
function checkLabels({ holder, sight }: Asking, known: Cluster | undefined, body: unknown): void {
  const { labels = {} } = (body ?? {}) as Partial<LabelCluster>;
  const kept = Object.entries({ ...known?.labels, ...labels }).filter((entry) => entry[1] !== null);
  if (sight.covers(Object.fromEntries(kept) as Labels)) return;
  throw outside(holder, "the cluster would have other labels");
}

function needWhole({ holder, sight }: Asking, app: string, backend: Backend): void {
  const all = backend.targets().filter((target) => target.app === app).length;
  if (sight.targets().filter((target) => target.app === app).length === all) return;
  throw outside(holder, `${app} is on other clusters too`);
}

function needCluster(sight: Sight, name: string): void {
  if (sight.cluster(name) !== undefined) return;
  const names = sight.clusters().map((one) => one.name);
  throw notFound("cluster", name, names);
}

function needApplication(sight: Sight, name: string): void {
  if (sight.application(name) !== undefined) return;
  const names = sight.applications().map((one) => one.name);
  throw notFound("app", name, names);
}

/** Why a request like this would be refused; undefined = it would not. Asks the same table and checks as requests. */
export function whyNot(
  asking: Pick<FastifyRequest, "holder" | "sight">,
  { verb, kind, name }: CanQuery,
  backend: Backend,
): { readonly reason: string | undefined; readonly roles: readonly Role[] } {
  const permission = readPermission(verb, kind);
  const roles = rolesThatMay(permission);
  const entries = Object.values(accessTable).filter(
    (access) => typeof access === "object" && access.kind === kind && access.verbs.includes(permission.verb),
  );
  const listed = (access: RouteAccess): boolean => typeof access === "object" && access.reach === "listed";
  const access = entries.find((entry) => listed(entry) === (name === undefined)) ?? entries[0];
  if (typeof access !== "object") throw new DroverError("usage", `nothing can ${verb} ${plurals[permission.kind]}`);
  const [app = "", cluster = ""] = name?.split("@") ?? [];
  try {
    checkRight(asking.holder, { ...access, verbs: [permission.verb] });
    const named = name !== undefined || access.reach === "hub";
    if (asking.holder.scope !== "" && named && access.reach !== "new-cluster")
      checkScope({ ...asking, params: { name, app, cluster }, body: undefined }, access, backend);
    return { reason: undefined, roles };
  } catch (cause) {
    return { reason: DroverError.from(cause).message, roles };
  }
}

function readPermission(verb: string, kind: string): { readonly verb: Verb; readonly kind: Kind } {
  const knownVerb = verbs.find((candidate) => candidate === verb);
  const knownKind = kinds.find((candidate) => candidate === kind);
  if (knownKind === undefined)
    throw new DroverError("usage", `"${kind}" is not a kind of thing`, { hint: `kinds: ${kinds.join(" ")}` });
  if (knownVerb === undefined)
    throw new DroverError("usage", `"${verb}" is not a verb`, { hint: `verbs: ${verbs.join(" ")}` });
  return { verb: knownVerb, kind: knownKind };
}

const addressOf = ({ app, cluster }: Pick<Target, "app" | "cluster">): string => `${app}@${cluster}`;

function outside({ name, scope }: Holder, why: string): DroverError {
  return new DroverError("forbidden", `${who(name)} is for ${scope} only, and ${why}`, {
    hint: "that takes a token without a scope",
  });
}
