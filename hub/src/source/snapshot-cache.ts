import type { Decoded } from "@drover/shared/decode";

import type { TreeItem } from "./git/git-objects.ts";
import { SizedCache } from "./sized-cache.ts";

/** What was read of repositories, by repository and object id: what did not change is not read again. */
export interface SnapshotCache {
  readonly trees: SizedCache<readonly TreeItem[]>;
  readonly blobs: SizedCache<Uint8Array>;
  readonly decodings: SizedCache<Decoded>;
}

const mebibyte = 1024 * 1024;

/**
 * At most about 40 MiB in all, whatever the repositories are: what the files of an application held is remembered with it, as
 * what it renders is.
 */
export function createSnapshotCache(): SnapshotCache {
  return {
    trees: new SizedCache(16 * mebibyte),
    blobs: new SizedCache(8 * mebibyte),
    decodings: new SizedCache(16 * mebibyte),
  };
}
