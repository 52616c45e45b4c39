import { once } from "node:events";
import { connect, createServer, type ClientHttp2Stream, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";

import { describe, expect, it } from "vitest";

import { bodyOf } from "./http2-body.ts";

/** The answer of a server to one request, with its body as it is when the headers have come. */
async function ask(answer: (stream: ServerHttp2Stream) => void) {
  const server = createServer();
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200 });
    answer(stream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const stream: ClientHttp2Stream = session.request({ ":path": "/" });
  const body = new Promise<Readable>((resolve) => stream.once("response", () => resolve(bodyOf(stream))));
  return {
    stream,
    body: await body,
    async [Symbol.asyncDispose]() {
      session.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

describe("the body of an answer over HTTP/2", () => {
  it("is whole when all of it came before it is read", async () => {
    await using asked = await ask((stream) => stream.end("all of it"));
    while (!asked.stream.closed) await new Promise(setImmediate);
    expect(await text(asked.body)).toBe("all of it");
  });

  it("is read no faster than it is taken", async () => {
    const large = "x".repeat(1 << 20);
    await using asked = await ask((stream) => stream.end(large));
    await new Promise(setImmediate);
    expect(asked.body.readableLength).toBeLessThan(large.length);
    expect(await text(asked.body)).toBe(large);
  });

  it("fails when the server ends it early", async () => {
    await using asked = await ask((stream) => {
      stream.write("half");
      setImmediate(() => stream.destroy(new Error("the server is in trouble")));
    });
    await expect(text(asked.body)).rejects.toThrow(/ended its answer early|closed with error code/u);
  });

  it("fails when the connection ends before it", async () => {
    await using asked = await ask((stream) => {
      stream.write("half");
      setImmediate(() => stream.session?.destroy());
    });
    await expect(text(asked.body)).rejects.toThrow("the server ended its answer early");
  });

  it("ends the request when nobody wants the rest", async () => {
    await using asked = await ask((stream) => void stream.write("first"));
    asked.body.destroy();
    await once(asked.stream, "close");
    expect(asked.stream.destroyed).toBe(true);
  });
});
