import type { ClusterState } from "../cluster-state.ts";
import { claimController } from "./claims.ts";
import { clusterRoleController } from "./cluster-roles.ts";
import type { Controller } from "./controller.ts";
import { daemonSetController } from "./daemon-sets.ts";
import { definitionController } from "./definitions.ts";
import { deploymentController } from "./deployments.ts";
import { garbageController } from "./garbage.ts";
import { jobController } from "./jobs.ts";
import { namespaceController } from "./namespaces.ts";
import { podController } from "./pods.ts";
import { replicaSetController } from "./replica-sets.ts";
import { serviceController } from "./services.ts";
import { statefulSetController } from "./stateful-sets.ts";

/** What an API server does by itself. */
export function serverControllers(state: ClusterState): Controller[] {
  return [definitionController(state)];
}

/** The controllers of a cluster. */
export function allControllers(state: ClusterState): Controller[] {
  return [
    ...serverControllers(state),
    namespaceController(state),
    garbageController(state),
    deploymentController(state),
    replicaSetController(state),
    statefulSetController(state),
    daemonSetController(state),
    jobController(state),
    podController(state),
    serviceController(state),
    claimController(state),
    clusterRoleController(state),
  ];
}
