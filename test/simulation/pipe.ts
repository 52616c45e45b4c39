/** One direction of a stream, at its reading end: what has arrived, in order, and how it ended. */
export class Pipe<T> implements AsyncIterableIterator<T> {
  readonly #arrived: T[] = [];
  readonly #waiting: PromiseWithResolvers<IteratorResult<T>>[] = [];
  #over: { readonly cause?: Error } | undefined;

  /** What arrives after the end is dropped. */
  push(value: T): void {
    if (this.#over !== undefined) return;
    const reader = this.#waiting.shift();
    if (reader === undefined) this.#arrived.push(value);
    else reader.resolve({ value, done: false });
  }

  end(): void {
    this.#finish({});
  }

  /** The reader gets this error after what has arrived. */
  fail(cause: Error): void {
    this.#finish({ cause });
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#arrived.length > 0) return Promise.resolve({ value: this.#arrived.shift() as T, done: false });
    if (this.#over !== undefined) return ended(this.#over.cause);
    const reader = Promise.withResolvers<IteratorResult<T>>();
    this.#waiting.push(reader);
    return reader.promise;
  }

  return(): Promise<IteratorResult<T>> {
    this.#arrived.length = 0;
    this.end();
    return ended(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(over: { readonly cause?: Error }): void {
    if (this.#over !== undefined) return;
    this.#over = over;
    for (const reader of this.#waiting.splice(0)) ended<T>(over.cause).then(reader.resolve, reader.reject);
  }
}

function ended<T>(cause: Error | undefined): Promise<IteratorResult<T>> {
  return cause === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(cause);
}
