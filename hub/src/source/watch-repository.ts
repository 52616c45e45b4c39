import { watch, type FSWatcher } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import type { Clock } from "@drover/shared/clock";

import { findLocalRepository } from "./git/local-repository.ts";

export interface WatchOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Refs may have changed: after every commit, and now and then for nothing. */
  readonly changed: () => void;
}

/** Git writes a ref in several steps, and a push several refs: the first is told at once, the others together. */
const debounceMs = 20;
/** How often to look for a repository that is not there. */
const missingMs = 1000;
/** How often to look without an event: a folder far above may be moved, a network file system tells nothing. */
const lookMs = 10_000;
/** Folders under refs: one for each part of a branch name with slashes. More are left to polling. */
const maxFolders = 256;
/** What in a repository's folder tells about refs; the index, locks and logs tell nothing. */
const telling: ReadonlySet<string> = new Set([".git", "HEAD", "packed-refs", "refs"]);

/**
 * Calls `changed` once at the start and whenever refs of a local repository change, also when it vanishes and comes
 * back. Ends by the signal.
 */
export async function watchRepository(options: WatchOptions, signal: AbortSignal): Promise<void> {
  const { path, clock, changed } = options;
  let places = await placesOf(path);
  let seen = await stateOf(places);
  // A change before this first look is not seen by any later one.
  changed();
  while (!signal.aborted) {
    if (places.folders.length === 0) await clock.sleep(missingMs, signal);
    else await eventOrTime(places, seen, { clock, signal });
    places = await placesOf(path);
    const state = await stateOf(places);
    // Looked at before it is told: what changes later is seen to differ by the next watch.
    if (state !== seen) {
      seen = state;
      changed();
    }
    await clock.sleep(debounceMs, signal);
  }
}

interface Places {
  /** To be watched; none when there is no repository. */
  readonly folders: readonly string[];
  /** Files and folders whose identity or time changes with every change of a ref. */
  readonly marks: readonly string[];
}

async function eventOrTime(
  places: Places,
  seen: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const stop = new AbortController();
  const linked = AbortSignal.any([signal, stop.signal]);
  try {
    await Promise.race([nextEvent(places, seen, linked), clock.sleep(lookMs, linked)]);
  } finally {
    stop.abort();
  }
}

/** Resolves with the first event that may be about refs. Watching anew each time also finds new folders. */
async function nextEvent({ folders, marks }: Places, seen: string, signal: AbortSignal): Promise<void> {
  const watchers: FSWatcher[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      for (const folder of folders) {
        const inRefs = /[\\/]refs(?:[\\/]|$)/u.test(folder);
        const listener = (_type: string, name: string | null): void => {
          const isTelling = name === null || name === basename(folder) || telling.has(name);
          if (isTelling || (inRefs && !name.endsWith(".lock"))) resolve();
        };
        try {
          watchers.push(watch(folder, { persistent: false }, listener).on("error", () => resolve()));
        } catch {
          // The folder has just gone.
          resolve();
        }
      }
      // What happened before the watches were there would never be told.
      stateOf({ folders, marks }).then((state) => {
        if (state !== seen || signal.aborted) resolve();
      }, reject);
    });
  } finally {
    for (const watcher of watchers) watcher.close();
  }
}

async function placesOf(path: string): Promise<Places> {
  try {
    const { gitFolder, commonFolder } = await findLocalRepository(path);
    const refs: string[] = [];
    const queue = [join(commonFolder, "refs")];
    for (let folder = queue.pop(); folder !== undefined && refs.length < maxFolders; folder = queue.pop()) {
      refs.push(folder);
      queue.push(...(await foldersIn(folder)));
    }
    const marks = [join(gitFolder, "HEAD"), join(commonFolder, "packed-refs"), ...refs];
    return { folders: [...new Set([path, gitFolder, commonFolder, ...refs])], marks };
  } catch {
    return { folders: [], marks: [] };
  }
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
  } catch {
    return [];
  }
}

/** Renaming a ref into place changes its folder's time; a repository that was made anew has other inodes. */
async function stateOf({ marks }: Places): Promise<string> {
  const states = await Promise.all(
    marks.map(async (mark) => {
      try {
        const { ino, mtimeMs } = await stat(mark);
        return `${mark} ${ino} ${mtimeMs}`;
      } catch {
        return mark;
      }
    }),
  );
  return states.join("\n");
}
