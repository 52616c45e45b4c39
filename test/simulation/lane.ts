import { Metadata, status, type StatusObject } from "@grpc/grpc-js";

import { Pipe } from "./pipe.ts";
import type { Chance } from "./random.ts";
import type { Time } from "./time.ts";

/** A lane as its connection ends it. */
export type Ending = Pick<Lane<never>, "cut" | "resume">;

export interface LaneOptions {
  readonly time: Time;
  readonly chance: Chance;
  readonly name: string;
  /** Nothing gets through for now. */
  readonly isHeld: () => boolean;
  readonly arrived: () => void;
  readonly senderLives: () => boolean;
  /** Nothing is read by who is dead. */
  readonly readerLives: () => boolean;
}

/** One direction of one stream: messages arrive in order, each some time after it was sent. */
export class Lane<T> {
  readonly pipe = new Pipe<T>();
  readonly #options: LaneOptions;
  #lastAt = 0;
  #isCut = false;
  /** What has come to where nothing gets through. */
  readonly #held: (() => void)[] = [];

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  send(value: T, done: () => void): void {
    this.#later(() => {
      const { arrived, senderLives, readerLives } = this.#options;
      arrived();
      if (readerLives()) this.pipe.push(value);
      if (senderLives()) done();
    });
  }

  /** Something else than a message gets to the other end: the beginning of the stream, or that it is given up. */
  signal(arrive: () => void): void {
    this.#later(arrive);
  }

  end(cause?: Error): void {
    this.#later(() => {
      if (!this.#options.readerLives()) return;
      if (cause === undefined) this.pipe.end();
      else this.pipe.fail(cause);
    });
  }

  /** The reader learns at once that nothing more comes. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#held.length = 0;
    const { time, chance, name } = this.#options;
    time.schedule(chance.between(0, 5), `${name} reset`, () => {
      if (this.#options.readerLives()) this.pipe.fail(unavailable());
    });
  }

  resume(): void {
    const { time, chance, name, isHeld } = this.#options;
    if (this.#held.length === 0) return;
    // What was held back comes at once, but that of one stream later than that of another.
    time.schedule(chance.between(0, 500), `${name} catches up`, () => {
      if (!isHeld() && !this.#isCut) for (const arrive of this.#held.splice(0)) arrive();
    });
  }

  #later(arrive: () => void): void {
    const { time, chance, name, isHeld } = this.#options;
    this.#lastAt = Math.max(this.#lastAt, time.now + chance.between(1, 30));
    time.schedule(this.#lastAt - time.now, `${name} message`, () => {
      if (this.#isCut) return;
      if (!isHeld() && this.#held.length === 0) arrive();
      else this.#held.push(arrive);
    });
  }
}

export function unavailable(): Error {
  return serviceError({ code: status.UNAVAILABLE, details: "the connection broke", metadata: new Metadata() });
}

export function serviceError(reason: StatusObject): Error {
  return Object.assign(new Error(reason.details), reason);
}
