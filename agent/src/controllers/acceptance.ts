import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { Acknowledgement, Assignment, Assignments, SignedAssignments, Tombstone } from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";

import { readAccepted, writeAccepted, type AcceptedFile } from "../store/accepted.ts";
import type { Disk } from "../store/disk.ts";

/** What is to become of an application. */
export type Intent =
  | { readonly kind: "run"; readonly assignment: Assignment; readonly receivedAtMs: number }
  /** An earlier envelope assigned it, the newest does not name it: it stays as it is. */
  | { readonly kind: "keep"; readonly assignment: Assignment }
  | { readonly kind: "remove"; readonly tombstone: Tombstone; readonly receivedAtMs: number }
  /** Only the inventory in the cluster knows it: there is nothing to heal it with, and no order to remove it. */
  | { readonly kind: "unknown" };

/** What the hub has told this agent to do, as far as the agent has accepted it. */
export interface Acceptance {
  readonly epoch: string;
  /** 0 when nothing was accepted yet. */
  readonly generation: number;
  intent(application: string): Intent;
  /** Every application that the hub has said anything about. */
  names(): readonly string[];
  /**
   * Takes an envelope that is genuine, for this cluster and not older than the last; refuses any other. When this
   * resolves, what was taken is on the disk. Calls run one after the other.
   */
  accept(signed: SignedAssignments): Promise<Acknowledgement>;
}

export interface AcceptanceOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly cluster: () => string;
  /** Throws `signature_invalid` or `document_invalid`. */
  readonly verify: (signed: SignedAssignments) => Assignments;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called after something new was taken, with every application that it says anything about. */
  readonly changed: (names: readonly string[]) => void;
}

/** Reads what was accepted before; a file that cannot be trusted counts as nothing, and the hub sends it again. */
export async function openAcceptance(options: AcceptanceOptions): Promise<Acceptance> {
  const { clock, log } = options;
  let taken = emptySet;
  try {
    const file = await readAccepted(options.disk, options.path);
    if (file !== undefined) taken = toTaken(options.verify(file.signed), file, emptySet, 0);
  } catch (cause) {
    const { code, message } = DroverError.from(cause);
    log.error({ code, reason: message }, "accepted assignments cannot be read");
  }
  const take = async (signed: SignedAssignments): Promise<Acknowledgement> => {
    const assignments = options.verify(signed);
    const { epoch, generation } = assignments;
    const refusal = refuse(assignments, options.cluster(), taken);
    if (refusal !== undefined) return { epoch, generation, refusal: { code: "assignment_refused", message: refusal } };
    if (epoch === taken.epoch && generation === taken.generation) return { epoch, generation };
    const history = { kept: keptOf(assignments, taken), pastEpochs: pastEpochsOf(assignments, taken) };
    await writeAccepted(options.disk, options.path, { signed, ...history });
    taken = toTaken(assignments, history, taken, clock.now());
    log.info({ epoch, generation, targets: taken.targets.size, tombstones: taken.tombstones.size }, "accepted");
    options.changed(namesOf(taken));
    return { epoch, generation };
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    get epoch() {
      return taken.epoch;
    },
    get generation() {
      return taken.generation;
    },
    intent: (application) => intentOf(taken, application),
    names: () => namesOf(taken),
    async accept(signed) {
      const result = last.then(() => take(signed));
      last = result.catch(() => undefined);
      try {
        return await result;
      } catch (cause) {
        const { code, message } = DroverError.from(cause);
        log.warn({ code, reason: message }, "assignments refused");
        return { epoch: taken.epoch, generation: taken.generation, refusal: { code, message } };
      }
    },
  };
}

interface Taken {
  readonly epoch: string;
  readonly generation: number;
  readonly pastEpochs: readonly string[];
  readonly targets: ReadonlyMap<string, Timed<Assignment>>;
  readonly kept: ReadonlyMap<string, Assignment>;
  readonly tombstones: ReadonlyMap<string, Timed<Tombstone>>;
}

interface Timed<T> {
  readonly value: T;
  readonly receivedAtMs: number;
}

const emptySet: Taken = {
  epoch: "",
  generation: 0,
  pastEpochs: [],
  targets: new Map(),
  kept: new Map(),
  tombstones: new Map(),
};
/** A hub begins an epoch when its store is lost, which is rare: this only bounds the file. */
const maxPastEpochs = 100;

function namesOf({ targets, kept, tombstones }: Taken): readonly string[] {
  return [...targets.keys(), ...kept.keys(), ...tombstones.keys()];
}

/** Why the agent does not take it; undefined when it does. Generations count within one epoch only. */
function refuse(assignments: Assignments, cluster: string, taken: Taken): string | undefined {
  if (assignments.cluster !== cluster) {
    return `they are for cluster "${assignments.cluster}", this is "${cluster}"`;
  }
  if (assignments.epoch === taken.epoch && assignments.generation < taken.generation) {
    return `generation ${assignments.generation} is older than the accepted ${taken.generation}`;
  }
  if (taken.pastEpochs.includes(assignments.epoch)) {
    return `epoch "${assignments.epoch}" came before the accepted "${taken.epoch}"`;
  }
  return undefined;
}

/** Absence is never deletion: what was assigned and is now neither assigned nor buried is kept. */
function keptOf(assignments: Assignments, taken: Taken): readonly Assignment[] {
  const named = new Set([...assignments.targets, ...assignments.tombstones].map(({ application }) => application));
  const before = [...[...taken.targets.values()].map(({ value }) => value), ...taken.kept.values()];
  return before.filter(({ application }) => !named.has(application));
}

/** What was signed before the hub's store was lost is genuine for ever; only remembering tells it from news. */
function pastEpochsOf({ epoch }: Assignments, taken: Taken): readonly string[] {
  if (taken.epoch === "" || taken.epoch === epoch) return taken.pastEpochs;
  return [...taken.pastEpochs, taken.epoch].slice(-maxPastEpochs);
}

function toTaken(
  assignments: Assignments,
  { kept, pastEpochs }: Pick<AcceptedFile, "kept" | "pastEpochs">,
  before: Taken,
  now: number,
): Taken {
  const targets = assignments.targets.map((value): [string, Timed<Assignment>] => {
    const old = before.targets.get(value.application);
    const same = old?.value.bundle === value.bundle && old.value.syncRequest === value.syncRequest;
    return [value.application, { value, receivedAtMs: same ? old.receivedAtMs : now }];
  });
  const tombstones = assignments.tombstones.map((value): [string, Timed<Tombstone>] => [
    value.application,
    { value, receivedAtMs: before.tombstones.get(value.application)?.receivedAtMs ?? now },
  ]);
  return {
    epoch: assignments.epoch,
    generation: assignments.generation,
    pastEpochs,
    targets: new Map(targets),
    kept: new Map(kept.map((assignment) => [assignment.application, assignment])),
    tombstones: new Map(tombstones),
  };
}

function intentOf(taken: Taken, application: string): Intent {
  const target = taken.targets.get(application);
  if (target !== undefined) return { kind: "run", assignment: target.value, receivedAtMs: target.receivedAtMs };
  const tombstone = taken.tombstones.get(application);
  if (tombstone !== undefined) {
    return { kind: "remove", tombstone: tombstone.value, receivedAtMs: tombstone.receivedAtMs };
  }
  const kept = taken.kept.get(application);
  return kept === undefined ? { kind: "unknown" } : { kind: "keep", assignment: kept };
}
