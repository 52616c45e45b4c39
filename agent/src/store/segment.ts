import type { Digest } from "@drover/shared/digest";
import { maxBlobBytes } from "@drover/shared/link/link";

import type { Disk, DiskFile } from "./disk.ts";

/** One blob in a segment. */
export interface Extent {
  readonly digest: Digest;
  /** Where its bytes begin. */
  readonly offset: number;
  readonly length: number;
}

/**
 * A file of blobs one after the other, each behind its digest and its length. It only ever grows at its end, and only in
 * the process that made it.
 */
export interface Segment {
  readonly size: number;
  /** Appends blobs that are not empty; how they lie now. After it has thrown nothing may be appended any more. */
  append(blobs: readonly Unwritten[]): Promise<readonly Extent[]>;
  /** Fewer bytes than asked for when the file has become shorter. */
  read(extent: Extent): Promise<Uint8Array>;
  /** Every whole entry of the file. What follows them, as after a crash, is left out. */
  scan(): AsyncIterable<Extent>;
  /** Resolves when everything has reached the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
  /** Closes and deletes it. */
  remove(): Promise<void>;
}

export interface Unwritten {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

const prefix = "sha256:";
const digestBytes = 32;
const headerBytes = digestBytes + 4;
/** Objects of a bundle lie one after the other, and are read in that order. */
const readAheadBytes = 64 << 10;

export async function createSegment(disk: Disk, path: string): Promise<Segment> {
  return new FileSegment(disk, path, await disk.create(path));
}

export async function openSegment(disk: Disk, path: string): Promise<Segment> {
  return new FileSegment(disk, path, await disk.open(path));
}

interface Block {
  readonly start: number;
  readonly bytes: Buffer;
}

class FileSegment implements Segment {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #file: DiskFile;
  /** What was read last. Requests that come at once share it. */
  #block: Promise<Block> | undefined;
  /** Where the blob that was asked for last ends. */
  #lastEnd = 0;

  constructor(disk: Disk, path: string, file: DiskFile) {
    this.#disk = disk;
    this.#path = path;
    this.#file = file;
  }

  get size(): number {
    return this.#file.size;
  }

  async append(blobs: readonly Unwritten[]): Promise<readonly Extent[]> {
    const extents: Extent[] = [];
    const pieces: Uint8Array[] = [];
    let end = this.#file.size;
    for (const { digest, bytes } of blobs) {
      const header = Buffer.alloc(headerBytes);
      header.write(digest.slice(prefix.length), "hex");
      header.writeUInt32BE(bytes.byteLength, digestBytes);
      extents.push({ digest, offset: end + headerBytes, length: bytes.byteLength });
      pieces.push(header, bytes);
      end += headerBytes + bytes.byteLength;
    }
    await this.#file.append(pieces);
    return extents;
  }

  async read({ offset, length }: Extent): Promise<Uint8Array> {
    // Who reads here and there, as repairs do, needs nothing but what he asks for.
    const isNext = offset === this.#lastEnd + headerBytes;
    this.#lastEnd = offset + length;
    let block = await this.#block?.catch(() => undefined);
    if (block === undefined || offset < block.start || offset + length > block.start + block.bytes.length) {
      this.#block = this.#readBlock(offset, isNext ? Math.max(length, readAheadBytes) : length);
      block = await this.#block;
    }
    return block.bytes.subarray(offset - block.start, offset - block.start + length);
  }

  async *scan(): AsyncIterable<Extent> {
    let start = 0;
    while (start + headerBytes <= this.#file.size) {
      const { bytes } = await this.#readBlock(start, Math.min(readAheadBytes, this.#file.size - start));
      let at = 0;
      for (; at + headerBytes <= bytes.length;) {
        const length = bytes.readUInt32BE(at + digestBytes);
        const offset = start + at + headerBytes;
        if (length === 0 || length > maxBlobBytes || offset + length > this.#file.size) return;
        yield { digest: prefix + bytes.toString("hex", at, at + digestBytes), offset, length };
        at += headerBytes + length;
      }
      if (bytes.length < headerBytes) return;
      start += at;
    }
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async remove(): Promise<void> {
    await this.#file.close();
    await this.#disk.remove(this.#path);
  }

  async #readBlock(start: number, length: number): Promise<Block> {
    return { start, bytes: await this.#file.read(start, length) };
  }
}
