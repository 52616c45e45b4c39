import type { ClusterState } from "../cluster-state.ts";
import { equalJson, listAt, recordsAt } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { labelSelectorOf } from "../storage/selectors.ts";
import { clientFor, clusterRoles } from "./client.ts";
import type { Controller } from "./controller.ts";

/** Gives ClusterRoles with an aggregation rule the rules of those that it selects. */
export function clusterRoleController(state: ClusterState): Controller {
  const client = clientFor(state, clusterRoles, "clusterrole-aggregation-controller");
  return {
    name: "cluster-roles",
    watches: {
      // Whose labels or rules changed may be part of any of them.
      "rbac.authorization.k8s.io/clusterroles": () => client.list(undefined).flatMap(aggregatedName),
    },
    reconcile: (name) => {
      const role = client.get(name);
      if (role === undefined) return undefined;
      const selectors = recordsAt(role, "aggregationRule", "clusterRoleSelectors").map(labelSelectorOf);
      const parts = client
        .list(undefined)
        .filter(({ metadata }) => metadata.name !== role.metadata.name)
        .filter(({ metadata }) => selectors.some((selects) => selects(metadata.labels ?? {})));
      const rules: unknown[] = [];
      for (const rule of parts.flatMap((part) => listAt(part, "rules"))) {
        if (!rules.some((known) => equalJson(known, rule))) rules.push(rule);
      }
      if (!equalJson(rules, listAt(role, "rules"))) client.update(role, { ...role, rules });
      return undefined;
    },
  };
}

function aggregatedName(role: KubeObject): string[] {
  return recordsAt(role, "aggregationRule", "clusterRoleSelectors").length > 0 ? [role.metadata.name ?? ""] : [];
}
