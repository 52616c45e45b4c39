import type { ClusterState, User } from "../cluster-state.ts";
import type { Attributes } from "./attributes.ts";
import { authorize } from "./rbac.ts";

/** Whom a request asks to be; `groups` are those asked for besides. */
export type Impersonation = { readonly name: string; readonly groups: readonly string[] };

/** The name and groups of a service account, whether it exists or not. */
export function accountUser(namespace: string, name: string): User {
  const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
  return { name: `system:serviceaccount:${namespace}:${name}`, groups };
}

/**
 * The user that the impersonation makes of a request. A service account need not exist for that: as on the real server
 * the name alone counts. Throws 403 where the impersonator lacks the verb `impersonate`.
 */
export function impersonate(state: ClusterState, user: User, { name, groups }: Impersonation): User {
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/u.exec(name);
  const asked = (resource: string, namespace: string, name: string): Attributes => {
    return { user, verb: "impersonate", group: "", resource, subresource: "", namespace, name };
  };
  if (account === null) authorize(state, asked("users", "", name));
  else authorize(state, asked("serviceaccounts", account[1] ?? "", account[2] ?? ""));
  for (const each of groups) authorize(state, asked("groups", "", each));
  if (account !== null && groups.length === 0) return accountUser(account[1] ?? "", account[2] ?? "");
  return { name, groups: [...groups, "system:authenticated"] };
}
