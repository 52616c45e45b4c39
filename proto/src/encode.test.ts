import { describe, expect, it } from "vitest";

import { encode } from "./encode.ts";
import { BlobPart } from "./gen/drover/agent/v1/agent.ts";

const part = (bytes: number): BlobPart => ({
  digest: Buffer.alloc(32, 7),
  size: BigInt(bytes),
  offset: 0n,
  data: Buffer.alloc(bytes, bytes % 251),
  missing: false,
});

describe("encoding with one writer", () => {
  it.each([0, 1, 127, 128, 3_000, 2 * 1024 * 1024, 5])(
    "writes what the generated code does, %i bytes of data",
    (bytes) => {
      expect(encode(BlobPart, part(bytes))).toEqual(Buffer.from(BlobPart.encode(part(bytes)).finish()));
    },
  );

  it("leaves nothing of a message that could not be encoded, and none in what was encoded before", () => {
    const before = encode(BlobPart, part(40));
    const same = Buffer.from(before);
    const broken = { ...part(9), offset: "no number" as unknown as bigint };
    expect(() => encode(BlobPart, broken)).toThrow(SyntaxError);
    expect(encode(BlobPart, part(3))).toEqual(Buffer.from(BlobPart.encode(part(3)).finish()));
    expect(before).toEqual(same);
  });
});
