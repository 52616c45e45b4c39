import type { KubeObject } from "../schema/schema.ts";

/** The roles and bindings that a new cluster has; those of the real server's own components are left out. */

const read = ["get", "list", "watch"];
const write = ["create", "delete", "deletecollection", "patch", "update"];
const group = "rbac.authorization.k8s.io";

type Rule = { verbs: string[]; apiGroups?: string[]; resources?: string[]; nonResourceURLs?: string[] };

const rule = (verbs: string[], apiGroup: string, ...resources: string[]): Rule => {
  return { verbs, apiGroups: [apiGroup], resources };
};
const paths = (...nonResourceURLs: string[]): Rule => ({ verbs: ["get"], nonResourceURLs });

const viewed = [
  rule(read, "", "configmaps", "endpoints", "events", "limitranges", "namespaces", "persistentvolumeclaims"),
  rule(read, "", "pods", "pods/log", "pods/status", "replicationcontrollers", "resourcequotas", "serviceaccounts"),
  rule(read, "", "services", "services/status"),
  rule(read, "apps", "controllerrevisions", "daemonsets", "deployments", "deployments/scale", "replicasets"),
  rule(read, "apps", "statefulsets", "statefulsets/scale"),
  rule(read, "autoscaling", "horizontalpodautoscalers"),
  rule(read, "batch", "cronjobs", "jobs"),
  rule(read, "networking.k8s.io", "ingresses", "networkpolicies"),
  rule(read, "policy", "poddisruptionbudgets"),
];

const edited = [
  rule(read, "", "secrets"),
  rule(["impersonate"], "", "serviceaccounts"),
  rule(write, "", "configmaps", "endpoints", "persistentvolumeclaims", "pods", "replicationcontrollers", "secrets"),
  rule(write, "", "serviceaccounts", "services"),
  rule(write, "apps", "daemonsets", "deployments", "deployments/scale", "replicasets", "statefulsets"),
  rule(write, "apps", "statefulsets/scale"),
  rule(write, "autoscaling", "horizontalpodautoscalers"),
  rule(write, "batch", "cronjobs", "jobs"),
  rule(write, "networking.k8s.io", "ingresses", "networkpolicies"),
  rule(write, "policy", "poddisruptionbudgets"),
];

const administered = [
  rule(["create"], "authorization.k8s.io", "localsubjectaccessreviews"),
  rule([...read, ...write], group, "roles", "rolebindings"),
];

const label = (name: string): string => `${group}/aggregate-to-${name}`;

const role = (name: string, rules: Rule[], labels = {}): KubeObject => ({
  apiVersion: `${group}/v1`,
  kind: "ClusterRole",
  metadata: { name, labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels } },
  rules,
});

const aggregated = (name: string, into?: string): KubeObject => ({
  ...role(name, [], into === undefined ? {} : { [label(into)]: "true" }),
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label(name)]: "true" } }] },
});

const publicPaths = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
const reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"];

export const defaultRoles: readonly KubeObject[] = [
  role("cluster-admin", [rule(["*"], "*", "*"), { verbs: ["*"], nonResourceURLs: ["*"] }]),
  role("system:basic-user", [
    rule(["create"], "authorization.k8s.io", ...reviews),
    rule(["create"], "authentication.k8s.io", "selfsubjectreviews"),
  ]),
  role("system:discovery", [paths("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", ...publicPaths)]),
  role("system:public-info-viewer", [paths(...publicPaths)]),
  role("system:aggregate-to-view", viewed, { [label("view")]: "true" }),
  role("system:aggregate-to-edit", edited, { [label("edit")]: "true" }),
  role("system:aggregate-to-admin", administered, { [label("admin")]: "true" }),
  aggregated("view", "edit"),
  aggregated("edit", "admin"),
  aggregated("admin"),
];

const binding = (name: string, ...groups: string[]): KubeObject => ({
  apiVersion: `${group}/v1`,
  kind: "ClusterRoleBinding",
  metadata: { name, labels: { "kubernetes.io/bootstrapping": "rbac-defaults" } },
  roleRef: { apiGroup: group, kind: "ClusterRole", name },
  subjects: groups.map((name) => ({ kind: "Group", apiGroup: group, name })),
});

export const defaultBindings: readonly KubeObject[] = [
  binding("cluster-admin", "system:masters"),
  binding("system:basic-user", "system:authenticated"),
  binding("system:discovery", "system:authenticated"),
  binding("system:public-info-viewer", "system:authenticated", "system:unauthenticated"),
];
