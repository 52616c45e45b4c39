import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { forbiddenBy, matches, noPolicy, overLimit, recentOf, type Deletion, type Policy } from "./policy.ts";

const self = { namespace: "drover-system", name: "drover-agent" };
const rbac = "rbac.authorization.k8s.io";

function policy(change: Partial<Policy>): Policy {
  return { ...noPolicy, digest: "sha256:some", ...change };
}

const key = (kind: string, namespace = "", name = "x") => {
  const [first = "", ...group] = kind.split(".");
  return { group: group.join("."), kind: first, namespace, name };
};

describe("a policy", () => {
  const shop = policy({ namespaces: { allow: ["shop", "team-*"], deny: ["team-x"] } });
  const kinds = policy({ kinds: { allow: ["*.apps", "ConfigMap", "Namespace"], deny: ["StatefulSet.apps"] } });
  it.each([
    ["no policy", noPolicy, key("ConfigMap", "kube-system"), true],
    ["no policy, not even the agent's own", noPolicy, key("ConfigMap", "drover-system"), true],
    ["an empty policy", policy({}), key(`ClusterRole.${rbac}`), true],
    ["an allowed namespace", shop, key("ConfigMap", "shop"), true],
    ["one that a pattern allows", shop, key("ConfigMap", "team-a"), true],
    ["one that is denied all the same", shop, key("ConfigMap", "team-x"), false],
    ["one that is not named", shop, key("ConfigMap", "shopping"), false],
    ["what belongs to no namespace", shop, key(`ClusterRole.${rbac}`), false],
    ["a namespace, which counts as in itself", shop, key("Namespace", "", "team-b"), true],
    ["another namespace", shop, key("Namespace", "", "other"), false],
    ["something of another group that is called Namespace", shop, key("Namespace.example.org", "", "team-b"), false],
    ["a kind by its group", kinds, key("Deployment.apps", "any"), true],
    ["a kind that is denied", kinds, key("StatefulSet.apps", "any"), false],
    ["a kind that is not named", kinds, key("Secret", "any"), false],
    ["a kind of that name in another group", kinds, key("ConfigMap.example.org", "any"), false],
    ["the agent's own namespace", policy({}), key("ConfigMap", "drover-system", "drover-agent-policy"), false],
    ["T36: the agent itself", policy({}), key("Deployment.apps", "drover-system", "drover-agent"), false],
    ["the namespace of the agent", policy({}), key("Namespace", "", "drover-system"), false],
    ["the rights of the agent", policy({}), key(`ClusterRoleBinding.${rbac}`, "", "drover-agent-admin"), false],
  ])("on %s", (_what, given, object, isAllowed) => {
    expect(forbiddenBy(given, object, self) === undefined).toBe(isAllowed);
  });
});

describe("T21: a policy of a few namespaces and kinds", () => {
  const tenants = policy({
    namespaces: { allow: ["shop", "team-*"], deny: ["team-secret"] },
    kinds: { allow: ["*.apps", "ConfigMap", "Service", "Namespace"], deny: ["DaemonSet.apps"] },
  });
  const kinds = ["ConfigMap", "Service", "Deployment.apps", "StatefulSet.apps"];
  const outside = ["kube-system", "default", "drover-system", "team-secret", "shop2", "xshop", "TEAM-a", ""];
  const forbiddenKinds =
    `Secret Pod ServiceAccount PersistentVolumeClaim DaemonSet.apps Job.batch CronJob.batch Role.${rbac} RoleBinding.${rbac} ` +
    "Ingress.networking.k8s.io TokenRequest.authentication.k8s.io Eviction.policy Scale.autoscaling ConfigMap.example.org " +
    "Deployment.apps.example.org";
  const ofTheCluster =
    `ClusterRole.${rbac} ClusterRoleBinding.${rbac} Node PersistentVolume APIService.apiregistration.k8s.io ` +
    "CustomResourceDefinition.apiextensions.k8s.io MutatingWebhookConfiguration.admissionregistration.k8s.io";
  const forbidden = [
    ...outside.flatMap((namespace) => kinds.map((kind) => key(kind, namespace))),
    ...forbiddenKinds.split(" ").flatMap((kind) => ["shop", "team-a"].map((namespace) => key(kind, namespace))),
    ...ofTheCluster.split(" ").map((kind) => key(kind)),
    key("Namespace", "", "kube-system"),
    key("Namespace", "", "drover-system"),
    key("Namespace", "", "team-secret"),
  ];

  it.each(forbidden)("lets nobody write or delete $kind $group in $namespace", (object) => {
    expect(forbiddenBy(tenants, object, self)).toMatch(/policy|agent itself/u);
  });

  it("is more than 60 of these, and lets through what it names", () => {
    expect(forbidden.length).toBeGreaterThan(60);
    const allowed = ["shop", "team-a"].flatMap((namespace) => kinds.map((kind) => key(kind, namespace)));
    expect([...allowed, key("Namespace", "", "shop")].map((object) => forbiddenBy(tenants, object, self))).toEqual(
      Array.from({ length: 9 }, () => undefined),
    );
  });
});

describe("patterns", () => {
  it("mean what the same patterns mean as regular expressions", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", ".", "*"), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (given, subject) => {
        const oracle = new RegExp(`^${given.replaceAll(".", "\\.").replaceAll("*", ".*")}$`, "u");
        expect(matches(given, subject)).toBe(oracle.test(subject));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a prune limit", () => {
  const limit = { objects: 5, percent: 50, total: 8, withinMs: 1_000 };
  const wish = { application: "a", objects: 3, present: 10, removal: false };
  const deleted = (application: string, objects: number, atMs = 100): Deletion => ({ application, objects, atMs });
  it.each([
    ["nothing before", wish, [], true],
    ["as many as allowed", { ...wish, objects: 5 }, [], true],
    ["one more", { ...wish, objects: 6, present: 100 }, [], false],
    ["what was deleted before counts", wish, [deleted("a", 3)], false],
    ["what others deleted counts for all together", { ...wish, objects: 5 }, [deleted("b", 4)], false],
    ["and else does not", { ...wish, objects: 4 }, [deleted("b", 4)], true],
    ["more than the share of the application", { ...wish, objects: 4, present: 7 }, [], false],
    ["the share is of what there was", { ...wish, objects: 1, present: 9 }, [deleted("a", 4)], true],
    ["a removal has no share", { ...wish, objects: 4, present: 4, removal: true }, [], true],
    ["but a number", { ...wish, objects: 6, present: 6, removal: true }, [], false],
  ])("%s", (_what, given, recent, isAllowed) => {
    expect(overLimit(limit, given, recent) === undefined).toBe(isAllowed);
  });

  it("forgets what is past its time, and R22: not what lies ahead of a clock that was set back", () => {
    const deletions = [deleted("a", 1, 0), deleted("a", 1, 1_500), deleted("a", 1, 9_000)];
    expect(recentOf(deletions, limit, 2_000).map(({ atMs }) => atMs)).toEqual([1_500, 9_000]);
  });
});
