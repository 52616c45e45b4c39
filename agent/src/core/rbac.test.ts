import { at, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import { describe, expect, it } from "vitest";

import { rbacFor, type ManagedObject, type RbacInput } from "./rbac.ts";

const rbac = "rbac.authorization.k8s.io";

function managed(plural: string, kind: string, at: Partial<ManagedObject["key"]>, body?: object): ManagedObject {
  const key = { group: "", namespace: "", name: "x", kind, ...at };
  const resource = { group: key.group, plural, namespaced: key.namespace !== "" };
  const metadata = { name: key.name };
  return { key, resource, ...(body === undefined ? {} : { body: { apiVersion: "v1", kind, metadata, ...body } }) };
}

function of(objects: readonly ManagedObject[], input: Partial<RbacInput> = {}) {
  return rbacFor({
    application: "shop",
    account: { namespace: "shop", name: "deployer" },
    agent: { namespace: "drover-system", name: "drover-agent" },
    objects,
    missingNamespaces: [],
    ...input,
  });
}

const named = (objects: readonly JsonRecord[]): readonly string[] =>
  objects.map((object) => {
    const namespace = textAt(object, "metadata", "namespace");
    return `${textAt(object, "kind")} ${namespace === undefined ? "" : `${namespace}/`}${textAt(object, "metadata", "name")}`;
  });
const rulesOf = (objects: readonly JsonRecord[], kind: string, namespace = ""): readonly JsonRecord[] =>
  objects
    .filter((object) => object["kind"] === kind && (textAt(object, "metadata", "namespace") ?? "") === namespace)
    .flatMap((object) => recordsAt(object, "rules"));

describe("the rights that an application asks for", () => {
  it("are roles in the namespaces of its objects, and nothing over the whole cluster for the account", () => {
    const map = managed("configmaps", "ConfigMap", { namespace: "shop" });
    const { account, agent } = of([map, managed("configmaps", "ConfigMap", { namespace: "other" })]);
    expect(named(account)).toEqual([
      "ServiceAccount shop/deployer",
      "Role other/drover-shop",
      "RoleBinding other/drover-shop",
      "Role shop/drover-shop",
      "RoleBinding shop/drover-shop",
    ]);
    expect(rulesOf(account, "Role", "shop")).toEqual([
      { apiGroups: [""], resources: ["configmaps"], verbs: ["get", "create", "patch", "delete"] },
    ]);
    expect(named(agent)).toEqual([
      "Role shop/drover-agent-shop",
      "RoleBinding shop/drover-agent-shop",
      "ClusterRole drover-agent-shop",
      "ClusterRoleBinding drover-agent-shop",
    ]);
    expect(rulesOf(agent, "Role", "shop")).toEqual([
      { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["impersonate"], resourceNames: ["deployer"] },
    ]);
    expect(rulesOf(agent, "ClusterRole")).toEqual([
      { apiGroups: [""], resources: ["configmaps"], verbs: ["list", "watch"] },
    ]);
  });

  it("name the objects of the whole cluster one by one", () => {
    const { account } = of([
      managed("namespaces", "Namespace", { name: "b" }),
      managed("namespaces", "Namespace", { name: "a" }),
    ]);
    expect(rulesOf(account, "ClusterRole")).toEqual([
      {
        apiGroups: [""],
        resources: ["namespaces"],
        verbs: ["get", "create", "patch", "delete"],
        resourceNames: ["a", "b"],
      },
    ]);
  });

  it("let workloads be looked into where there are any", () => {
    const { account } = of([managed("deployments", "Deployment", { group: "apps", namespace: "shop" })]);
    const listed = rulesOf(account, "Role", "shop").filter((rule) => String(at(rule, "verbs")) === "list");
    expect(listed.map((rule) => String(at(rule, "resources")))).toEqual(["pods", "replicasets", "jobs"]);
  });

  it("hold what roles of the bundle hand out, and binding of roles that others made", () => {
    const rule = { apiGroups: [""], resources: ["pods"], verbs: ["list"] };
    const at = { group: rbac, namespace: "shop" };
    const { account } = of([
      managed("roles", "Role", { ...at, name: "own" }, { rules: [rule] }),
      managed("rolebindings", "RoleBinding", { ...at, name: "own" }, { roleRef: { kind: "Role", name: "own" } }),
      managed("rolebindings", "RoleBinding", { ...at, name: "v" }, { roleRef: { kind: "ClusterRole", name: "view" } }),
    ]);
    expect(rulesOf(account, "Role", "shop").slice(1)).toEqual([
      rule,
      { apiGroups: [rbac], resources: ["clusterroles"], verbs: ["bind"], resourceNames: ["view"] },
    ]);
  });

  it("make namespaces that are not there first", () => {
    expect(named(of([], { missingNamespaces: ["b", "a"] }).account).slice(0, 2)).toEqual([
      "Namespace a",
      "Namespace b",
    ]);
  });
});
