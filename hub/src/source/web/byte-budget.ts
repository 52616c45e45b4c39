import { DroverError } from "@drover/shared/errors";

/** Counts what a fetch transfers, over all its answers. */
export interface ByteBudget {
  /** Takes bytes from the budget. Throws `input_too_large`. */
  spend(bytes: number): void;
}

export function createByteBudget(url: string, maxBytes: number): ByteBudget {
  let left = maxBytes;
  return {
    spend(bytes) {
      left -= bytes;
      if (left >= 0) return;
      const megabytes = Math.round(maxBytes / 1024 / 1024);
      throw new DroverError("input_too_large", `${url} is larger than ${megabytes} MiB`);
    },
  };
}
