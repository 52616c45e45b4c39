import type { Readable } from "node:stream";

/** What a server answers after the headers. Has to be read to its end, by either way, or destroyed. */
export interface Body {
  /** All of it. Rejects when it is larger, or was broken off. */
  whole(maxBytes: number): Promise<Buffer>;
  /** As it comes, no faster than it is taken. */
  stream(): AsyncIterable<Buffer>;
  destroy(): void;
}

/** Chunks that wait to be taken: those of HTTP/2 have at most 16 KiB each. */
const maxArrived = 16;

/** `rstCode`: of a stream of HTTP/2, why it was closed; 0 = its end. */
type Incoming = Readable & { readonly rstCode?: number | undefined };

/**
 * The body of an answer whose headers have come. Iterating it as Node does would not do: a stream of HTTP/2 that has come
 * as a whole before anybody reads it counts as closed, and then what is still unread is said to be broken off.
 */
export function bodyOf(incoming: Incoming): Body {
  return {
    whole: (maxBytes) => readWhole(incoming, maxBytes),
    stream: () => streamOf(incoming),
    destroy: () => void incoming.destroy(),
  };
}

function readWhole(incoming: Incoming, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) incoming.destroy(new Error("the answer is too large"));
      else chunks.push(chunk);
    });
    whenOver(incoming, { ended: () => resolve(Buffer.concat(chunks, size)), brokenOff: reject });
  });
}

/** Not through a stream of its own, which costs more than all else that is done about an event of a watch. */
function streamOf(incoming: Incoming): AsyncIterable<Buffer> {
  const arrived: Buffer[] = [];
  let over: { readonly cause?: Error } | undefined;
  let wake = (): void => undefined;
  const end = (how: { readonly cause?: Error }): void => {
    over = how;
    wake();
  };
  incoming.on("data", (chunk: Buffer) => {
    if (arrived.push(chunk) >= maxArrived) incoming.pause();
    wake();
  });
  whenOver(incoming, { ended: () => end({}), brokenOff: (cause) => end({ cause }) });
  return (async function* take() {
    try {
      for (;;) {
        const chunk = arrived.shift();
        if (chunk !== undefined) yield chunk;
        else if (over?.cause !== undefined) throw over.cause;
        else if (over !== undefined) return;
        else {
          incoming.resume();
          await new Promise<void>((resolve) => (wake = resolve));
        }
      }
    } finally {
      incoming.destroy();
    }
  })();
}

interface Over {
  ended(): void;
  brokenOff(cause: Error): void;
}

/** Tells of the first of what happens; nothing after it matters. */
function whenOver(incoming: Incoming, { ended, brokenOff }: Over): void {
  let isWhole = false;
  const endEarly = (): void => brokenOff(new Error("the server ended its answer early"));
  incoming.once("end", () => {
    // A stream that was reset ends like one that is whole.
    isWhole = (incoming.rstCode ?? 0) === 0;
    if (isWhole) ended();
    else endEarly();
  });
  incoming.once("error", brokenOff);
  incoming.once("close", () => {
    if (!isWhole) endEarly();
  });
  if (incoming.destroyed) endEarly();
}
