import { readFileSync, renameSync } from "node:fs";

import { isRecord } from "@drover/shared/json";

import type { Enrolment } from "../core/enrolment.ts";
import { writeDurably } from "./durable-file.ts";

/** What of an enrolment must not be forgotten when the store is put back: which certificates a person or a join has ended. */
export type Ending = Pick<Enrolment, "cluster" | "state" | "reason" | "sinceMs" | "key" | "first">;

/**
 * A file beside the store that only grows while a hub runs, and that no backup replaces: one line for each decision that
 * ended certificates. A store that was restored reads there what it does not know any more.
 */
export class Ledger {
  readonly #file: string;
  readonly #newest = new Map<string, Ending>();

  constructor(file: string) {
    this.#file = file;
    for (const line of linesOf(file)) {
      const ending = parse(line);
      if (ending !== undefined) this.#newest.set(ending.cluster, ending);
    }
  }

  /** The newest of every cluster. */
  endings(): readonly Ending[] {
    return [...this.#newest.values()];
  }

  /** On the disk when it returns, as far as there is room: what is missing is written anew when the store is opened. */
  note(enrolment: Enrolment): void {
    const ending = endingOf(enrolment);
    if (isSame(this.#newest.get(ending.cluster), ending)) return;
    this.#newest.set(ending.cluster, ending);
    try {
      writeDurably(this.#file, "a", `${JSON.stringify(ending)}\n`);
    } catch {
      // The decision itself is in the store.
    }
  }

  /** Puts it in order: one line a cluster, of those that are to be kept. */
  settle(enrolments: Iterable<Enrolment>): void {
    const kept = [...enrolments].filter(isNotable).map(endingOf);
    if (kept.length === this.#newest.size && kept.every((one) => isSame(this.#newest.get(one.cluster), one))) return;
    const part = `${this.#file}.new`;
    writeDurably(part, "w", kept.map((ending) => `${JSON.stringify(ending)}\n`).join(""));
    renameSync(part, this.#file);
    this.#newest.clear();
    for (const ending of kept) this.#newest.set(ending.cluster, ending);
  }
}

export function ledgerFile(store: string): string {
  return `${store}-revoked`;
}

/** A cluster whose certificates have all held so far has nothing to remember. */
export function isNotable({ first, state }: Pick<Enrolment, "first" | "state">): boolean {
  return first > 0 || state !== "accepted";
}

/** A lock is about agents that run now, and is found again by whoever comes. */
function endingOf({ cluster, state, reason, sinceMs, key, first }: Enrolment): Ending {
  const lasting = state === "locked" ? ({ state: "accepted", reason: "" } as const) : { state, reason };
  return { cluster, ...lasting, sinceMs, key, first };
}

function isSame(one: Ending | undefined, other: Ending): boolean {
  return one?.first === other.first && one.state === other.state && one.key === other.key;
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw cause;
  }
}

/** Undefined for the end of a line that a crash cut off. */
function parse(line: string): Ending | undefined {
  try {
    const value: unknown = JSON.parse(line);
    // Written by nobody but `note`.
    if (isRecord(value) && typeof value["cluster"] === "string") return value as unknown as Ending;
  } catch {
    // Told below.
  }
  return undefined;
}
