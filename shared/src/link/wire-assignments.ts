import { encode } from "@drover/proto/encode";
import * as wire from "@drover/proto/gen/drover/agent/v1/agent";

import type { Digest } from "../digest.ts";
import { DroverError } from "../errors.ts";
import {
  maxAssigned,
  maxHistory,
  maxSignatures,
  type Assignment,
  type Assignments,
  type Beat,
  type ReleaseSignature,
  type Tombstone,
} from "./link.ts";
import { syncFromWire, syncToWire } from "./wire-sync.ts";
import { digestFromWire, digestToWire, integerFromWire, integerToWire } from "./wire-values.ts";

/**
 * The bytes that the hub signs. Parts of one message that are written one after the other
 * are that message, so what many clusters share is encoded once, as long as `encodeOne` remembers it.
 */
export function encodeAssignments(assignments: Assignments, encodeOne = encodeTarget): Uint8Array {
  const head = encode(wire.Assignments, {
    ...nothing,
    cluster: assignments.cluster,
    clusterUid: assignments.clusterUid,
    epoch: assignments.epoch,
    generation: integerToWire(assignments.generation),
    history: assignments.history.map(digestToWire),
    issuedAtMs: integerToWire(assignments.issuedAtMs),
    freshForMs: assignments.freshForMs,
  });
  const tombstones = assignments.tombstones.map(copyTombstone);
  const tail = encode(wire.Assignments, { ...nothing, tombstones });
  return Buffer.concat([head, ...assignments.targets.map((target) => encodeOne(target)), tail]);
}

/** One target as a part of the encoded assignments. */
export function encodeTarget(target: Assignment): Uint8Array {
  return encode(wire.Assignments, { ...nothing, targets: [toTarget(target)] });
}

const nothing: wire.Assignments = {
  cluster: "",
  clusterUid: "",
  epoch: "",
  generation: 0n,
  history: [],
  issuedAtMs: 0n,
  freshForMs: 0,
  targets: [],
  tombstones: [],
};

/** Reads bytes whose signature was checked. Throws `document_invalid` for what no hub writes. */
export function decodeAssignments(payload: Uint8Array): Assignments {
  const assignments = parse("assignments", () => wire.Assignments.decode(payload));
  requireNames("assignments", assignments);
  refuseTwice(assignments);
  return {
    cluster: assignments.cluster,
    clusterUid: assignments.clusterUid,
    epoch: assignments.epoch,
    generation: integerFromWire(assignments.generation),
    history: assignments.history.slice(0, maxHistory).map(fromHistory),
    issuedAtMs: integerFromWire(assignments.issuedAtMs),
    freshForMs: assignments.freshForMs,
    targets: assignments.targets.map(fromTarget),
    tombstones: assignments.tombstones.map(copyTombstone),
  };
}

/** The bytes of a beat that the hub signs. */
export function encodeBeat({ generation, sentAtMs, ...beat }: Beat): Uint8Array {
  const numbers = { generation: integerToWire(generation), sentAtMs: integerToWire(sentAtMs) };
  return encode(wire.Beat, { ...beat, ...numbers });
}

/** As `decodeAssignments`. */
export function decodeBeat(payload: Uint8Array): Beat {
  const beat = parse("beat", () => wire.Beat.decode(payload));
  requireNames("beat", beat);
  const { cluster, clusterUid, epoch } = beat;
  const numbers = { generation: integerFromWire(beat.generation), sentAtMs: integerFromWire(beat.sentAtMs) };
  return { cluster, clusterUid, epoch, ...numbers };
}

function parse<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw new DroverError("document_invalid", `${what} cannot be decoded`, { cause });
  }
}

function requireNames(
  what: string,
  { cluster, epoch, generation }: Pick<wire.Beat, "cluster" | "epoch" | "generation">,
) {
  if (cluster === "" || epoch === "") throw new DroverError("document_invalid", `${what} name no cluster or no epoch`);
  // Beyond this two generations can no longer be told apart, and no agent could ever accept a higher one.
  if (generation > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new DroverError("document_invalid", `generation ${generation} is out of range`);
  }
}

/** Of two things that are said of one application no order could tell which is meant. */
function refuseTwice({ targets, tombstones }: Pick<wire.Assignments, "targets" | "tombstones">): void {
  const named = [...targets, ...tombstones].map(({ application }) => application);
  if (named.length > maxAssigned) {
    throw new DroverError("document_invalid", `assignments name ${named.length} applications, at most ${maxAssigned}`);
  }
  const seen = new Set<string>();
  for (const name of named) {
    if (name === "") throw new DroverError("document_invalid", "assignments name no application");
    if (seen.has(name)) throw new DroverError("document_invalid", `assignments name application "${name}" twice`);
    seen.add(name);
  }
}

function fromHistory(bytes: Uint8Array): Digest {
  const digest = digestFromWire(bytes);
  if (digest === undefined) throw new DroverError("document_invalid", "the history of assignments has no digest");
  return digest;
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
    signatures: (target.signatures ?? []).map(({ expiresAtMs, signature, ...rest }) => ({
      ...rest,
      expiresAtMs: integerToWire(expiresAtMs),
      signature: Buffer.from(signature, "base64"),
    })),
  };
}

function fromTarget(target: wire.Assignment): Assignment {
  const bundle = digestFromWire(target.bundle);
  if (bundle === undefined) {
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
    ...(target.signatures.length === 0 ? {} : { signatures: signaturesOf(target) }),
  };
}

function signaturesOf({ signatures }: wire.Assignment): readonly ReleaseSignature[] {
  return signatures.slice(0, maxSignatures).map(({ keyId, cluster, expiresAtMs, signature }) => ({
    keyId,
    cluster,
    expiresAtMs: integerFromWire(expiresAtMs),
    signature: signature.toString("base64"),
  }));
}
