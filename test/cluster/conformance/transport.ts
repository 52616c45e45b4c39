import { once } from "node:events";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import { text } from "node:stream/consumers";

import { expect, it } from "vitest";

import { configMap } from "./objects.ts";
import { type ApiUnderTest, freshNamespace } from "./under-test.ts";

interface Http2Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** HTTP/2, which the agent and kubectl speak; all other suites use HTTP/1.1. */
export function transport(api: ApiUnderTest): void {
  async function open(): Promise<ClientHttp2Session & AsyncDisposable> {
    const session = connect(api.access.url, { ca: api.access.caPem });
    await once(session, "connect");
    return Object.assign(session, {
      [Symbol.asyncDispose]() {
        session.destroy();
        return Promise.resolve();
      },
    });
  }

  async function call(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: object): Promise<Http2Answer> {
    const authorization = `Bearer ${api.access.token}`;
    // A DELETE may carry a body, which node's client only allows when told so.
    const stream = session.request({ ...headers, authorization }, { endStream: body === undefined });
    if (body !== undefined) stream.end(JSON.stringify(body));
    const [answer] = await once(stream, "response");
    return { headers: answer, body: JSON.parse(await text(stream)) };
  }

  it("takes requests with and without bodies over one HTTP/2 connection, many at once", async () => {
    const ns = await freshNamespace(api.client);
    await using session = await open();
    expect(session.alpnProtocol).toBe("h2");
    const names = Array.from({ length: 50 }, (_, index) => `c${index}`);
    const answers = await Promise.all(
      names.map((name) =>
        call(
          session,
          {
            ":method": "PATCH",
            ":path": `${ns.core(`configmaps/${name}`)}?fieldManager=drover&force=true`,
            "content-type": "application/apply-patch+yaml",
          },
          configMap(name, { name }),
        ),
      ),
    );
    expect(answers.map(({ headers }) => headers[":status"])).toEqual(names.map(() => 201));
    const deleted = await call(
      session,
      { ":method": "DELETE", ":path": ns.core("configmaps/c0"), "content-type": "application/json" },
      { preconditions: { uid: "00000000-0000-4000-8000-000000000000" } },
    );
    expect(deleted.headers[":status"]).toBe(409);
    const list = await call(session, { ":path": ns.core("configmaps?fieldSelector=metadata.name=c0") });
    expect(list.body).toMatchObject({ kind: "ConfigMapList", items: [{ metadata: { name: "c0" } }] });
  });

  it("streams a watch beside other requests, and lets the client end it", async () => {
    const ns = await freshNamespace(api.client);
    await using session = await open();
    const path = ns.core("configmaps?watch=1&fieldSelector=metadata.name=a");
    const stream = session.request({ ":path": path, authorization: `Bearer ${api.access.token}` });
    const [headers]: unknown[] = await once(stream, "response");
    expect(headers).toMatchObject({ ":status": 200 });
    const event = once(stream, "data");
    await call(
      session,
      { ":method": "POST", ":path": ns.core("configmaps"), "content-type": "application/json" },
      configMap("a", {}),
    );
    expect(String((await event)[0])).toContain('"type":"ADDED"');
    stream.close();
    await once(stream, "close");
    const after = await call(session, { ":path": ns.core("configmaps/a") });
    expect(after.headers[":status"]).toBe(200);
  });

  it("answers a ping", async () => {
    await using session = await open();
    const duration = await new Promise((resolve, reject) => {
      session.ping((error, duration) => (error === null ? resolve(duration) : reject(error)));
    });
    expect(duration).toBeGreaterThan(0);
  });

  it("has a certificate that its CA vouches for, for 127.0.0.1", async () => {
    const stranger = connect(api.access.url);
    const [error]: unknown[] = await once(stranger, "error");
    expect(error).toMatchObject({ code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO/) });
    await using session = await open();
    expect(session.destroyed).toBe(false);
  });

  it("compresses no answer for those who do not ask", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(ns.core("configmaps"), configMap("big", { k: "x".repeat(300_000) }));
    await using session = await open();
    const plain = await call(session, { ":path": ns.core("configmaps/big") });
    expect(plain.headers["content-encoding"]).toBeUndefined();
  });
}
