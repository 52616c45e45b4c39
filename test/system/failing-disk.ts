import { setTimeout as pause } from "node:timers/promises";

import type { Disk, DiskFile } from "@drover/agent/store/disk";

import { SimulatedDisk } from "../simulation/disk.ts";
import { createChance } from "../simulation/random.ts";

/** What is wrong with a disk from now on. */
export interface DiskFaults {
  /** Calls that still succeed; all later ones fail with EIO, and an append leaves half of what it was given. */
  readonly callsLeft?: number;
  /** How long it takes until something has reached the disk. */
  readonly syncMs?: number;
  /** Says that something has reached the disk, and keeps it in a memory that a power cut empties. */
  readonly lies?: boolean;
}

/** An agent's disk in memory, which a test can spoil. */
export class FailingDisk implements Disk {
  #faults: DiskFaults = {};
  #calls = 0;
  readonly #store: SimulatedDisk;
  readonly #disk: Disk;

  constructor(seed: number) {
    const soon = { schedule: (_delayMs: number, _what: string, happen: () => void) => stopper(setImmediate(happen)) };
    this.#store = new SimulatedDisk(soon, createChance(seed));
    this.#disk = this.#store.of({ name: "agent", alive: true }, () => undefined);
  }

  /** Whether a call has failed since the faults were set. */
  get struck(): boolean {
    return this.#calls > (this.#faults.callsLeft ?? Number.POSITIVE_INFINITY);
  }

  setFaults(faults: DiskFaults): void {
    this.#faults = faults;
    this.#calls = 0;
  }

  /** What was not synced is gone, or torn. For while nobody uses it. */
  cutPower(): void {
    this.#store.cutPower();
  }

  read(path: string): Promise<Buffer> {
    this.#call();
    return this.#disk.read(path);
  }

  list(folder: string): Promise<readonly string[]> {
    this.#call();
    return this.#disk.list(folder);
  }

  async replace(path: string, content: Uint8Array | string, { durable }: { readonly durable: boolean }): Promise<void> {
    this.#call();
    if (durable) await pause(this.#faults.syncMs ?? 0);
    await this.#disk.replace(path, content, { durable: durable && this.#faults.lies !== true });
  }

  remove(path: string): Promise<void> {
    this.#call();
    return this.#disk.remove(path);
  }

  async create(path: string): Promise<DiskFile> {
    this.#call();
    return this.#wrap(await this.#disk.create(path));
  }

  async open(path: string): Promise<DiskFile> {
    this.#call();
    return this.#wrap(await this.#disk.open(path));
  }

  #call(): void {
    this.#calls += 1;
    if (this.struck) throw Object.assign(new Error("i/o error"), { code: "EIO" });
  }

  #wrap(file: DiskFile): DiskFile {
    const call = (): void => this.#call();
    const faults = (): DiskFaults => this.#faults;
    return {
      get size() {
        return file.size;
      },
      async append(pieces) {
        try {
          call();
        } catch (cause) {
          const whole = Buffer.concat(pieces);
          await file.append([whole.subarray(0, whole.length / 2)]);
          throw cause;
        }
        await file.append(pieces);
      },
      async read(offset, length) {
        call();
        return file.read(offset, length);
      },
      async sync() {
        call();
        await pause(faults().syncMs ?? 0);
        if (faults().lies !== true) await file.sync();
      },
      close: () => file.close(),
    };
  }
}

function stopper(timer: NodeJS.Immediate): () => void {
  return () => clearImmediate(timer);
}
