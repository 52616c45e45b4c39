import type { Role } from "@drover/shared/api/access";
import type { LabelCluster } from "@drover/shared/api/cluster-changes";
import type { Cluster, JoinCluster, Target } from "@drover/shared/api/types";
import { DroverError } from "@drover/shared/errors";
import type { FastifyInstance, FastifyRequest } from "fastify";

import { may, rolesThatMay, type Kind, type Verb } from "../../core/access/roles.ts";
import type { Backend } from "../backend.ts";
import { notFound } from "../context.ts";
import type { Labels } from "../label-selector.ts";
import { sightOf, type Sight } from "./sight.ts";
import { accessTable, type Guarded, type RouteAccess } from "./table.ts";

/** Who a request comes from, and what that token is for. */
export interface Holder {
  /** Of the token. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Selector of clusters' labels; "" = everything. */
  readonly scope: string;
}

/** Nobody: what a request has before its token was looked at. */
export const nobody: Holder = { name: "", roles: [], scope: "" };

declare module "fastify" {
  interface FastifyRequest {
    /** `nobody` where no token is asked for. */
    holder: Holder;
    /** What its holder may see. */
    sight: Sight;
  }
  interface FastifyContextConfig {
    access?: RouteAccess;
  }
}

export interface GuardOptions {
  readonly backend: Backend;
  /** Whose token the header holds. Throws `unauthorized`. */
  readonly authenticate: (request: FastifyRequest) => Holder;
  readonly table?: Readonly<Record<string, RouteAccess>>;
}

/**
 * Stands before every route that is added after it. A route that is not in the table is an error at start-up, so that
 * none can be reached that nobody thought about. The right is looked for before the body is read, the scope after.
 */
export function guard(app: FastifyInstance, { backend, authenticate, table = accessTable }: GuardOptions): void {
  app.decorateRequest("holder");
  app.decorateRequest("sight");
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
  app.addHook("onRequest", async (request) => {
    request.holder = nobody;
    const { access } = request.routeOptions.config;
    // Absent only where no route is.
    if (access === undefined || access === "open") return;
    request.holder = authenticate(request);
    request.sight = sightOf(backend, request.holder.scope);
    if (typeof access === "object") checkRight(request.holder, access);
  });
  app.addHook("preHandler", async (request) => {
    const { access } = request.routeOptions.config;
    if (typeof access !== "object") return;
    checkRight(request.holder, { ...access, verbs: [verbOf(access, request.body)] });
    if (request.holder.scope !== "") checkScope(request, access, backend);
  });
}

/** Throws `forbidden`, in the same words whether the thing is there or not. */
function checkRight({ name, roles }: Holder, { verbs, kind }: Guarded): void {
  if (verbs.some((verb) => may(roles, { verb, kind }))) return;
  const [verb = "read"] = verbs;
  throw refusal(`the token ${name} may not ${verb} ${plurals[kind]}`, { verb, kind });
}

function refusal(message: string, permission: { readonly verb: Verb; readonly kind: Kind }): DroverError {
  return new DroverError("forbidden", message, {
    hint: `that takes a token for one of the roles ${rolesThatMay(permission).join(", ")}`,
  });
}

const plurals: Readonly<Record<Kind, string>> = {
  application: "applications",
  cluster: "clusters",
  credential: "credentials",
  event: "events",
  source: "sources",
  target: "targets",
};

function verbOf({ verbs }: Guarded, body: unknown): Verb {
  const [only] = verbs;
  const action = typeof body === "object" && body !== null && "action" in body ? body.action : undefined;
  // Schemas let no other action pass; one that came in all the same is refused as what nobody may.
  const verb = verbs.length === 1 ? only : verbs.find((candidate) => candidate === action);
  if (verb === undefined) throw new DroverError("forbidden", "the request does not say what it is to do");
  return verb;
}

/** Throws `not_found` for what its holder does not see, as if it were not there, and `forbidden` for what it sees in part. */
function checkScope(request: FastifyRequest, access: Guarded, backend: Backend): void {
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

function checkNewCluster(request: FastifyRequest, backend: Backend): void {
  const { name } = request.body as JoinCluster;
  const known = request.sight.cluster(name);
  // An invitation for a cluster that is there already would let another one take its place.
  if (known === undefined && backend.clusters().some((cluster) => cluster.name === name))
    throw new DroverError("cluster_exists", `there is a cluster "${name}" already`, { hint: "choose another name" });
  checkLabels(request, known, request.body);
}

/** Nobody takes a cluster into their scope by its labels, nor out of it. */
function checkLabels({ holder, sight }: FastifyRequest, known: Cluster | undefined, body: unknown): void {
  const { labels = {} } = (body ?? {}) as Partial<LabelCluster>;
  const kept = Object.entries({ ...known?.labels, ...labels }).filter((entry) => entry[1] !== null);
  if (sight.covers(Object.fromEntries(kept) as Labels)) return;
  throw outside(holder, "the cluster would have other labels");
}

function needWhole({ holder, sight }: FastifyRequest, app: string, backend: Backend): void {
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

const addressOf = ({ app, cluster }: Pick<Target, "app" | "cluster">): string => `${app}@${cluster}`;

function outside({ name, scope }: Holder, why: string): DroverError {
  return new DroverError("forbidden", `the token ${name} is for ${scope} only, and ${why}`, {
    hint: "that takes a token without a scope",
  });
}
