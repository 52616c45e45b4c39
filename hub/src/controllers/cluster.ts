import type { Clock } from "@drover/shared/clock";
import { done, type Outcome } from "@drover/shared/controller";
import type { Assignment, Assignments, Hello, HubLink, SignedAssignments, Tombstone } from "@drover/shared/link/link";
import { encodeAssignments, encodeTarget } from "@drover/shared/link/wire-assignments";
import type { Logger } from "@drover/shared/log";

import { lackedFeatures } from "../core/features.ts";
import type { TargetRecord } from "../core/target.ts";
import type { ClusterRecord, Store } from "../store/store.ts";
import { freshForMs, type Beats } from "./beats.ts";
import type { News } from "./news.ts";
import type { World } from "./world.ts";

export interface ClusterDeps {
  readonly store: Store;
  readonly world: World;
  readonly link: Pick<HubLink, "send">;
  /** Signs encoded assignments. */
  readonly sign: (payload: Uint8Array) => SignedAssignments;
  readonly beats: Pick<Beats, "send">;
  readonly news: Pick<News, "take">;
  readonly clock: Clock;
  readonly log: Pick<Logger, "debug">;
}

/** How many clusters are served before what came from others meanwhile is read, and what was sent leaves. */
const turnClusters = 32;

/**
 * Sends a connected cluster everything that it is to run. Always the whole, so that a lost message heals by the next; and
 * no assignments to one that has accepted these, nothing at all to one that is ahead of this hub's store.
 */
export function createClusterReconciler(deps: ClusterDeps): (name: string, signal: AbortSignal) => Promise<Outcome> {
  const encode = rememberTargets();
  let served = 0;
  return async (name, signal) => {
    served += 1;
    if (served % turnClusters === 0) await deps.clock.sleep(0, signal);
    const content = deps.news.take(name);
    const connection = deps.world.connections.get(name);
    const cluster = deps.store.cluster(name);
    if (cluster === undefined || connection === undefined || deps.world.aheadOf(name) !== "") return done;
    // What an agent takes says as much as a beat.
    if (hasAccepted(connection.hello, cluster, deps.store.era.epoch)) deps.beats.send(name);
    else {
      const records = deps.store.targetsOn(name);
      const assignments: Assignments = {
        cluster: name,
        clusterUid: cluster.uid,
        epoch: deps.store.era.epoch,
        generation: cluster.generation,
        history: cluster.history,
        issuedAtMs: deps.clock.now(),
        freshForMs,
        targets: records
          .filter((record) => record.removal === "" && understands(connection.hello, record))
          .map(toAssignment),
        tombstones: records.filter((record) => record.removal !== "").map(toTombstone),
      };
      const payload = encodeAssignments(assignments, encode);
      deps.link.send(name, { kind: "assignments", signed: deps.sign(payload), content });
      deps.log.debug({ cluster: name, generation: cluster.generation }, "assignments sent");
    }
    return done;
  };
}

/** The first digest of the history stands for all that was assigned up to the newest generation. */
function hasAccepted(hello: Hello, { history: [newest] }: ClusterRecord, epoch: string): boolean {
  return newest !== undefined && hello.accepted === newest && hello.epoch === epoch;
}

/** One that it does not understand is left out, and stays there as it is: absence removes nothing. */
function understands({ features }: Hello, { sync }: TargetRecord): boolean {
  return lackedFeatures(sync, features).length === 0;
}

/** What is assigned is mostly the same in many clusters. */
function rememberTargets(): typeof encodeTarget {
  const maxRemembered = 5_000;
  let remembered = new WeakMap<Assignment["sync"], Map<string, Uint8Array>>();
  let count = 0;
  return (target) => {
    const { sync, signatures, ...rest } = target;
    if (signatures !== undefined) return encodeTarget(target);
    const key = Object.values(rest).join("\n");
    const known = remembered.get(sync)?.get(key);
    if (known !== undefined) return known;
    if (count >= maxRemembered) [remembered, count] = [new WeakMap(), 0];
    const encoded = encodeTarget(target);
    const ofSync = remembered.get(sync) ?? new Map<string, Uint8Array>();
    remembered.set(sync, ofSync.set(key, encoded));
    count += 1;
    return encoded;
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
