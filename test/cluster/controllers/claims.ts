import type { ClusterState } from "../cluster-state.ts";
import { listAt, recordAt, textAt } from "../json.ts";
import { claims, clientFor } from "./client.ts";
import { itself, type Controller } from "./controller.ts";

/** Binds a PersistentVolumeClaim after the delay. The volume is only a name: nothing is provisioned. */
export function claimController(state: ClusterState): Controller {
  const client = clientFor(state, claims, "kube-controller-manager");
  const dueAt = new Map<string, number>();
  return {
    name: "claims",
    watches: { "/persistentvolumeclaims": itself },
    reconcile: (key) => {
      const claim = client.get(key);
      if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return undefined;
      if (textAt(claim, "status", "phase") === "Bound") return undefined;
      const uid = claim.metadata.uid ?? "";
      const due = dueAt.get(uid) ?? state.clock.now() + state.settings.readyDelayMs;
      const waitMs = due - state.clock.now();
      dueAt.set(uid, due);
      if (waitMs > 0) return waitMs;
      dueAt.delete(uid);
      const spec = { ...recordAt(claim, "spec"), volumeName: textAt(claim, "spec", "volumeName") ?? `pvc-${uid}` };
      const bound = client.update(claim, { ...claim, spec });
      client.updateStatus(bound, {
        phase: "Bound",
        accessModes: listAt(spec, "accessModes"),
        capacity: { storage: recordAt(spec, "resources", "requests")?.["storage"] },
      });
      return undefined;
    },
  };
}
