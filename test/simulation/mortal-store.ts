import type { Store } from "@drover/hub/store/store";

/** Where a hub dies at a write: before it reaches the disk, or after, before anybody hears of it. */
export interface StoreDeath {
  /** Which write from now on; 0 = the next. */
  write: number;
  readonly moment: "before" | "after";
}

const writes: ReadonlySet<string> = new Set([
  "assign",
  "beginEpoch",
  "confirmReach",
  "decide",
  "deleteCluster",
  "deleteRollout",
  "deleteSource",
  "flush",
  "join",
  "keep",
  "noteSource",
  "putCluster",
  "putJoinToken",
  "putRollout",
  "putSource",
]);

/**
 * The same store, until its process dies at a write: whatever the process would still do with it from then on is not done.
 * `wrote` hears of each write before it is made.
 */
export function mortal(store: Store, next: () => StoreDeath | undefined, die: () => void): Store {
  let isDead = false;
  const dead = (): never => {
    throw new Error("the hub was killed");
  };
  return new Proxy(store, {
    get(target, key) {
      if (isDead) return dead();
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      if (!writes.has(String(key))) return value.bind(target) as unknown;
      return (...given: readonly unknown[]): unknown => {
        if (isDead) return dead();
        const death = next();
        const isLast = death !== undefined && (death.write -= 1) < 0;
        if (isLast && death.moment === "before") {
          isDead = true;
          die();
          return dead();
        }
        const result: unknown = Reflect.apply(value, target, given);
        if (!isLast) return result;
        isDead = true;
        die();
        return dead();
      };
    },
  });
}
