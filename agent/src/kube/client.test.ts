import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { systemClock } from "@drover/shared/clock";
import { describe, expect, it } from "vitest";

import type { Access } from "./access.ts";
import { createKubeApi } from "./client.ts";

const never = new AbortController().signal;

/** A client over HTTP/1.1 and the little server it talks to. HTTP/2 is what the system suites run on. */
async function startPair(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const renewals: boolean[] = [];
  let token = "old";
  const access: Access = {
    url: new URL(`http://127.0.0.1:${port}`),
    tls: {},
    authorize: ({ renew }) => {
      if (renew) {
        renewals.push(renew);
        token = "new";
      }
      return Promise.resolve({ authorization: `Bearer ${token}` });
    },
  };
  const api = createKubeApi({ access, clock: systemClock, userAgent: "test" });
  return {
    api,
    renewals,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      server.closeAllConnections();
      server.close();
    },
  };
}

function send(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, headers).end(body);
}

describe("the API client", () => {
  it("gives refusals as values with their codes, causes and waits", async () => {
    const status = {
      kind: "Status",
      reason: "Invalid",
      message: "no",
      details: { kind: "Widget", causes: [{ reason: "FieldValueInvalid", field: "spec.x", message: "bad" }] },
    };
    await using pair = await startPair((_, response) => {
      send(response, 429, JSON.stringify(status), { "retry-after": "7" });
    });
    expect(await pair.api.request({ method: "GET", path: "/x" }, never)).toEqual({
      kind: "refused",
      flowControlled: false,
      refusal: {
        status: 429,
        reason: "Invalid",
        message: "no",
        about: "Widget",
        causes: [{ reason: "FieldValueInvalid", field: "spec.x", message: "bad" }],
        retryAfterMs: 7000,
      },
    });
  });

  it("case 38: tells the router's 404 from the registry's", async () => {
    await using pair = await startPair((request, response) => {
      if (request.url === "/nowhere") send(response, 404, "404 page not found\n");
      else send(response, 404, JSON.stringify({ kind: "Status", reason: "NotFound" }));
    });
    const reason = async (path: string): Promise<string | undefined> => {
      const answer = await pair.api.request({ method: "GET", path }, never);
      return answer.kind === "refused" ? answer.refusal.reason : undefined;
    };
    expect(await reason("/nowhere")).toBe("");
    expect(await reason("/object")).toBe("NotFound");
  });

  it("fetches new credentials once when the old ones are refused", async () => {
    await using pair = await startPair((request, response) => {
      send(response, request.headers.authorization === "Bearer new" ? 200 : 401, "{}");
    });
    const calls = [1, 2, 3].map(() => pair.api.request({ method: "GET", path: "/x" }, never));
    expect((await Promise.all(calls)).map(({ kind }) => kind)).toEqual(["ok", "ok", "ok"]);
    expect(pair.renewals).toEqual([true]);
  });

  it("does not fetch credentials again and again when new ones are refused too", async () => {
    await using pair = await startPair((_, response) => send(response, 401, "{}"));
    for (let i = 0; i < 5; i += 1) {
      expect(await pair.api.request({ method: "GET", path: "/x" }, never)).toMatchObject({ refusal: { status: 401 } });
    }
    expect(pair.renewals).toEqual([true]);
  });

  it("case 70: reads a Retry-After date by the server's clock, not by its own", async () => {
    const date = new Date(Date.now() + 3_600_000);
    const until = new Date(date.getTime() + 12_000);
    await using pair = await startPair((_, response) => {
      send(response, 503, "busy", { date: date.toUTCString(), "retry-after": until.toUTCString() });
    });
    expect(await pair.api.request({ method: "GET", path: "/x" }, never)).toMatchObject({
      refusal: { status: 503, retryAfterMs: 12_000 },
    });
  });

  it("tells whether the server shares itself out among its clients", async () => {
    await using pair = await startPair((request, response) => {
      send(response, 200, "{}", request.url === "/fair" ? { "x-kubernetes-pf-flowschema-uid": "1" } : {});
    });
    expect(await pair.api.request({ method: "GET", path: "/fair" }, never)).toMatchObject({ flowControlled: true });
    expect(await pair.api.request({ method: "GET", path: "/old" }, never)).toMatchObject({ flowControlled: false });
  });

  it("fails with a code when nobody answers in time, and when nobody is there", async () => {
    await using slow = await startPair(() => undefined);
    await expect(slow.api.request({ method: "GET", path: "/x", timeoutMs: 20 }, never)).rejects.toMatchObject({
      code: "timeout",
    });
    const gone = await startPair(() => undefined);
    await gone[Symbol.asyncDispose]();
    await expect(gone.api.request({ method: "GET", path: "/x" }, never)).rejects.toMatchObject({
      code: "api_unreachable",
    });
  });

  it("takes no text that is not JSON for an answer", async () => {
    await using pair = await startPair((_, response) => send(response, 200, "<html>please log in</html>"));
    expect((await pair.api.request({ method: "GET", path: "/x" }, never)).kind).toBe("refused");
  });

  it("reads a watch line by line, however it is cut, until the signal ends it", async () => {
    await using pair = await startPair((_, response) => {
      response.writeHead(200);
      response.write('{"type":"ADD');
      setImmediate(() => response.write('ED"}\n{"type":"MODIFIED"}\n{"type":'));
    });
    const stop = new AbortController();
    const answer = await pair.api.stream("/x", "application/json", stop.signal);
    if (answer.kind !== "ok") throw new Error("the watch was refused");
    const types: unknown[] = [];
    const reading = (async () => {
      for await (const line of answer.lines) {
        types.push(line);
        if (types.length === 2) stop.abort(new Error("the test is over"));
      }
    })();
    await expect(reading).rejects.toThrow("the test is over");
    expect(types).toEqual([{ type: "ADDED" }, { type: "MODIFIED" }]);
  });
});
