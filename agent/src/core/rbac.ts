import { recordAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import type { KubeObject, ObjectKey } from "@drover/shared/kube/manifest";

const rbacGroup = "rbac.authorization.k8s.io";

/** What decides whether a request for an object is allowed. */
export interface Grantable {
  readonly group: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export interface ManagedObject {
  readonly key: ObjectKey;
  readonly resource: Grantable;
  /** Of roles and bindings: what they hand out, their author has to have. */
  readonly body?: KubeObject;
}

interface Account {
  readonly namespace: string;
  readonly name: string;
}

export interface RbacInput {
  readonly application: string;
  readonly account: Account;
  /** Whom the agent is to the API server. */
  readonly agent: Account;
  readonly objects: readonly ManagedObject[];
  /** Namespaces that the objects below are in and that are not there yet. */
  readonly missingNamespaces: readonly string[];
}

/** As in a Role's `rules`. */
type Rule = JsonRecord;

/** Kubernetes objects that hand out the rights. */
export interface Rbac {
  /** For the service account: apply, prune, diff and tree, in the namespaces of the bundle's objects alone. */
  readonly account: readonly JsonRecord[];
  /** For the agent: to act as the service account, and to watch the kinds. */
  readonly agent: readonly JsonRecord[];
}

/** An apply is a patch, which creates what is not there; a prune looks before it deletes. */
const manage = ["get", "create", "patch", "delete"];
const see = ["list", "watch"];

/** The least that an application's objects ask for. The same input gives the same rules in the same order. */
export function rbacFor(input: RbacInput): Rbac {
  const { application, account, agent, objects } = input;
  const name = `drover-${application}`;
  const subject = { kind: "ServiceAccount", ...account };
  const scopes = new Map<string, Rule[]>();
  const add = (scope: string, rules: readonly Rule[]): void => {
    scopes.set(scope, [...(scopes.get(scope) ?? []), ...rules]);
  };
  for (const [scope, inScope] of Map.groupBy(objects, ({ key }) => key.namespace)) {
    add(scope, [...managing(scope, inScope), ...(scope === "" ? [] : looking(inScope))]);
  }
  for (const object of objects) add(object.key.namespace, handingOut(object, objects));
  const rights = [...scopes].toSorted(([a], [b]) => compare(a, b));
  return {
    account: [
      ...input.missingNamespaces.toSorted(compare).map((missing) => object("v1", "Namespace", { name: missing })),
      object("v1", "ServiceAccount", { namespace: account.namespace, name: account.name }),
      ...rights.flatMap(([scope, rules]) => grant({ scope, name, rules, subject })),
    ],
    agent: grantAgent(input, { kind: "ServiceAccount", ...agent }),
  };
}

function grantAgent({ application, account, objects }: RbacInput, subject: JsonRecord): readonly JsonRecord[] {
  const name = `drover-agent-${application}`;
  const rule = { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["impersonate"] };
  const impersonate: Rule = { ...rule, resourceNames: [account.name] };
  return [
    ...grant({ scope: account.namespace, name, rules: [impersonate], subject }),
    ...grant({ scope: "", name, rules: byGroup(objects, see), subject }),
  ];
}

/** Kinds of the whole cluster are granted by name: what is granted there is granted over everybody. */
function managing(scope: string, objects: readonly ManagedObject[]): readonly Rule[] {
  if (scope !== "") return byGroup(objects, manage);
  const kinds = Map.groupBy(objects, ({ resource }) => `${resource.plural}.${resource.group}`);
  return [...kinds.values()].flatMap((same) => {
    const resourceNames = [...new Set(same.map(({ key }) => key.name))].toSorted(compare);
    return byGroup(same, manage).map((rule) => ({ ...rule, resourceNames }));
  });
}

/** What workloads make of themselves tells why they are not ready. */
function looking(objects: readonly ManagedObject[]): readonly Rule[] {
  if (!objects.some(({ key }) => key.group === "apps" || key.group === "batch")) return [];
  return [
    { apiGroups: [""], resources: ["pods"], verbs: ["list"] },
    { apiGroups: ["apps"], resources: ["replicasets"], verbs: ["list"] },
    { apiGroups: ["batch"], resources: ["jobs"], verbs: ["list"] },
  ];
}

/** Kubernetes lets nobody hand out what he does not have: rights of a role, or a role that others made. */
function handingOut({ key, body }: ManagedObject, objects: readonly ManagedObject[]): readonly Rule[] {
  if (key.group !== rbacGroup || body === undefined) return [];
  if (key.kind === "Role" || key.kind === "ClusterRole") return recordsAt(body, "rules");
  const role = recordAt(body, "roleRef");
  const kind = textAt(role, "kind") ?? "";
  const name = textAt(role, "name") ?? "";
  const isOurs = objects.some(
    (other) => other.key.kind === kind && other.key.name === name && other.body !== undefined,
  );
  if (role === undefined || isOurs) return [];
  const resources = [kind === "Role" ? "roles" : "clusterroles"];
  return [{ apiGroups: [rbacGroup], resources, verbs: ["bind"], resourceNames: [name] }];
}

function byGroup(objects: readonly ManagedObject[], verbs: readonly string[]): readonly Rule[] {
  const groups = Map.groupBy(objects, ({ resource }) => resource.group);
  return [...groups]
    .toSorted(([a], [b]) => compare(a, b))
    .map(([group, inGroup]) => {
      const resources = [...new Set(inGroup.map(({ resource }) => resource.plural))].toSorted(compare);
      return { apiGroups: [group], resources, verbs };
    });
}

interface Grant {
  /** A namespace; "" = the whole cluster. */
  readonly scope: string;
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly subject: JsonRecord;
}

function grant({ scope, name, rules, subject }: Grant): readonly JsonRecord[] {
  if (rules.length === 0) return [];
  const kind = scope === "" ? "ClusterRole" : "Role";
  const metadata = { ...(scope === "" ? {} : { namespace: scope }), name };
  const apiVersion = `${rbacGroup}/v1`;
  const roleRef = { apiGroup: rbacGroup, kind, name };
  return [
    { ...object(apiVersion, kind, metadata), rules },
    { ...object(apiVersion, `${kind}Binding`, metadata), roleRef, subjects: [subject] },
  ];
}

function object(apiVersion: string, kind: string, metadata: { readonly name: string; readonly namespace?: string }) {
  return { apiVersion, kind, metadata: { ...metadata, labels: { "app.kubernetes.io/part-of": "drover" } } };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
