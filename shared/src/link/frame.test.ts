import fc from "fast-check";
import { expect, test } from "vitest";

import { decodeFrame, encodeFrame, type Frame } from "./frame.ts";

const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.constantFrom("open", "end", "reset").map((kind) => ({ kind }) as const),
  fc.uint8Array({ minLength: 1 }).map((bytes) => ({ kind: "data", bytes }) as const),
  fc.nat({ max: 2 ** 40 }).map((taken) => ({ kind: "credit", taken }) as const),
);

test("a frame is read as it was written", () => {
  fc.assert(
    fc.property(frames, (frame) => {
      expect(decodeFrame(new Uint8Array(encodeFrame(frame)))).toEqual(frame);
    }),
  );
});

test("what is no frame is nothing, whatever it is", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 10 }), (bytes) => {
      const frame = decodeFrame(bytes);
      if (frame !== undefined) expect(new Uint8Array(encodeFrame(frame))).toEqual(bytes);
    }),
  );
});
