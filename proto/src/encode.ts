import { BinaryWriter } from "@bufbuild/protobuf/wire";

/** What ts-proto generates for a message, as far as encoding goes. */
export interface Encoding<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
}

/** What one large message has taken is given back. */
const maxKeptBytes = 1024 * 1024;
let shared = new BinaryWriter();

/**
 * As `type.encode(message).finish()`, with one writer for all messages: one of its own begins small for each and is
 * copied each time it grows, which was a quarter of what a hub does for an agent.
 */
export function encode<T>(type: Encoding<T>, message: T): Buffer {
  const writer = shared;
  // One that throws in the middle, or is asked for within another, leaves no half message in anybody's writer.
  shared = new BinaryWriter();
  const bytes = type.encode(message, writer).finish();
  if (bytes.byteLength <= maxKeptBytes) shared = writer;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
