import { DroverError } from "@drover/shared/errors";

export interface Places {
  /** Takes one place until it is disposed of. Throws `precondition_failed` when there is none. */
  take(holder: string): Disposable;
}

/** Counts what is open at the same time, over all and for each holder. */
export function createPlaces(limits: { readonly total: number; readonly perHolder: number }): Places {
  const byHolder = new Map<string, number>();
  let total = 0;
  return {
    take(holder) {
      const own = byHolder.get(holder) ?? 0;
      if (total >= limits.total || own >= limits.perHolder) {
        throw new DroverError("precondition_failed", "too many event streams are open", {
          hint: "close some: one stream serves all views of a client",
        });
      }
      total += 1;
      byHolder.set(holder, own + 1);
      return {
        [Symbol.dispose]() {
          total -= 1;
          const left = (byHolder.get(holder) ?? 1) - 1;
          if (left === 0) byHolder.delete(holder);
          else byHolder.set(holder, left);
        },
      };
    },
  };
}
