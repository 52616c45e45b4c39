import type { ClusterState } from "../cluster-state.ts";
import { recordsAt, textAt } from "../json.ts";
import { clientFor, services } from "./client.ts";
import { itself, type Controller } from "./controller.ts";

/** Gives a Service of type LoadBalancer an address (of the documentation range 192.0.2.0/24) after the delay. */
export function serviceController(state: ClusterState): Controller {
  const client = clientFor(state, services, "cloud-controller-manager");
  const dueAt = new Map<string, number>();
  let given = 0;
  return {
    name: "services",
    watches: { "/services": itself },
    reconcile: (key) => {
      const service = client.get(key);
      if (service === undefined) return undefined;
      const uid = service.metadata.uid ?? "";
      const hasAddress = recordsAt(service, "status", "loadBalancer", "ingress").length > 0;
      if (textAt(service, "spec", "type") !== "LoadBalancer") {
        if (hasAddress) client.updateStatus(service, { loadBalancer: {} });
        return undefined;
      }
      if (hasAddress) return undefined;
      const due = dueAt.get(uid) ?? state.clock.now() + state.settings.readyDelayMs;
      const waitMs = due - state.clock.now();
      dueAt.set(uid, due);
      if (waitMs > 0) return waitMs;
      dueAt.delete(uid);
      given = (given % 254) + 1;
      client.updateStatus(service, { loadBalancer: { ingress: [{ ip: `192.0.2.${given}`, ipMode: "VIP" }] } });
      return undefined;
    },
  };
}
