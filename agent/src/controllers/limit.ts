import { DroverError } from "@drover/shared/errors";

/** Runs a bounded number of pieces of work at once; the others wait in order. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

/** `max` is asked anew whenever a piece of work ends: the bound may go up and down. */
export function createLimit(max: () => number): Limit {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    // Who comes while others wait does not overtake them.
    if (running < max() && waiting.length === 0) running += 1;
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      return await work();
    } finally {
      running -= 1;
      while (waiting.length > 0 && running < max()) {
        running += 1;
        waiting.shift()?.();
      }
    }
  };
}

/** Like Promise.all, but nothing goes on behind the back of who waits: rejects only after all have ended. */
export async function allEnded(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === "rejected") throw DroverError.from(result.reason);
}
