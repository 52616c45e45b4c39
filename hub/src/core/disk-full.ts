import { DroverError } from "@drover/shared/errors";

/** What an intent gets while there is no reserve: what agents and the store itself need is written from it. */
export function diskFull(cause?: unknown): DroverError {
  return new DroverError("store_full", "the hub's disk is full: it serves what it has, and takes no changes", {
    hint: "make room in the hub's data folder; it goes on by itself",
    ...(cause === undefined ? {} : { cause }),
  });
}
