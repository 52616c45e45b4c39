import type { BlobPart, FetchBlobsRequest, FetchBlobsResponse } from "@drover/proto/gen/drover/agent/v1/agent";
import type { Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import { maxBlobsPerFetch } from "@drover/shared/link/link";
import type { MessageSink } from "@drover/shared/link/pump";
import { asBuffer } from "@drover/shared/link/wire";
import { digestFromWire } from "@drover/shared/link/wire-values";

/** Small blobs share a message until it has this size, and larger ones are cut: each stream has a few copies under way. */
const messageBytes = 64 * 1024;

type ReadBlob = (digest: Digest) => Uint8Array | undefined;

/** Sends the blobs that were asked for, each once, never reading further ahead than the agent takes. */
export async function sendBlobs(
  request: FetchBlobsRequest,
  readBlob: ReadBlob,
  sink: MessageSink<FetchBlobsResponse>,
  signal: AbortSignal,
): Promise<void> {
  let parts: BlobPart[] = [];
  let size = 0;
  for (const digest of readDigests(request)) {
    for (const part of cutBlob(digest, readBlob(digest))) {
      parts.push(part);
      size += part.data.byteLength + 64;
      if (size < messageBytes) continue;
      await write(sink, { parts }, signal);
      parts = [];
      size = 0;
    }
  }
  if (parts.length > 0) await write(sink, { parts }, signal);
}

function readDigests(request: FetchBlobsRequest): ReadonlySet<Digest> {
  if (request.digests.length > maxBlobsPerFetch) {
    throw new DroverError("input_too_large", `more than ${maxBlobsPerFetch} blobs in one request`);
  }
  const digests = new Set<Digest>();
  for (const bytes of request.digests) {
    const digest = digestFromWire(bytes);
    if (digest === undefined) throw new DroverError("document_invalid", "a digest has 32 bytes");
    digests.add(digest);
  }
  return digests;
}

/** The pieces share the blob's memory. */
function* cutBlob(name: Digest, bytes: Uint8Array | undefined): Generator<BlobPart> {
  const digest = Buffer.from(name.slice("sha256:".length), "hex");
  if (bytes === undefined) {
    yield { digest, size: 0n, offset: 0n, data: Buffer.alloc(0), missing: true };
    return;
  }
  const blob = asBuffer(bytes);
  const size = BigInt(blob.byteLength);
  let offset = 0;
  do {
    const data = blob.subarray(offset, offset + messageBytes);
    yield { digest, size, offset: BigInt(offset), data, missing: false };
    offset += data.byteLength;
  } while (offset < blob.byteLength);
}

function write(sink: MessageSink<FetchBlobsResponse>, message: FetchBlobsResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(DroverError.from(signal.reason));
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    sink.write(message, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
  });
}
