import type { Snapshot } from "./snapshot.ts";

export interface KustomizeOptions {
  /** Where programs are looked for: PATH, HOME, XDG_CACHE_HOME, DROVER_RIG_CACHE. The program itself gets none of it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Builds the kustomization in a folder of the snapshot. Throws `program_missing`, `render_failed`, `timeout`. */
export type Kustomize = (snapshot: Snapshot, path: string, signal: AbortSignal) => Promise<Uint8Array>;

export function createKustomize(options: KustomizeOptions): Kustomize {
  void options;
  return () => Promise.reject(new Error("not yet"));
}
