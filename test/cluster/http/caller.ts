import { attributesOf } from "../authorization/attributes.ts";
import { impersonate, type Impersonation } from "../authorization/impersonate.ts";
import { authorize, masters } from "../authorization/rbac.ts";
import type { ClusterState, User } from "../cluster-state.ts";
import { userOfToken } from "../resources/access.ts";
import type { AnyRequest } from "./listener.ts";
import { internalError, unauthorized } from "./status.ts";

const anonymous: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };

/** Paths that need no token, as on a real server with its default bindings. */
const open = new Set(["/healthz", "/livez", "/readyz", "/version"]);

/** Who sends a request, and as whom. */
export type Caller = {
  /** As whom. */
  readonly name: string;
  /** Undefined without a token. */
  readonly bearer: User | undefined;
  readonly impersonated: Impersonation | undefined;
};

/** Throws 401 for an unknown token. */
export function callerOf(state: ClusterState, request: AnyRequest): Caller {
  const token = /^Bearer (.+)$/u.exec(request.headers.authorization ?? "")?.[1];
  const bearer = token === undefined ? undefined : userOfToken(state, token);
  if (token !== undefined && bearer === undefined) throw unauthorized();
  const impersonated = impersonationOf(request);
  return { name: impersonated?.name ?? bearer?.name ?? anonymous.name, bearer, impersonated };
}

/** The user for whom the request is done. Throws 401 without a token, 403 for what the user may not do. */
export function authorizeCaller(state: ClusterState, { bearer, impersonated }: Caller, method: string, url: URL): User {
  if (bearer === undefined) {
    if (open.has(url.pathname)) return anonymous;
    throw unauthorized();
  }
  const user = impersonated === undefined ? bearer : impersonate(state, bearer, impersonated);
  if (!user.groups.includes(masters)) {
    authorize(state, attributesOf(user, { method, path: url.pathname, query: url.searchParams }));
  }
  return user;
}

/** Throws 500 for groups without a user, as the real server does. */
function impersonationOf({ headers, rawHeaders }: AnyRequest): Impersonation | undefined {
  const name = headers["impersonate-user"];
  const groups = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === "impersonate-group");
  if (typeof name === "string") return { name, groups };
  if (groups.length > 0) throw internalError(`requested groups [${groups.join(" ")}] without impersonating a user`);
  return undefined;
}
