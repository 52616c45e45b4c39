import {
  AgentServiceClient,
  AgentServiceService,
  type BlobPart,
  type FetchBlobsRequest,
  type FetchBlobsResponse,
} from "@drover/proto/gen/drover/agent/v1/agent";
import { digestOf } from "@drover/shared/digest";
import { credentials, Server, ServerCredentials, type ServerWritableStream } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";

import { fetchBlobs } from "./fetch-blobs.ts";

/** A hub that answers every request with these parts, whatever was asked for. */
async function startHub(parts: readonly BlobPart[]) {
  const server = new Server();
  server.addService(AgentServiceService, {
    connect: () => undefined,
    fetchBlobs: (call: ServerWritableStream<FetchBlobsRequest, FetchBlobsResponse>) => {
      for (const part of parts) call.write({ parts: [part] });
      call.end();
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (failure, bound) =>
      failure === null ? resolve(bound) : reject(failure),
    );
  });
  const client = new AgentServiceClient(`127.0.0.1:${port}`, credentials.createInsecure());
  return {
    fetch: async (...contents: readonly string[]): Promise<readonly string[]> => {
      const fetched: string[] = [];
      const digests = contents.map((content) => digestOf(content));
      for await (const { bytes } of fetchBlobs(client, digests, new AbortController().signal)) {
        fetched.push(Buffer.from(bytes).toString());
      }
      return fetched;
    },
    [Symbol.asyncDispose]: (): Promise<void> => {
      client.close();
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

function part(content: string, from = 0, to = content.length): BlobPart {
  return {
    digest: Buffer.from(digestOf(content).slice("sha256:".length), "hex"),
    size: BigInt(content.length),
    offset: BigInt(from),
    data: Buffer.from(content.slice(from, to)),
    missing: false,
  };
}

describe("fetching blobs", () => {
  it("puts parts together", async () => {
    await using hub = await startHub([part("hello world", 0, 5), part("hello world", 5), part("")]);
    expect(await hub.fetch("hello world", "")).toEqual(["hello world", ""]);
  });

  it.each([
    ["a blob that was not asked for", [part("other")], "blob_corrupt"],
    ["the same blob twice", [part("wanted"), part("wanted")], "blob_corrupt"],
    ["a part that is missing in the middle", [part("wanted", 0, 2), part("wanted", 4)], "blob_corrupt"],
    ["a part of another blob in between", [part("wanted", 0, 2), part("other")], "blob_corrupt"],
    ["more than it said", [{ ...part("wanted"), size: 3n }], "blob_corrupt"],
    ["less than it said", [{ ...part("wanted"), size: 30n }], "link_closed"],
    ["other content", [{ ...part("wanted"), data: Buffer.from("stolen") }], "digest_mismatch"],
    ["empty parts", [part("wanted", 0, 0), part("wanted", 0, 0)], "blob_corrupt"],
    ["an absurd size", [{ ...part("wanted"), size: 1n << 60n }], "input_too_large"],
    ["a digest that is none", [{ ...part("wanted"), digest: Buffer.from("short") }], "blob_corrupt"],
    ["nothing at all", [], "link_closed"],
    ["that it is missing", [{ ...part("wanted"), missing: true }], "blob_missing"],
    ["that something else is missing", [{ ...part("other"), missing: true }], "blob_corrupt"],
  ] as const)("refuses a hub that sends %s", async (_title, parts, code) => {
    await using hub = await startHub(parts);
    await expect(hub.fetch("wanted")).rejects.toMatchObject({ code });
  });
});
