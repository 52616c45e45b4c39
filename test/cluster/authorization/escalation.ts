import type { ClusterState, User } from "../cluster-state.ts";
import { forbidden, notFound } from "../http/status.ts";
import { textAt } from "../json.ts";
import type { ServedKind } from "../resources/kinds.ts";
import type { KubeObject } from "../schema/schema.ts";
import { decide, masters, roleOf, rulesFor } from "./rbac.ts";
import { notCovered, rulesOf, type PolicyRule } from "./rules.ts";

const group = "rbac.authorization.k8s.io";
const roles = new Set([`${group}/roles`, `${group}/clusterroles`]);
const bindings = new Set([`${group}/rolebindings`, `${group}/clusterrolebindings`]);

/** Nobody grants more than they hold, unless they may `escalate` the role or `bind` it. Throws 403, 404 (no such role). */
export function checkEscalation(state: ClusterState, kind: ServedKind, object: KubeObject, user: User): void {
  if (user.groups.includes(masters)) return;
  if (roles.has(kind.collection)) {
    const { namespace = "", name = "" } = object.metadata;
    const asked = { user, verb: "escalate", group, resource: kind.info.plural, subresource: "", namespace, name };
    if (!decide(state, asked).allowed) checkHeld(state, { kind, object, user, granted: rulesOf(object) });
  } else if (bindings.has(kind.collection)) {
    checkBinding(state, { kind, object, user });
  }
}

type Grant = { readonly kind: ServedKind; readonly object: KubeObject; readonly user: User };

function checkBinding(state: ClusterState, grant: Grant): void {
  const { object, user } = grant;
  const resource = textAt(object, "roleRef", "kind") === "Role" ? "roles" : "clusterroles";
  const name = textAt(object, "roleRef", "name") ?? "";
  const { namespace = "" } = object.metadata;
  if (decide(state, { user, verb: "bind", group, resource, subresource: "", namespace, name }).allowed) return;
  const role = roleOf(state, object);
  if (role === undefined) throw notFound({ group, plural: resource }, name);
  checkHeld(state, { ...grant, granted: rulesOf(role) });
}

function checkHeld(state: ClusterState, grant: Grant & { readonly granted: readonly PolicyRule[] }): void {
  const { kind, object, user, granted } = grant;
  const missing = notCovered(rulesFor(state, user, object.metadata.namespace ?? ""), granted);
  if (missing.length === 0) return;
  const groups = user.groups.map((each) => `"${each}"`).join(" ");
  const why = `user "${user.name}" (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:`;
  throw forbidden(kind.info, object.metadata.name ?? "", [why, ...missing].join("\n"));
}
