import type { Disk, DiskFile } from "@drover/agent/store/disk";

import type { Chance } from "./random.ts";
import type { Life, Time } from "./time.ts";

interface Stored {
  content: Buffer;
  /** What of it a power cut leaves; undefined = nothing. */
  synced: Buffer | undefined;
}

const longestMs = 3;

/** An agent's disk. It outlives the agent; a power cut takes what was not synced, or a part of it. */
export class SimulatedDisk {
  readonly #time: Pick<Time, "schedule">;
  readonly #chance: Chance;
  #files = new Map<string, Stored>();

  constructor(time: Pick<Time, "schedule">, chance: Chance) {
    this.#time = time;
    this.#chance = chance;
  }

  /** What is in a file by now. */
  peek(path: string): Buffer | undefined {
    return this.#files.get(path)?.content;
  }

  lose(): void {
    this.#files.clear();
  }

  /** Of each file that has something unsynced: all, a torn part, or only what was synced. */
  cutPower(): void {
    for (const [path, file] of this.#files) {
      const { content, synced } = file;
      if (content === synced || this.#chance.hit(0.4)) continue;
      const kept = synced !== undefined && content.subarray(0, synced.length).equals(synced) ? synced.length : 0;
      const torn = content.subarray(0, this.#chance.between(kept, content.length));
      if (this.#chance.hit(0.5)) file.content = torn;
      else if (synced === undefined) this.#files.delete(path);
      else file.content = synced;
    }
  }

  /** The disk as one life of the agent has it: `wrote` hears of each whole file, when it is in its place. */
  of(life: Pick<Life, "name" | "alive">, wrote: (path: string) => void): Disk {
    const later = <T>(what: string, work: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        this.#time.schedule(this.#chance.between(0, longestMs), `${life.name} disk ${what}`, () => {
          if (!life.alive) return;
          try {
            resolve(work());
          } catch (cause) {
            reject(cause instanceof Error ? cause : new Error("disk"));
          }
        });
      });
    const need = (path: string): Stored => {
      const file = this.#files.get(path);
      if (file === undefined) throw missing(path);
      return file;
    };
    return {
      read: (path) => later(`read ${path}`, () => need(path).content),
      list: (folder) =>
        later(`list ${folder}`, () =>
          [...this.#files.keys()]
            .filter((path) => path.startsWith(`${folder}/`))
            .map((path) => path.slice(folder.length + 1))
            .toSorted(),
        ),
      replace: (path, text, { durable }) =>
        later(`replace ${path}`, () => {
          const content = Buffer.from(text);
          this.#files.set(path, { content, synced: durable ? content : this.#files.get(path)?.synced });
          wrote(path);
        }),
      remove: (path) =>
        later(`remove ${path}`, () => {
          for (const name of this.#files.keys()) {
            if (name === path || name.startsWith(`${path}/`)) this.#files.delete(name);
          }
        }),
      create: (path) =>
        later(`create ${path}`, () => {
          if (this.#files.has(path)) throw Object.assign(new Error(`${path} exists`), { code: "EEXIST" });
          const file = { content: Buffer.alloc(0), synced: undefined };
          this.#files.set(path, file);
          return new SimulatedFile(file, later);
        }),
      open: (path) => later(`open ${path}`, () => new SimulatedFile(need(path), later)),
    };
  }
}

class SimulatedFile implements DiskFile {
  readonly #file: Stored;
  readonly #later: <T>(what: string, work: () => T) => Promise<T>;

  constructor(file: Stored, later: <T>(what: string, work: () => T) => Promise<T>) {
    this.#file = file;
    this.#later = later;
  }

  get size(): number {
    return this.#file.content.length;
  }

  append(pieces: readonly Uint8Array[]): Promise<void> {
    return this.#later("append", () => {
      this.#file.content = Buffer.concat([this.#file.content, ...pieces]);
    });
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#later("read at", () => this.#file.content.subarray(offset, offset + length));
  }

  sync(): Promise<void> {
    return this.#later("sync", () => {
      this.#file.synced = this.#file.content;
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function missing(path: string): Error {
  return Object.assign(new Error(`there is no ${path}`), { code: "ENOENT" });
}
