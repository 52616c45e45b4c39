import type { Digest } from "@drover/shared/digest";

import type { Blobs } from "./blobs.ts";

/** What is sent unasked to one cluster with its assignments, in bytes. */
const maxBytes = 64 * 1024;

/** A target's bundle was replaced. */
export interface Replacement {
  readonly from: Digest;
  readonly to: Digest;
}

/**
 * What the newest assignments of a cluster are made of and those before were not. It goes with them, as far as it is small:
 * each agent that has to ask for it makes two calls, and of a change that is everywhere these are most of the work.
 */
export interface News {
  note(cluster: string, replacement: Replacement): void;
  /** Of what was noted since the last call; what is left out is asked for. */
  take(cluster: string): readonly Uint8Array[];
}

export function createNews(blobs: Pick<Blobs, "added">): News {
  /** Until a cluster is served, which every change asks for. */
  const noted = new Map<string, Replacement[]>();
  return {
    note(cluster, replacement) {
      const before = noted.get(cluster);
      if (before === undefined) noted.set(cluster, [replacement]);
      else before.push(replacement);
    },
    take(cluster) {
      const replacements = noted.get(cluster) ?? [];
      noted.delete(cluster);
      const found = new Map<Digest, Uint8Array>();
      let size = 0;
      for (const { from, to } of replacements) {
        const added = blobs.added(from, to, maxBytes);
        for (const bytes of added.values()) size += bytes.byteLength;
        if (size > maxBytes) break;
        for (const [digest, bytes] of added) found.set(digest, bytes);
      }
      return [...found.values()];
    },
  };
}
