import { shortRevision } from "@drover/shared/api/revision";
import type { Clock } from "@drover/shared/clock";
import type { Condition } from "@drover/shared/conditions";
import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";

import type { Ancestry } from "../source/git/ancestry.ts";
import type { Mirror } from "../source/git/mirror.ts";
import type { AcceptedCommit, SourceRecord, Store } from "../store/store.ts";
import type { World } from "./world.ts";

export interface HistoryDeps {
  readonly store: Pick<Store, "source" | "putSource">;
  readonly world: World;
  readonly mirror: Pick<Mirror, "ancestry">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Tells people of branches that were rewritten. What a branch went to is taken all the same. */
export interface History {
  /** To be called after the commit was taken and read: nothing waits for what a server says of its history. */
  look(name: string, signal: AbortSignal): Promise<void>;
  forget(name: string): void;
}

/** The condition's; one that is false makes no source fail. */
export const historyType = "HistoryKept";
/** How long a rewritten history is told of. */
const toldForMs = 24 * 3_600_000;

export function createHistory({ store, world, mirror, clock, log }: HistoryDeps): History {
  /** What was found out about the commit that each source has. */
  const found = new Map<string, { readonly id: string; readonly ancestry: Ancestry }>();
  const ask = async (source: SourceRecord, accepted: AcceptedCommit, signal: AbortSignal): Promise<Ancestry> => {
    const { commit } = world.source(source.name);
    if (accepted.previous === undefined || commit?.id !== accepted.id) return "descends";
    if (source.rewritten?.to === accepted.id) return "rewritten";
    return mirror.ancestry(source, commit, accepted.previous, signal);
  };
  return {
    async look(name, signal) {
      const source = store.source(name);
      const accepted = source?.accepted;
      if (source === undefined || accepted === undefined) return;
      if (found.get(name)?.id !== accepted.id) {
        try {
          const ancestry = await ask(source, accepted, signal);
          found.set(name, { id: accepted.id, ancestry });
          if (ancestry === "rewritten") note(store, name, accepted, clock.now());
        } catch (cause) {
          signal.throwIfAborted();
          // Asked again with the next look.
          log.info({ repository: name, code: DroverError.from(cause).code }, "history cannot be told");
          found.delete(name);
        }
      }
      const ancestry = found.get(name)?.ancestry ?? "unknown";
      const condition = describe(store.source(name) ?? source, ancestry, clock.now());
      const isKnown = world.source(name).conditions.some(({ type }) => type === historyType);
      if (condition.status !== "True" || isKnown) world.setSource(name, {}, condition);
    },
    forget: (name) => void found.delete(name),
  };
}

/** Durable, so that people are told after a restart too. */
function note(
  store: HistoryDeps["store"],
  name: string,
  { id, ref, previous = "" }: AcceptedCommit,
  atMs: number,
): void {
  const source = store.source(name);
  if (source?.accepted?.id !== id || source.rewritten?.to === id) return;
  store.putSource({ ...source, rewritten: { ref, from: previous, to: id, atMs } });
}

function describe({ accepted, rewritten }: SourceRecord, ancestry: Ancestry, nowMs: number): Omit<Condition, "since"> {
  if (rewritten !== undefined && nowMs - rewritten.atMs < toldForMs) {
    const { ref, from, to } = rewritten;
    const message = `the history of ${ref} was rewritten: it went from ${shortRevision(from)} to ${shortRevision(to)}, which does not follow it`;
    return { type: historyType, status: "False", reason: "HistoryRewritten", message };
  }
  if (ancestry === "unknown" && accepted?.previous !== undefined) {
    const steps = `${shortRevision(accepted.previous)} to ${shortRevision(accepted.id)}`;
    const message = `whether the history of ${accepted.ref} was rewritten from ${steps} cannot be told`;
    return { type: historyType, status: "Unknown", reason: "HistoryUnknown", message };
  }
  return { type: historyType, status: "True", reason: "HistoryKept", message: "" };
}
