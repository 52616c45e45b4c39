import { encodeContents, maxBundleBytes } from "@drover/shared/bundle";
import { digestOf, type Digest } from "@drover/shared/digest";
import { maxBlobBytes, type Assignment } from "@drover/shared/link/link";
import { expect, it } from "vitest";

import { createApplicationRecord } from "../core/record.ts";
import { readContent } from "./bundle.ts";

it("T30: a bundle that never ends is given up when it has more bytes than any application has", async () => {
  const objects = Array.from({ length: 1_000 }, (_, index) => digestOf(String(index)));
  const bundle = encodeContents(objects);
  const large = new Uint8Array(maxBlobBytes);
  let sent = 0;
  const context = {
    blobs: {
      read: (digest: Digest) => Promise.resolve(digest === bundle.digest ? bundle.bytes : undefined),
      missing: (digests: readonly Digest[]) => digests,
      write: () => Promise.resolve(),
    },
    async *fetchBlobs(digests: readonly Digest[]) {
      await Promise.resolve();
      for (const digest of digests) {
        sent += large.byteLength;
        yield { digest, bytes: large };
      }
    },
  } as unknown as Parameters<typeof readContent>[0];
  const target = {
    application: createApplicationRecord("shop"),
    assignment: { application: "shop", bundle: bundle.digest, namespace: "" } as Assignment,
  };
  const { signal } = new AbortController();
  await expect(readContent(context, target, signal)).rejects.toMatchObject({ code: "input_too_large" });
  expect(sent).toBeLessThanOrEqual(maxBundleBytes + maxBlobBytes);
});
