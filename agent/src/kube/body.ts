import { Readable } from "node:stream";

/** What a server answers after the headers. Has to be read to its end, by either way, or destroyed. */
export interface Body {
  /** All of it. Rejects when it is larger, or was broken off. */
  whole(maxBytes: number): Promise<Buffer>;
  /** As it comes, no faster than it is taken. */
  stream(): AsyncIterable<Buffer>;
  destroy(): void;
}

interface NodeBody extends Body {
  stream(): Readable;
}

/** `rstCode`: of a stream of HTTP/2, why it was closed; 0 = its end. */
type Incoming = Readable & { readonly rstCode?: number | undefined };

/**
 * The body of an answer whose headers have come. Iterating it as Node does would not do: a stream of HTTP/2 that has come
 * as a whole before anybody reads it counts as closed, and then what is still unread is said to be broken off.
 */
export function bodyOf(incoming: Incoming): NodeBody {
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

function streamOf(incoming: Incoming): Readable {
  const body = new Readable({
    read: () => void incoming.resume(),
    destroy(error, done) {
      incoming.destroy();
      done(error);
    },
  });
  incoming.on("data", (chunk: Buffer) => {
    if (!body.push(chunk)) incoming.pause();
  });
  whenOver(incoming, { ended: () => body.push(null), brokenOff: (cause) => body.destroy(cause) });
  return body;
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
