import type { Coalescer } from "../coalesce.ts";

/** The writing half of a gRPC call. `done` is called once the message left for the network. */
export interface MessageSink<T> {
  write(message: T, done: (error?: Error | null) => void): boolean;
}

/**
 * Writes what a queue yields, one message at a time: while a reader does not read, one message waits in the call and
 * the newest of each kind in the queue, and nothing else. Ends when the queue is closed and empty, or with the signal.
 */
export async function pump<T>(queue: Coalescer<string, T>, sink: MessageSink<T>, signal: AbortSignal): Promise<void> {
  const close = (): void => queue.close();
  signal.addEventListener("abort", close, { once: true });
  try {
    for await (const message of queue) {
      if (signal.aborted) return;
      await write(sink, message, signal);
    }
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** Resolves also when the write fails: that the call is over is told by its reading half. */
function write<T>(sink: MessageSink<T>, message: T, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener("abort", done);
      resolve();
    };
    // A call that is destroyed never calls back.
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", done, { once: true });
    sink.write(message, done);
  });
}
