import type { FetchBlobsResponse } from "@drover/proto/gen/drover/agent/v1/agent";
import { digestOf } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import { digestToWire } from "@drover/shared/link/wire-values";
import { describe, expect, test } from "vitest";

import { sendBlobs } from "./blobs.ts";

const blobs = new Map(
  Array.from({ length: 200 }, (_, n) => new Uint8Array(2_500).fill(n)).map((bytes) => [digestOf(bytes), bytes]),
);
const large = new Uint8Array(1_500_000).fill(7);
blobs.set(digestOf(large), large);
const request = { digests: [...blobs.keys(), ...blobs.keys()].map(digestToWire) };

/** An agent that takes one message after the other. */
function beginStream() {
  const sent: FetchBlobsResponse[] = [];
  const waiting: (() => void)[] = [];
  let reads = 0;
  const stop = new AbortController();
  const done = sendBlobs(
    request,
    (digest) => {
      reads += 1;
      return blobs.get(digest);
    },
    {
      write(message, taken) {
        sent.push(message);
        waiting.push(() => taken());
        return true;
      },
    },
    stop.signal,
  );
  const take = async (): Promise<void> => {
    waiting.shift()?.();
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { sent, take, done, stop, reads: () => reads };
}

const sizeOf = ({ parts }: FetchBlobsResponse): number => parts.reduce((sum, { data }) => sum + data.byteLength, 0);

describe("a stream of blobs", () => {
  test("reads no more than one message ahead of the agent", async () => {
    const { sent, take, stop, done, reads } = beginStream();
    expect({ sent: sent.length, reads: reads() }).toEqual({ sent: 1, reads: 26 });
    await take();
    expect({ sent: sent.length, reads: reads() }).toEqual({ sent: 2, reads: 52 });
    stop.abort();
    await expect(done).rejects.toThrow(DroverError);
    expect(reads()).toBe(52);
  });

  test("sends each blob once, in messages of at most 128 KiB", async () => {
    const { sent, take, done, reads } = beginStream();
    for (let messages = 0; messages < sent.length; messages += 1) await take();
    await done;
    expect(reads()).toBe(blobs.size);
    expect(Math.max(...sent.map(sizeOf))).toBeLessThanOrEqual(128 * 1024);
    expect(sent.map(sizeOf).reduce((sum, size) => sum + size, 0)).toBe(200 * 2_500 + large.byteLength);
  });
});
