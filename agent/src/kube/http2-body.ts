import { constants, type ClientHttp2Stream } from "node:http2";
import { Readable } from "node:stream";

/**
 * The body of an answer, to be taken when its headers come. Iterating the stream itself would not do: an answer that has
 * come as a whole before anybody reads it counts as closed, and Node then says of what is still unread that it broke off.
 * Here only an answer that did break off fails.
 */
export function bodyOf(stream: ClientHttp2Stream): Readable {
  const body = new Readable({
    read: () => void stream.resume(),
    destroy(error, done) {
      stream.destroy();
      done(error);
    },
  });
  stream.on("data", (chunk: Buffer) => {
    if (!body.push(chunk)) stream.pause();
  });
  const breakOff = (): void => void body.destroy(new Error("the server ended its answer early"));
  // A stream that was reset ends like one that is whole.
  stream.once("end", () => (stream.rstCode === constants.NGHTTP2_NO_ERROR ? body.push(null) : breakOff()));
  stream.once("error", (cause) => body.destroy(cause));
  stream.once("close", () => {
    if (!stream.readableEnded) breakOff();
  });
  return body;
}
