import { join } from "node:path";

import { digestOf, type Digest } from "@drover/shared/digest";

import type { Disk } from "./disk.ts";
import { storeFailed } from "./file.ts";
import { createSegment, openSegment, type Extent, type Segment, type Unwritten } from "./segment.ts";

/**
 * Blobs on disk, by their digests, in a few files that only grow: one write for many blobs, and one file to open for all
 * of them. Nothing is written durably until it is moved, so after a power cut a blob may be gone; it then counts as
 * missing and is fetched again.
 */
export interface Blobs {
  /** Without those that are there. */
  missing(digests: Iterable<Digest>): readonly Digest[];
  /** undefined when the blob is not there, or what is there is not it any more; it then counts as missing. */
  read(digest: Digest): Promise<Uint8Array | undefined>;
  write(digest: Digest, bytes: Uint8Array): Promise<void>;
  /** Forgets every other blob, and gives back the room that they take once it is worth it. */
  retain(digests: ReadonlySet<Digest>): Promise<void>;
}

/** A segment that has come to this size is followed by another. */
const segmentBytes = 16 << 20;
const movedAtOnce = 64;
const pattern = /^(?<number>\d{1,9})\.segment$/u;

export async function openBlobs(disk: Disk, folder: string): Promise<Blobs & AsyncDisposable> {
  const blobs = new SegmentedBlobs(disk, folder);
  await blobs.open();
  return blobs;
}

interface Place extends Extent {
  readonly segment: Segment;
}

interface Write extends Unwritten {
  readonly done: PromiseWithResolvers<void>;
}

class SegmentedBlobs implements Blobs, AsyncDisposable {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #places = new Map<Digest, Place>();
  readonly #segments = new Set<Segment>();
  /** The one that grows. Made when something is written: a segment of an earlier process may end in the middle. */
  #growing: Segment | undefined;
  #lastNumber = 0;
  #waiting: Write[] = [];
  #writing: Promise<void> | undefined;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  async open(): Promise<void> {
    const numbers: number[] = [];
    for (const name of await this.#disk.list(this.#folder)) {
      const number = pattern.exec(name)?.groups?.["number"];
      if (number === undefined) await this.#disk.remove(join(this.#folder, name));
      else numbers.push(Number(number));
    }
    for (const number of numbers.toSorted((a, b) => a - b)) {
      const segment = await openSegment(this.#disk, this.#pathOf(number));
      this.#segments.add(segment);
      this.#lastNumber = number;
      for await (const extent of segment.scan()) this.#places.set(extent.digest, { ...extent, segment });
    }
  }

  missing(digests: Iterable<Digest>): readonly Digest[] {
    return [...new Set(digests)].filter((digest) => !this.#places.has(digest));
  }

  async read(digest: Digest): Promise<Uint8Array | undefined> {
    const place = this.#places.get(digest);
    if (place === undefined) return undefined;
    let bytes: Uint8Array;
    try {
      bytes = await place.segment.read(place);
    } catch (cause) {
      // It was moved meanwhile.
      if (this.#places.get(digest) !== place) return this.read(digest);
      throw storeFailed("read", this.#folder, cause);
    }
    if (digestOf(bytes) === digest) return bytes;
    if (this.#places.get(digest) === place) this.#places.delete(digest);
    return undefined;
  }

  write(digest: Digest, bytes: Uint8Array): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#waiting.push({ digest, bytes, done });
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
    return done.promise;
  }

  async retain(digests: ReadonlySet<Digest>): Promise<void> {
    await this.#writing;
    for (const digest of this.#places.keys()) if (!digests.has(digest)) this.#places.delete(digest);
    for (const segment of this.#segments) {
      const places = [...this.#places.values()].filter((place) => place.segment === segment);
      const usedBytes = places.reduce((sum, { length }) => sum + length, 0);
      if (segment === this.#growing) {
        if (usedBytes > 0 || this.#writing !== undefined) continue;
        this.#growing = undefined;
      }
      if (usedBytes < segmentBytes / 2) await this.#move(segment, places);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    await Promise.all([...this.#segments].map((segment) => segment.close()));
  }

  #pathOf(number: number): string {
    return join(this.#folder, `${number}.segment`);
  }

  /** What came while one write was under way goes into the next. */
  async #writeAll(): Promise<void> {
    for (;;) {
      await Promise.resolve();
      const writes = this.#waiting;
      if (writes.length === 0) return;
      this.#waiting = [];
      try {
        const segment = await this.#grow();
        for (const extent of await segment.append(writes)) this.#places.set(extent.digest, { ...extent, segment });
        for (const { done } of writes) done.resolve();
      } catch (cause) {
        // What follows a write that failed in the middle could not be told from it.
        this.#growing = undefined;
        const error = storeFailed("write", this.#folder, cause);
        for (const { done } of writes) done.reject(error);
      }
    }
  }

  async #grow(): Promise<Segment> {
    if (this.#growing !== undefined && this.#growing.size < segmentBytes) return this.#growing;
    this.#lastNumber += 1;
    const segment = await createSegment(this.#disk, this.#pathOf(this.#lastNumber));
    this.#segments.add(segment);
    this.#growing = segment;
    return segment;
  }

  /** What is still needed of a segment is on the disk elsewhere before the segment is deleted. */
  async #move(segment: Segment, places: readonly Place[]): Promise<void> {
    for (let start = 0; start < places.length; start += movedAtOnce) {
      await Promise.all(
        places.slice(start, start + movedAtOnce).map(async ({ digest }) => {
          const bytes = await this.read(digest);
          if (bytes !== undefined) await this.write(digest, bytes);
        }),
      );
    }
    if (places.length > 0) for (const other of this.#segments) if (other !== segment) await other.sync();
    this.#segments.delete(segment);
    await segment.remove();
  }
}
