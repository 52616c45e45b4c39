import type { Rollout } from "../core/rollout/rollout.ts";
import type { Database } from "./database.ts";
import { readRollout } from "./earlier-records.ts";
import { parseRecord } from "./parse-record.ts";
import { seal } from "./sealed.ts";

/** Read from memory, written through. */
export class RolloutTable {
  readonly #database: Database;
  /** By application, then by strategy. */
  readonly #records = new Map<string, Map<string, Rollout>>();

  constructor(database: Database) {
    this.#database = database;
    this.keep(database.all("SELECT record FROM rollouts").map((row) => readRollout(parseRecord<Rollout>(row))));
  }

  all(): readonly Rollout[] {
    return [...this.#records.values()].flatMap((byStrategy) => [...byStrategy.values()]);
  }

  of(app: string): readonly Rollout[] {
    return [...(this.#records.get(app)?.values() ?? [])];
  }

  put(rollouts: readonly Rollout[]): void {
    // A transaction of nothing would still wait for the disk.
    if (rollouts.length === 0) return;
    this.#database.transaction(() => this.write(rollouts));
    this.keep(rollouts);
  }

  /** The half of `put` that belongs into a transaction. */
  write(rollouts: readonly Rollout[]): void {
    for (const rollout of rollouts) {
      const { app, strategy } = rollout;
      this.#database.run("INSERT OR REPLACE INTO rollouts VALUES (?, ?, ?)", app, strategy, seal(rollout));
    }
  }

  /** The half of `put` that belongs behind it. */
  keep(rollouts: readonly Rollout[]): void {
    for (const rollout of rollouts) {
      const ofApp = this.#records.get(rollout.app) ?? new Map<string, Rollout>();
      this.#records.set(rollout.app, ofApp.set(rollout.strategy, rollout));
    }
  }

  delete({ app, strategy }: Pick<Rollout, "app" | "strategy">): void {
    this.#database.run("DELETE FROM rollouts WHERE app = ? AND strategy = ?", app, strategy);
    const left = this.#records.get(app);
    left?.delete(strategy);
    if (left?.size === 0) this.#records.delete(app);
  }
}
