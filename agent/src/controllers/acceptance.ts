import type { Clock } from "@drover/shared/clock";
import { canonicalJson, digestOf, type Digest } from "@drover/shared/digest";
import { DroverError, type ErrorCode } from "@drover/shared/errors";
import type {
  Acknowledgement,
  Assignment,
  Assignments,
  Beat,
  SignedAssignments,
  Tombstone,
} from "@drover/shared/link/link";
import type { Logger } from "@drover/shared/log";

import { acceptOffer, refusalOf, type Accepted, type Audience, type Offer } from "../core/acceptance.ts";
import { readAccepted, writeAccepted } from "../store/accepted.ts";
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
  /** As `Assignments.freshForMs`; 0 when nothing was accepted yet. */
  readonly freshForMs: number;
  /** As `Hello.accepted`; "" when it has none. */
  readonly digest: Digest;
  /** When what was accepted was issued at the latest; see `core/acceptance`. */
  readonly floorMs: number;
  intent(application: string): Intent;
  /** Every application that the hub has said anything about. */
  names(): readonly string[];
  /**
   * Takes an envelope that is genuine, for this cluster and not older than the last; refuses any other. When this
   * resolves, what was taken is on the disk. Calls run one after the other.
   */
  accept(signed: SignedAssignments): Promise<Acknowledgement>;
  /** Resolves when everything that came so far was taken or refused. */
  settled(): Promise<void>;
}

export interface AcceptanceOptions {
  readonly disk: Pick<Disk, "read" | "replace">;
  readonly path: string;
  readonly audience: () => Audience;
  /** Throws `signature_invalid` or `document_invalid`. */
  readonly verify: (signed: SignedAssignments) => Assignments;
  /** Why nothing new is taken, in one sentence; undefined when it is. */
  readonly frozen: () => string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called after something new was taken, with the applications that it says something new of. */
  readonly changed: (names: readonly string[]) => void;
  /** Called with each envelope that is what the agent goes by, new or not: it says as much as a beat. */
  readonly confirmed: (beat: Beat) => void;
}

/** Reads what was accepted before; a file that cannot be trusted counts as nothing, and the hub sends it again. */
export async function openAcceptance(options: AcceptanceOptions): Promise<Acceptance> {
  const { log } = options;
  let taken = await restore(options);
  const take = async (signed: SignedAssignments): Promise<Acknowledgement> => {
    const before = taken;
    const next = await takeSigned(options, signed, before);
    taken = next.taken ?? before;
    if (next.beat !== undefined) options.confirmed(next.beat);
    if (next.taken !== undefined) options.changed(changedNames(before, taken));
    return next.answer;
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    get epoch() {
      return taken.accepted.epoch;
    },
    get generation() {
      return taken.accepted.generation;
    },
    get freshForMs() {
      return taken.freshForMs;
    },
    get digest() {
      return taken.accepted.history[0] ?? "";
    },
    get floorMs() {
      return taken.accepted.floorMs;
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
        const { epoch, generation } = taken.accepted;
        log.warn({ code, reason: message }, "assignments refused");
        return { epoch, generation, refusal: { code, message } };
      }
    },
    settled: async () => void (await last),
  };
}

async function restore({ disk, path, verify, audience, log }: AcceptanceOptions): Promise<Taken> {
  try {
    const file = await readAccepted(disk, path);
    if (file === undefined) return nothing;
    const assignments = verify(file.signed);
    const offer = offerOf(assignments);
    // A disk that was copied into another cluster.
    const foreign = refusalOf(offer, audience(), nothing.accepted);
    if (foreign !== undefined) throw new DroverError("assignment_refused", foreign);
    const { kept, pastEpochs, floorMs } = file;
    const accepted = acceptOffer(offer, { ...nothing.accepted, pastEpochs, floorMs }, 0);
    return toTaken({ assignments, kept, accepted }, nothing, 0);
  } catch (cause) {
    const { code, message } = DroverError.from(cause);
    log.error({ code, reason: message }, "accepted assignments cannot be read");
    return nothing;
  }
}

/** What was taken, when it was something new, is on the disk when this resolves. */
async function takeSigned(
  { disk, path, audience, verify, frozen, clock, log }: AcceptanceOptions,
  signed: SignedAssignments,
  before: Taken,
): Promise<{ readonly answer: Acknowledgement; readonly taken?: Taken; readonly beat?: Beat }> {
  const assignments = verify(signed);
  const { epoch, generation } = assignments;
  const offer = offerOf(assignments);
  const answer = { epoch, generation };
  const refuse = (code: ErrorCode, message: string) => {
    log.warn({ epoch, generation, code, reason: message }, "assignments refused");
    return { answer: { ...answer, refusal: { code, message } } };
  };
  const message = refusalOf(offer, audience(), before.accepted);
  if (message !== undefined) return refuse("assignment_refused", message);
  const beat = { ...assignments, sentAtMs: assignments.issuedAtMs };
  if (epoch === before.accepted.epoch && generation === before.accepted.generation) return { answer, beat };
  const freeze = frozen();
  if (freeze !== undefined) return refuse("cluster_frozen", freeze);
  const now = clock.now();
  const kept = keptOf(assignments, before);
  const accepted = acceptOffer(offer, before.accepted, now);
  await writeAccepted(disk, path, { signed, kept, pastEpochs: accepted.pastEpochs, floorMs: accepted.floorMs });
  const taken = toTaken({ assignments, kept, accepted }, before, now);
  log.info({ epoch, generation, targets: taken.targets.size, tombstones: taken.tombstones.size }, "accepted");
  return { answer, taken, beat };
}

interface Taken {
  readonly accepted: Accepted;
  readonly freshForMs: number;
  readonly targets: ReadonlyMap<string, Timed<Assignment>>;
  readonly kept: ReadonlyMap<string, Assignment>;
  readonly tombstones: ReadonlyMap<string, Timed<Tombstone>>;
}

interface Timed<T> {
  readonly value: T;
  readonly receivedAtMs: number;
}

const nothing: Taken = {
  accepted: { epoch: "", generation: 0, history: [], content: () => "", pastEpochs: [], floorMs: 0 },
  freshForMs: 0,
  targets: new Map(),
  kept: new Map(),
  tombstones: new Map(),
};

function namesOf({ targets, kept, tombstones }: Taken): readonly string[] {
  return [...targets.keys(), ...kept.keys(), ...tombstones.keys()];
}

/** What is said of a removal counts for one generation, so a tombstone is news each time. */
function changedNames(before: Taken, now: Taken): readonly string[] {
  const names = new Set([...namesOf(before), ...namesOf(now)]);
  return [...names].filter((name) => {
    const intent = intentOf(now, name);
    return intent.kind === "remove" || !isSame(intentOf(before, name), intent);
  });
}

function isSame(a: Intent, b: Intent): boolean {
  if (!("assignment" in a) || !("assignment" in b)) return a.kind === b.kind;
  return a.kind === b.kind && textOf(a.assignment) === textOf(b.assignment);
}

/** Each is compared with the one before and the one after. All come from the same reader, so equal ones have equal text. */
const texts = new WeakMap<Assignment, string>();

function textOf(assignment: Assignment): string {
  const known = texts.get(assignment);
  if (known !== undefined) return known;
  const text = JSON.stringify(assignment);
  texts.set(assignment, text);
  return text;
}

/** The content as this agent reads it: what only a newer hub knows is no difference. */
function offerOf(assignments: Assignments): Offer {
  const { targets, tombstones } = assignments;
  return { ...assignments, content: () => digestOf(canonicalJson({ targets, tombstones })) };
}

/** Absence is never deletion: what was assigned and is now neither assigned nor buried is kept. */
function keptOf(assignments: Assignments, taken: Taken): readonly Assignment[] {
  const named = new Set([...assignments.targets, ...assignments.tombstones].map(({ application }) => application));
  const before = [...[...taken.targets.values()].map(({ value }) => value), ...taken.kept.values()];
  return before.filter(({ application }) => !named.has(application));
}

function toTaken(
  {
    assignments,
    kept,
    accepted,
  }: {
    readonly assignments: Assignments;
    readonly kept: readonly Assignment[];
    readonly accepted: Accepted;
  },
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
    accepted,
    freshForMs: assignments.freshForMs,
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
