import type { ClusterState } from "../cluster-state.ts";
import { claimController } from "./claims.ts";
import type { Controller } from "./controller.ts";
import { definitionController } from "./definitions.ts";
import { deploymentController } from "./deployments.ts";
import { garbageController } from "./garbage.ts";
import { namespaceController } from "./namespaces.ts";
import { podController } from "./pods.ts";
import { replicaSetController } from "./replica-sets.ts";
import { serviceController } from "./services.ts";

/** The controllers of a cluster. */
export function allControllers(state: ClusterState): Controller[] {
  return [
    definitionController(state),
    namespaceController(state),
    garbageController(state),
    deploymentController(state),
    replicaSetController(state),
    podController(state),
    serviceController(state),
    claimController(state),
  ];
}
