import { once } from "node:events";
import { connect, type ClientHttp2Session } from "node:http2";
import { request as requestHttp1 } from "node:https";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";

import { startCluster, type EmbeddedCluster } from "@drover/cluster/cluster";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { readCall, type ApiCall } from "./api-call.ts";
import { startApiFaultProxy, type ApiFaultProxy } from "./api-fault-proxy.ts";
import { emptyList, faults, type Fault } from "./api-faults.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const jsonPatch = "application/json-patch+json";
const applyPatch = "application/apply-patch+yaml";

describe("reading what a call asks", () => {
  it.each([
    ["GET", "/api", "", "discovery", "", ""],
    ["GET", "/apis/apps/v1", "", "discovery", "", ""],
    ["GET", `${maps}?limit=1`, "", "list", "configmaps", ""],
    ["GET", `${maps}?watch=1`, "", "watch", "configmaps", ""],
    ["GET", "/api/v1/namespaces/default", "", "get", "namespaces", "default"],
    ["POST", "/api/v1/namespaces", "application/json", "create", "namespaces", ""],
    ["PATCH", `${maps}/a?force=true`, applyPatch, "apply", "configmaps", "a"],
    ["PATCH", `${maps}/a?dryRun=All`, applyPatch, "dry-run", "configmaps", "a"],
    ["PATCH", "/apis/apps/v1/namespaces/x/deployments/a", jsonPatch, "json-patch", "deployments", "a"],
    ["DELETE", "/apis/apps/v1/namespaces/x/deployments/a", "", "delete", "deployments", "a"],
    ["GET", "/version", "", "other", "", ""],
    ["GET", "/apis/apps/v1/namespaces/x/deployments/a/scale", "", "other", "deployments", "a"],
  ])("%s %s (%s) is %s", (...[method, path, contentType, kind, resource, name]) => {
    expect(readCall({ method, path, contentType, body: "" })).toMatchObject({ kind, resource, name });
  });
});

describe("the API fault proxy", () => {
  let cluster: EmbeddedCluster;
  let proxy: ApiFaultProxy;
  let session: ClientHttp2Session;
  beforeAll(async () => {
    cluster = await startCluster({ name: "proxied" });
    proxy = await startApiFaultProxy({ target: cluster });
    session = connect(proxy.url, { ca: proxy.caPem });
  });
  afterAll(async () => {
    session.destroy();
    await proxy[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  async function call(method: string, path: string, body?: unknown): Promise<{ status: number; body: string }> {
    const stream = session.request(
      {
        ":method": method,
        ":path": path,
        authorization: `Bearer ${cluster.token}`,
        "content-type": "application/json",
      },
      { endStream: body === undefined, signal: AbortSignal.timeout(500) },
    );
    if (body !== undefined) stream.end(JSON.stringify(body));
    const status = new Promise<number>((resolve) =>
      stream.once("response", (headers) => resolve(headers[":status"] ?? 0)),
    );
    const answered = await text(stream);
    return { status: await status, body: answered };
  }

  const map = (name: string) => ({ metadata: { name }, data: { a: "1" } });
  const isList = ({ kind }: ApiCall): boolean => kind === "list";
  /** The fault strikes one call. */
  const strikeOnce = (fault: Fault, when: (call: ApiCall) => boolean = isList) =>
    proxy.inject({ when, fault, times: 1 });

  it("passes on what no rule is about, and tells of it", async () => {
    const before = proxy.calls().length;
    expect((await call("POST", maps, map("passed"))).status).toBe(201);
    expect((await call("GET", `${maps}/passed`)).body).toContain('"a":"1"');
    expect(
      proxy
        .calls()
        .slice(before)
        .map(({ kind }) => kind),
    ).toEqual(["create", "get"]);
  });

  it("answers in the server's place as often as it is told, and until it is lifted", async () => {
    const rule = proxy.inject({ when: isList, fault: faults["502 page"](), times: 2 });
    expect([(await call("GET", maps)).status, (await call("GET", maps)).status]).toEqual([502, 502]);
    expect([(await call("GET", maps)).status, rule.struck]).toEqual([200, 2]);
    const lasting = proxy.inject({ when: isList, fault: faults["401 unauthorized"]() });
    for (let i = 0; i < 3; i += 1) expect((await call("GET", maps)).status).toBe(401);
    lasting.lift();
    expect((await call("GET", maps)).status).toBe(200);
  });

  it("delivers a call whose answer is lost, and not one that is lost itself", async () => {
    const isCreate = ({ kind }: ApiCall): boolean => kind === "create";
    strikeOnce(faults["timeout before delivery"](), isCreate);
    await expect(call("POST", maps, map("undelivered"))).rejects.toMatchObject({ code: "ABORT_ERR" });
    strikeOnce(faults["timeout after delivery"](), isCreate);
    await expect(call("POST", maps, map("delivered"))).rejects.toMatchObject({ code: "ABORT_ERR" });
    expect((await call("GET", `${maps}/undelivered`)).status).toBe(404);
    expect((await call("GET", `${maps}/delivered`)).status).toBe(200);
  });

  it("breaks an answer off, cuts it short, and empties it", async () => {
    strikeOnce(faults["connection reset"]());
    await expect(call("GET", maps)).rejects.toMatchObject({ code: "ERR_HTTP2_STREAM_ERROR" });
    strikeOnce(faults["truncated JSON"]());
    const { body } = await call("GET", maps);
    expect(() => JSON.parse(body) as unknown).toThrow(SyntaxError);
    strikeOnce(emptyList);
    expect(JSON.parse((await call("GET", maps)).body)).toMatchObject({ kind: "ConfigMapList", items: [] });
  });

  it("gives a watch an error event, and ends watches", async () => {
    const isWatch = ({ kind }: ApiCall): boolean => kind === "watch";
    strikeOnce(faults["410 inside a watch"](), isWatch);
    expect(JSON.parse((await call("GET", `${maps}?watch=1`)).body)).toMatchObject({
      type: "ERROR",
      object: { kind: "Status", code: 410 },
    });
    const before = proxy.calls(isWatch).length;
    const open = call("GET", `${maps}?watch=1`);
    await expect.poll(() => proxy.calls(isWatch)).toHaveLength(before + 1);
    await call("POST", maps, map("watched"));
    proxy.endWatches(isWatch);
    expect((await open).body).toContain('"watched"');
  });

  it("offers only HTTP/1.1 when it is told to", async () => {
    await using old = await startApiFaultProxy({ target: cluster, http1: true });
    const answered = await new Promise<{ version: string; status: number | undefined }>((resolve, reject) => {
      const headers = { authorization: `Bearer ${cluster.token}` };
      const request = requestHttp1(`${old.url}${maps}`, { ca: old.caPem, headers }, (response) => {
        response.resume();
        resolve({ version: response.httpVersion, status: response.statusCode });
      });
      request.on("error", reject);
      request.end();
    });
    expect(answered).toEqual({ version: "1.1", status: 200 });
    const socket = connectTls({
      port: Number(new URL(old.url).port),
      ca: old.caPem,
      ALPNProtocols: ["h2", "http/1.1"],
    });
    await once(socket, "secureConnect");
    expect(socket.alpnProtocol).toBe("http/1.1");
    socket.destroy();
  });
});
