import type { Clock } from "@drover/shared/clock";
import { done, type Outcome } from "@drover/shared/controller";
import type { Assignment, Assignments, HubLink, SignedAssignments, Tombstone } from "@drover/shared/link/link";

import type { TargetRecord } from "../core/target.ts";
import type { Store } from "../store/store.ts";
import { freshForMs, type Beats } from "./beats.ts";
import type { World } from "./world.ts";

export interface ClusterDeps {
  readonly store: Store;
  readonly world: World;
  readonly link: Pick<HubLink, "send">;
  readonly sign: (assignments: Assignments) => SignedAssignments;
  readonly beats: Pick<Beats, "send">;
  readonly clock: Clock;
}

/**
 * Sends a connected cluster everything that it is to run. Always the whole, so that a lost message heals by the next; and
 * nothing at all to one that is ahead of this hub's store.
 */
export function createClusterReconciler(deps: ClusterDeps): (name: string, signal: AbortSignal) => Promise<Outcome> {
  return (name) => {
    const cluster = deps.store.cluster(name);
    if (cluster !== undefined && deps.world.connections.has(name) && deps.world.aheadOf(name) === "") {
      const records = deps.store.targetsOn(name);
      const assignments: Assignments = {
        cluster: name,
        clusterUid: cluster.uid,
        epoch: deps.store.era.epoch,
        generation: cluster.generation,
        history: cluster.history,
        issuedAtMs: deps.clock.now(),
        freshForMs,
        targets: records.filter((record) => record.removal === "").map(toAssignment),
        tombstones: records.filter((record) => record.removal !== "").map(toTombstone),
      };
      deps.link.send(name, { kind: "assignments", signed: deps.sign(assignments) });
      deps.beats.send(name);
    }
    return Promise.resolve(done);
  };
}

function toTombstone({ app, removal, deletion, confirmPrune }: TargetRecord): Tombstone {
  return { application: app, reason: removal, detach: deletion === "detach", confirmPrune };
}

function toAssignment(record: TargetRecord): Assignment {
  const { app, bundle, repository, commit, namespace, createNamespace, prune, seenAtMs, syncRequest } = record;
  const { sync, confirmPrune, signatures } = record;
  return {
    application: app,
    bundle,
    repository,
    commit,
    namespace,
    createNamespace,
    prune,
    seenAtMs,
    syncRequest,
    sync,
    confirmPrune,
    ...(signatures === undefined ? {} : { signatures }),
  };
}
