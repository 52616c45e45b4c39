import type * as api from "@drover/shared/api/types";
import type { Clock } from "@drover/shared/clock";
import type { HubLink } from "@drover/shared/link/link";

import type { Intents } from "../api/backend.ts";
import { createAcceptance } from "../controllers/acceptance.ts";
import type { EventLog } from "../controllers/event-log.ts";
import { beginLeaving, createLeaving } from "../controllers/leaving.ts";
import type { World } from "../controllers/world.ts";
import type { Loop } from "../loop.ts";
import { joinCluster, type JoinDeps } from "./join-cluster.ts";
import { required } from "./required.ts";

export interface ClusterIntentDeps extends JoinDeps {
  readonly world: World;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly link: Pick<HubLink, "disconnect">;
  readonly wake: Pick<Loop["wake"], "applications" | "clusters">;
}

type View = (name: string) => api.Cluster | undefined;
type Registration = Pick<Intents, "joinCluster" | "labelCluster" | "cordonCluster">;
type Acceptance = Pick<
  Intents,
  "acceptCluster" | "rejectCluster" | "revokeCluster" | "rotateCluster" | "uninstallCluster" | "removeCluster"
>;

/** What people change about clusters themselves. */
export function clusterIntents(deps: ClusterIntentDeps, view: View): Registration & Acceptance {
  return { ...registration(deps, view), ...acceptanceIntents(deps, view) };
}

function registration(deps: ClusterIntentDeps, view: View): Registration {
  const { store, events, wake } = deps;
  const labelled = (cluster: string): void => {
    events.append({ type: "labelled", app: "", cluster, message: `labels of ${cluster} changed` });
    wake.applications();
  };
  return {
    joinCluster: async (input) => joinCluster(deps, labelled, input),
    async labelCluster(name, labels) {
      const record = required(store.cluster(name), `cluster ${name}`);
      const next = new Map(Object.entries(record.labels));
      for (const [key, value] of Object.entries(labels)) {
        if (value === null) next.delete(key);
        else next.set(key, value);
      }
      store.putCluster({ ...record, labels: Object.fromEntries(next) });
      labelled(name);
      return required(view(name), `cluster ${name}`);
    },
    async cordonCluster(name, { cordoned, reason = "" }) {
      const record = required(store.cluster(name), `cluster ${name}`);
      store.putCluster({ ...record, cordon: cordoned ? reason.trim() || "it is cordoned" : "" });
      const message = cordoned ? `${name} takes no new applications` : `${name} takes new applications again`;
      events.append({ type: cordoned ? "cordoned" : "uncordoned", app: "", cluster: name, message });
      wake.applications();
      return required(view(name), `cluster ${name}`);
    },
  };
}

/** About who speaks for a cluster. */
function acceptanceIntents(deps: ClusterIntentDeps, view: View): Acceptance {
  const { store, events, world, link, wake } = deps;
  const acceptance = createAcceptance(deps);
  return {
    async acceptCluster(name) {
      required(store.cluster(name), `cluster ${name}`);
      acceptance.accept(name);
      return required(view(name), `cluster ${name}`);
    },
    async rejectCluster(name) {
      required(store.cluster(name), `cluster ${name}`);
      acceptance.reject(name);
      return required(view(name), `cluster ${name}`);
    },
    async revokeCluster(name, { reason = "" }) {
      required(store.cluster(name), `cluster ${name}`);
      acceptance.revoke(name, reason.trim() || "no reason was given");
      link.disconnect(name, "the cluster was revoked");
      return required(view(name), `cluster ${name}`);
    },
    async rotateCluster(name) {
      required(store.cluster(name), `cluster ${name}`);
      acceptance.rotate(name);
      link.disconnect(name, "the certificate is being replaced");
      return required(view(name), `cluster ${name}`);
    },
    async uninstallCluster(name) {
      required(store.cluster(name), `cluster ${name}`);
      beginLeaving(store, name);
      wake.applications();
      wake.clusters([name]);
      const leaving = required(view(name), `cluster ${name}`);
      events.append({
        type: "leaving",
        app: "",
        cluster: name,
        message: `${name} ${leaving.reason}, then it is removed`,
      });
      createLeaving({ ...deps, acceptance })(name);
      return leaving;
    },
    async removeCluster(name) {
      required(store.cluster(name), `cluster ${name}`);
      acceptance.detach(name);
      store.deleteCluster(name);
      link.disconnect(name, "the cluster was removed from the hub");
      world.connections.delete(name);
      events.append({ type: "left", app: "", cluster: name, message: `${name} was removed; what it runs stays` });
    },
  };
}
