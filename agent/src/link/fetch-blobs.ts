import type { AgentServiceClient, BlobPart } from "@drover/proto/gen/drover/agent/v1/agent";
import { type Digest, digestOf } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import { maxBlobBytes } from "@drover/shared/link/link";
import { fromStatus } from "@drover/shared/link/status";
import { digestFromWire, digestToWire } from "@drover/shared/link/wire-values";

export interface Blob {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** Fewer than the hub takes (`maxBlobsPerFetch`): it holds what was asked for until the last of it is sent. */
const blobsPerFetch = 1_000;

/** As `AgentLink.fetchBlobs`, over one connection. */
export async function* fetchBlobs(
  client: AgentServiceClient,
  digests: readonly Digest[],
  signal: AbortSignal,
): AsyncGenerator<Blob, void, undefined> {
  const wanted = [...new Set(digests)];
  const missing: Digest[] = [];
  for (let start = 0; start < wanted.length; start += blobsPerFetch) {
    yield* fetchSome(client, new Set(wanted.slice(start, start + blobsPerFetch)), missing, signal);
  }
  if (missing.length === 0) return;
  throw new DroverError("blob_missing", `the hub has ${missing.length} of the blobs no longer, first ${missing[0]}`);
}

async function* fetchSome(
  client: AgentServiceClient,
  wanted: Set<Digest>,
  missing: Digest[],
  signal: AbortSignal,
): AsyncGenerator<Blob, void, undefined> {
  signal.throwIfAborted();
  const call = client.fetchBlobs({ digests: [...wanted].map(digestToWire) });
  // The reading loop sees errors while it runs; one that comes after it must not end the process.
  call.on("error", () => undefined);
  const cancel = (): void => call.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  const assembly = new Assembly(wanted);
  try {
    const responses: AsyncIterable<{ readonly parts: readonly BlobPart[] }> = call;
    for await (const { parts } of responses) {
      for (const part of parts) {
        if (part.missing) missing.push(assembly.giveUp(part));
        else yield* assembly.add(part);
      }
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw fromStatus(cause);
  } finally {
    signal.removeEventListener("abort", cancel);
    call.cancel();
  }
  // A hub that ends early did not say "missing": the same request may succeed on the next connection.
  if (wanted.size > 0) throw new DroverError("link_closed", `the hub left out ${wanted.size} blobs`);
}

/** Puts the parts of one blob after the other together, taking nothing that was not asked for or has the wrong size. */
class Assembly {
  readonly #wanted: Set<Digest>;
  #digest: Digest | undefined;
  #size = 0;
  #parts: Buffer[] = [];
  #received = 0;

  constructor(wanted: Set<Digest>) {
    this.#wanted = wanted;
  }

  giveUp(part: BlobPart): Digest {
    return this.#take(part);
  }

  *add(part: BlobPart): Generator<Blob> {
    if (this.#digest === undefined) this.#begin(part);
    if (this.#digest !== digestFromWire(part.digest) || BigInt(this.#received) !== part.offset) {
      throw new DroverError("blob_corrupt", "the hub sent parts of a blob out of order");
    }
    if (part.data.byteLength === 0 && this.#size > 0) {
      throw new DroverError("blob_corrupt", "the hub sent an empty part of a blob");
    }
    this.#parts.push(part.data);
    this.#received += part.data.byteLength;
    if (this.#received > this.#size) throw new DroverError("blob_corrupt", "the hub sent more of a blob than it said");
    if (this.#received < this.#size) return;
    const blob = { digest: this.#take(part), bytes: Buffer.concat(this.#parts, this.#size) };
    this.#digest = undefined;
    this.#parts = [];
    this.#received = 0;
    if (digestOf(blob.bytes) !== blob.digest) {
      throw new DroverError("digest_mismatch", `blob ${blob.digest} came with other content`);
    }
    yield blob;
  }

  #begin(part: BlobPart): void {
    this.#digest = digestFromWire(part.digest);
    if (part.size > BigInt(maxBlobBytes)) {
      throw new DroverError(
        "input_too_large",
        `blob ${this.#digest} has ${part.size} bytes, allowed are ${maxBlobBytes}`,
      );
    }
    this.#size = Number(part.size);
  }

  #take(part: BlobPart): Digest {
    const digest = digestFromWire(part.digest);
    if (digest !== undefined && this.#wanted.delete(digest)) return digest;
    throw new DroverError("blob_corrupt", "the hub sent a blob that was not asked for");
  }
}
