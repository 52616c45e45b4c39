import type { ObjectKey } from "@drover/shared/kube/manifest";
import fc from "fast-check";
import { expect, it } from "vitest";

import { isPartOf } from "./self.ts";

const agent = { namespace: "drover-system", name: "drover-agent" };
const rbac = "rbac.authorization.k8s.io";

it.each<[boolean, ObjectKey]>([
  [true, { group: "", kind: "Namespace", namespace: "", name: "drover-system" }],
  [true, { group: "apps", kind: "Deployment", namespace: "drover-system", name: "drover-agent" }],
  [true, { group: "", kind: "ConfigMap", namespace: "drover-system", name: "drover-inventory-shop" }],
  [true, { group: "networking.k8s.io", kind: "NetworkPolicy", namespace: "drover-system", name: "deny-all" }],
  [true, { group: rbac, kind: "ClusterRole", namespace: "", name: "drover-agent" }],
  [true, { group: rbac, kind: "ClusterRoleBinding", namespace: "", name: "drover-agent-admin" }],
  [false, { group: "", kind: "Namespace", namespace: "", name: "shop" }],
  [false, { group: "apps", kind: "Deployment", namespace: "shop", name: "drover-agent" }],
  [false, { group: rbac, kind: "ClusterRole", namespace: "", name: "drover-agents" }],
  [false, { group: "example.org", kind: "ClusterRole", namespace: "", name: "drover-agent" }],
])("E75: %s for %o", (expected, key) => {
  expect(isPartOf(agent, key)).toBe(expected);
});

it("T36: of the agent's namespace everything is its own, so that no kind or name brings another agent into it", () => {
  const text = fc.string({ maxLength: 20 });
  fc.assert(
    fc.property(text, text, text, (group, kind, name) => {
      expect(isPartOf(agent, { group, kind, namespace: agent.namespace, name })).toBe(true);
    }),
  );
});
