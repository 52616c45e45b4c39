import type { Kind, Verb } from "../../core/access/roles.ts";

/**
 * What of a route's subject has to be in the scope of a token that has one:
 * `listed`: nothing; the answer holds what is in scope. `hub`: all of the hub, so that a scope is too little.
 * `cluster`: the cluster that the address names. `new-cluster`: the labels that it is to have.
 * `target`: its cluster. `pair`: the cluster, and the application as far as it is seen at all.
 * `application`: every cluster that it is on; to read it, one of them.
 */
export type Reach = "listed" | "hub" | "cluster" | "new-cluster" | "target" | "pair" | "application";

/** A right that a token has to give. */
export interface Guarded {
  /** Several: the request's body says by its `action` which of them. */
  readonly verbs: readonly Verb[];
  readonly kind: Kind;
  readonly reach: Reach;
}

/** `open`: no token is asked for. `holder`: any token will do. */
export type RouteAccess = "open" | "holder" | Guarded;

const to = (verb: Verb, kind: Kind, reach: Reach): Guarded => ({ verbs: [verb], kind, reach });

const apps = "/api/v1/applications";
const clusters = "/api/v1/clusters";
const credentials = "/api/v1/credentials";
const sources = "/api/v1/sources";
const target = "/api/v1/targets/:app/:cluster";

/** The one table of who may do what. The server does not start with a route that is not in it. */
export const accessTable: Readonly<Record<string, RouteAccess>> = {
  "GET /healthz": "open",
  "GET /readyz": "open",
  "GET /metrics": "open",
  "GET /openapi.json": "open",
  // Proved by its body (`routes/webhooks`).
  "POST /webhooks/:source": "open",
  // Who asks has no token yet: the identity provider says who it is.
  "GET /auth/login": "open",
  "GET /auth/callback": "open",
  "POST /auth/device": "open",
  "POST /auth/device/session": "open",
  "GET /auth/session": "holder",
  "POST /auth/logout": "holder",
  "GET /api/v1/version": "holder",
  "GET /api/v1/self": "holder",
  "GET /api/v1/self/can": "holder",

  [`GET ${clusters}`]: to("read", "cluster", "listed"),
  [`POST ${clusters}`]: to("join", "cluster", "new-cluster"),
  [`GET ${clusters}/:name`]: to("read", "cluster", "cluster"),
  [`DELETE ${clusters}/:name`]: to("delete", "cluster", "cluster"),
  [`POST ${clusters}/:name/uninstall`]: to("delete", "cluster", "cluster"),
  [`PATCH ${clusters}/:name/labels`]: to("label", "cluster", "cluster"),
  [`PATCH ${clusters}/:name/cordon`]: to("cordon", "cluster", "cluster"),
  [`POST ${clusters}/:name/accept`]: to("accept", "cluster", "cluster"),
  [`POST ${clusters}/:name/reject`]: to("accept", "cluster", "cluster"),
  [`POST ${clusters}/:name/rotate`]: to("rotate", "cluster", "cluster"),
  [`POST ${clusters}/:name/revoke`]: to("revoke", "cluster", "cluster"),

  [`GET ${apps}`]: to("read", "application", "listed"),
  [`GET ${apps}/:name`]: to("read", "application", "application"),
  [`POST ${apps}/:name/sync`]: to("sync", "application", "application"),
  [`POST ${apps}/:name/rollout`]: {
    verbs: ["pause", "resume", "approve"],
    kind: "application",
    reach: "application",
  },
  [`POST ${apps}/:name/confirm-placement`]: to("confirm", "application", "application"),

  "GET /api/v1/targets": to("read", "target", "listed"),
  [`GET ${target}`]: to("read", "target", "target"),
  [`POST ${target}/sync`]: to("sync", "target", "target"),
  [`POST ${target}/confirm-prune`]: to("confirm", "target", "target"),
  // Proved by itself, in the cluster; here it only may be handed on.
  [`POST ${target}/signatures`]: to("confirm", "target", "target"),
  [`GET ${target}/why`]: to("read", "target", "pair"),
  [`GET ${target}/blame`]: to("read", "target", "pair"),
  [`GET ${target}/diff`]: to("read", "target", "target"),
  [`GET ${target}/tree`]: to("read", "target", "target"),
  [`GET ${target}/rbac`]: to("read", "target", "target"),

  [`GET ${sources}`]: to("read", "source", "hub"),
  [`POST ${sources}`]: to("create", "source", "hub"),
  [`GET ${sources}/:name`]: to("read", "source", "hub"),
  [`DELETE ${sources}/:name`]: to("delete", "source", "hub"),
  [`POST ${sources}/:name/sync`]: to("sync", "source", "hub"),
  [`GET ${sources}/:name/identity`]: to("read", "source", "hub"),
  [`PUT ${sources}/:name/host-keys`]: to("trust", "source", "hub"),
  [`PUT ${sources}/:name/signers`]: to("trust", "source", "hub"),
  // Tells the secret.
  [`PUT ${sources}/:name/webhook`]: to("update", "source", "hub"),

  [`GET ${credentials}`]: to("read", "credential", "hub"),
  [`POST ${credentials}`]: to("create", "credential", "hub"),
  [`GET ${credentials}/:name`]: to("read", "credential", "hub"),
  [`PUT ${credentials}/:name`]: to("update", "credential", "hub"),
  [`DELETE ${credentials}/:name`]: to("delete", "credential", "hub"),

  "GET /api/v1/tokens": to("read", "token", "hub"),
  "POST /api/v1/tokens": to("create", "token", "hub"),
  "DELETE /api/v1/tokens/:name": to("delete", "token", "hub"),

  "GET /api/v1/sessions": to("read", "session", "hub"),
  "DELETE /api/v1/sessions/:id": to("delete", "session", "hub"),

  "GET /api/v1/backups": to("read", "store", "hub"),
  "POST /api/v1/backups": to("create", "store", "hub"),
  "GET /api/v1/recovery": to("read", "store", "hub"),
  "POST /api/v1/recovery": to("confirm", "store", "hub"),

  "GET /api/v1/audit": to("read", "audit", "hub"),
  "GET /api/v1/audit/check": to("read", "audit", "hub"),

  "GET /api/v1/events": to("read", "event", "listed"),
  "GET /api/v1/events/stream": to("read", "event", "listed"),
};
