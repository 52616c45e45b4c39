import * as wire from "@drover/proto/gen/drover/agent/v1/agent";

import { DroverError } from "../errors.ts";
import type { Assignment, Assignments, Tombstone } from "./link.ts";
import { syncFromWire, syncToWire } from "./wire-sync.ts";
import { digestFromWire, digestToWire, integerFromWire, integerToWire } from "./wire-values.ts";

/**
 * The bytes that the hub signs; the same for the same content. Parts of one message that are written one after the other
 * are that message, so what many clusters share is encoded once, as long as `encodeOne` remembers it.
 */
export function encodeAssignments(assignments: Assignments, encodeOne = encodeTarget): Uint8Array {
  const head = wire.Assignments.encode({
    ...nothing,
    cluster: assignments.cluster,
    epoch: assignments.epoch,
    generation: integerToWire(assignments.generation),
    issuedAtMs: integerToWire(assignments.issuedAtMs),
  }).finish();
  const tombstones = assignments.tombstones.map(copyTombstone);
  const tail = wire.Assignments.encode({ ...nothing, tombstones }).finish();
  return Buffer.concat([head, ...assignments.targets.map((target) => encodeOne(target)), tail]);
}

/** One target as a part of the encoded assignments. */
export function encodeTarget(target: Assignment): Uint8Array {
  return wire.Assignments.encode({ ...nothing, targets: [toTarget(target)] }).finish();
}

const nothing: wire.Assignments = {
  cluster: "",
  epoch: "",
  generation: 0n,
  issuedAtMs: 0n,
  targets: [],
  tombstones: [],
};

/** Reads bytes whose signature was checked. Throws `document_invalid` for what no hub writes. */
export function decodeAssignments(payload: Uint8Array): Assignments {
  const assignments = parse(payload);
  if (assignments.cluster === "") throw new DroverError("document_invalid", "assignments name no cluster");
  // Beyond this two generations can no longer be told apart, and no agent could ever accept a higher one.
  if (assignments.generation > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new DroverError("document_invalid", `generation ${assignments.generation} is out of range`);
  }
  return {
    cluster: assignments.cluster,
    epoch: assignments.epoch,
    generation: integerFromWire(assignments.generation),
    issuedAtMs: integerFromWire(assignments.issuedAtMs),
    targets: assignments.targets.map(fromTarget),
    tombstones: assignments.tombstones.map(copyTombstone),
  };
}

function parse(payload: Uint8Array): wire.Assignments {
  try {
    return wire.Assignments.decode(payload);
  } catch (cause) {
    throw new DroverError("document_invalid", "assignments cannot be decoded", { cause });
  }
}

/** The same on both sides; unknown fields of a newer hub are left out. */
function copyTombstone({ application, reason, detach, confirmPrune }: Tombstone): Tombstone {
  return { application, reason, detach, confirmPrune };
}

function toTarget(target: Assignment): wire.Assignment {
  return {
    application: target.application,
    bundle: digestToWire(target.bundle),
    repository: target.repository,
    commit: target.commit,
    namespace: target.namespace,
    createNamespace: target.createNamespace,
    prune: target.prune,
    seenAtMs: integerToWire(target.seenAtMs),
    syncRequest: integerToWire(target.syncRequest),
    sync: syncToWire(target.sync),
    confirmPrune: target.confirmPrune,
  };
}

function fromTarget(target: wire.Assignment): Assignment {
  const bundle = digestFromWire(target.bundle);
  if (target.application === "" || bundle === undefined) {
    throw new DroverError("document_invalid", `assignment of "${target.application}" names no bundle`);
  }
  return {
    application: target.application,
    bundle,
    repository: target.repository,
    commit: target.commit,
    namespace: target.namespace,
    createNamespace: target.createNamespace,
    prune: target.prune,
    seenAtMs: integerFromWire(target.seenAtMs),
    syncRequest: integerFromWire(target.syncRequest),
    sync: syncFromWire(target.sync),
    confirmPrune: target.confirmPrune,
  };
}
