import { once } from "node:events";
import { connect, createServer, type ClientHttp2Stream, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import { describe, expect, it } from "vitest";

import { bodyOf } from "./body.ts";

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
  stream.on("error", () => undefined);
  const body = new Promise<ReturnType<typeof bodyOf>>((resolve) =>
    stream.once("response", () => resolve(bodyOf(stream))),
  );
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

const readers = {
  whole: async (body: ReturnType<typeof bodyOf>) => (await body.whole(1 << 22)).toString(),
  stream: async (body: ReturnType<typeof bodyOf>) => text(body.stream()),
} as const;

describe.each(Object.entries(readers))("the body of an answer over HTTP/2, read as %s", (_, read) => {
  it("is whole when all of it came before it is read", async () => {
    await using asked = await ask((stream) => stream.end("all of it"));
    while (!asked.stream.closed) await new Promise(setImmediate);
    expect(await read(asked.body)).toBe("all of it");
  });

  it("fails when the server ends it early", async () => {
    await using asked = await ask((stream) => {
      stream.write("half");
      setImmediate(() => stream.destroy(new Error("the server is in trouble")));
    });
    await expect(read(asked.body)).rejects.toThrow(/ended its answer early|closed with error code/u);
  });

  it("fails when the connection ends before it", async () => {
    await using asked = await ask((stream) => {
      stream.write("half");
      setImmediate(() => stream.session?.destroy());
    });
    await expect(read(asked.body)).rejects.toThrow("the server ended its answer early");
  });

  it("fails when it had been broken off before it was read", async () => {
    await using asked = await ask((stream) => stream.destroy(new Error("the server is in trouble")));
    while (!asked.stream.destroyed) await new Promise(setImmediate);
    await expect(read(asked.body)).rejects.toThrow(/ended its answer early/u);
  });
});

describe("the body of an answer over HTTP/2", () => {
  it("is read no faster than it is taken", async () => {
    const large = "x".repeat(1 << 20);
    await using asked = await ask((stream) => stream.end(large));
    const chunks = asked.body.stream();
    await once(asked.stream, "pause");
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
    expect(asked.stream.readableFlowing).toBe(false);
    expect(await text(chunks)).toBe(large);
  });

  it("is not read further than its bound", async () => {
    await using asked = await ask((stream) => stream.end("x".repeat(100)));
    await expect(asked.body.whole(99)).rejects.toThrow("too large");
    expect(asked.stream.destroyed).toBe(true);
  });

  it("ends the request when nobody wants the rest", async () => {
    await using asked = await ask((stream) => void stream.write("first"));
    asked.body.destroy();
    await once(asked.stream, "close");
    expect(asked.stream.destroyed).toBe(true);
  });
});
