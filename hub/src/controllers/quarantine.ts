import { charged, readAttempts, strikeLimit, type Attempt } from "../core/attempts.ts";

/** Word for the next process, which has to be there at once when this one ends. */
export interface Word {
  /** What the process before has left. */
  readonly before: string;
  write(line: string): void;
}

/** Of what reads or renders what others wrote: who ended the hub's process three times is put aside (T8). */
export class Quarantine {
  readonly #word: Word;
  readonly #attempts: Map<string, Attempt>;
  /** Ends with the last of those that have a strike and were begun so far: they take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(word: Word) {
    this.#word = word;
    this.#attempts = new Map(charged(readAttempts(word.before)).map((one) => [one.key, one]));
    this.#leaveWord();
  }

  /** Why this version is not to be tried; "" = it is. `sync` is the command that has it tried once more. */
  refusal(key: string, version: string, sync: string): string {
    const known = this.#attempts.get(key);
    if (known === undefined || known.version !== version || known.strikes < strikeLimit) return "";
    return `the hub's process ended ${known.strikes} times while it worked on this, so it is left alone until it changes; to try once more: ${sync}`;
  }

  /** Does the work, with word left of it for as long as it takes. Once it is done, what it was charged with is forgotten. */
  async run<T>(key: string, version: string, work: () => Promise<T>): Promise<T> {
    const known = this.#attempts.get(key);
    const strikes = known?.version === version ? known.strikes : 0;
    if (strikes === 0) return this.#watch({ key, version, strikes, running: true }, work);
    const turn = this.#turn.then(async () => this.#watch({ key, version, strikes, running: true }, work));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** A person wants it tried again: once, since what it may do is known. False for what is not put aside. */
  retry(key: string): boolean {
    const known = this.#attempts.get(key);
    if (known === undefined || known.strikes < strikeLimit) return false;
    this.#attempts.set(key, { ...known, strikes: strikeLimit - 1 });
    this.#leaveWord();
    return true;
  }

  forget(key: string): void {
    if (this.#attempts.delete(key)) this.#leaveWord();
  }

  async #watch<T>(attempt: Attempt, work: () => Promise<T>): Promise<T> {
    this.#attempts.set(attempt.key, attempt);
    this.#leaveWord();
    try {
      const result = await work();
      this.#attempts.delete(attempt.key);
      return result;
    } catch (cause) {
      // It may have been broken off: that speaks neither for it nor against it.
      if (attempt.strikes === 0) this.#attempts.delete(attempt.key);
      else this.#attempts.set(attempt.key, { ...attempt, running: false });
      throw cause;
    } finally {
      this.#leaveWord();
    }
  }

  #leaveWord(): void {
    this.#word.write(JSON.stringify([...this.#attempts.values()]));
  }
}
