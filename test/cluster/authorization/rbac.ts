import type { ClusterState, User } from "../cluster-state.ts";
import { forbidden, StatusError } from "../http/status.ts";
import { recordAt, recordsAt, textAt } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import type { Attributes } from "./attributes.ts";
import { allows, rulesOf, type PolicyRule } from "./rules.ts";

const group = "rbac.authorization.k8s.io";

/** The group whose members may do everything; nothing is looked up for them. */
export const masters = "system:masters";

export type Decision = { readonly allowed: boolean; readonly reason: string };

/** Whether the bindings of the cluster, or of the namespace, grant what is asked for. */
export function decide(state: ClusterState, asked: Attributes): Decision {
  if (asked.user.groups.includes(masters)) return { allowed: true, reason: "" };
  const namespace = "path" in asked ? "" : asked.namespace;
  const missing: string[] = [];
  for (const { binding, subject } of bindingsOf(state, asked.user, namespace)) {
    const role = roleOf(state, binding);
    if (role === undefined) missing.push(missingRole(binding));
    else if (rulesOf(role).some((rule) => allows(rule, asked))) {
      return { allowed: true, reason: `RBAC: allowed by ${grantOf(binding, subject)}` };
    }
  }
  const [first, ...others] = new Set(missing);
  if (first === undefined) return { allowed: false, reason: "" };
  return { allowed: false, reason: `RBAC: ${others.length === 0 ? first : `[${[first, ...others].join(", ")}]`}` };
}

/** Throws 403 in the words of the real server. */
export function authorize(state: ClusterState, asked: Attributes): void {
  const { allowed, reason } = decide(state, asked);
  if (!allowed) throw denied(asked, reason);
}

/** Every rule that holds for the user: those of the cluster, then those of the namespace. */
export function rulesFor(state: ClusterState, user: User, namespace: string): PolicyRule[] {
  const everything = { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [], verbs: ["*"] };
  const all = [
    { ...everything, apiGroups: ["*"], resources: ["*"] },
    { ...everything, nonResourceURLs: ["*"] },
  ];
  const bindings = bindingsOf(state, user, namespace);
  return [
    ...(user.groups.includes(masters) ? all : []),
    ...bindings.flatMap(({ binding }) => rulesOf(roleOf(state, binding))),
  ];
}

/** The role that a binding is about; undefined when there is none. */
export function roleOf(state: ClusterState, binding: KubeObject): KubeObject | undefined {
  const isLocal = textAt(binding, "roleRef", "kind") === "Role";
  const roles = state.store.collection(`${group}/${isLocal ? "roles" : "clusterroles"}`);
  return roles.get(isLocal ? binding.metadata.namespace : undefined, textAt(binding, "roleRef", "name") ?? "");
}

type Grant = { readonly binding: KubeObject; readonly subject: unknown };

function bindingsOf(state: ClusterState, user: User, namespace: string): Grant[] {
  const bindings = [
    ...state.store.collection(`${group}/clusterrolebindings`).list(),
    ...(namespace === "" ? [] : state.store.collection(`${group}/rolebindings`).list(namespace)),
  ];
  return bindings.flatMap((binding) => {
    const subject = recordsAt(binding, "subjects").find((each) => isUser(each, user, binding.metadata.namespace));
    return subject === undefined ? [] : [{ binding, subject }];
  });
}

function isUser(subject: unknown, user: User, namespace: string | undefined): boolean {
  const name = textAt(subject, "name") ?? "";
  switch (textAt(subject, "kind")) {
    case "User":
      return user.name === name;
    case "Group":
      return user.groups.includes(name);
    case "ServiceAccount":
      return user.name === `system:serviceaccount:${textAt(subject, "namespace") ?? namespace ?? ""}:${name}`;
    default:
      return false;
  }
}

function missingRole(binding: KubeObject): string {
  const { kind = "", name = "" } = recordAt(binding, "roleRef") ?? {};
  return `${String(kind).toLowerCase()}.${group} "${String(name)}" not found`;
}

function grantOf({ kind, metadata, ...binding }: KubeObject, subject: unknown): string {
  const place = (name: unknown, namespace: unknown): string =>
    typeof namespace === "string" ? `"${String(name)}/${namespace}"` : `"${String(name)}"`;
  const role = recordAt(binding, "roleRef") ?? {};
  const who = recordAt({ subject }, "subject") ?? {};
  return [
    `${kind} ${place(metadata.name, metadata.namespace)}`,
    `of ${String(role["kind"])} "${String(role["name"])}"`,
    `to ${String(who["kind"])} ${place(who["name"], who["namespace"])}`,
  ].join(" ");
}

function denied(asked: Attributes, reason: string): StatusError {
  const who = `User "${asked.user.name}" cannot ${asked.verb}`;
  const because = reason === "" ? "" : `: ${reason}`;
  if ("path" in asked) {
    const message = `forbidden: ${who} path "${asked.path}"${because}`;
    return new StatusError({ code: 403, reason: "Forbidden", message, details: {} });
  }
  const resource = asked.subresource === "" ? asked.resource : `${asked.resource}/${asked.subresource}`;
  const where = asked.namespace === "" ? "at the cluster scope" : `in the namespace "${asked.namespace}"`;
  const what = `${who} resource "${resource}" in API group "${asked.group}" ${where}${because}`;
  return forbidden({ group: asked.group, plural: asked.resource }, asked.name, what);
}
