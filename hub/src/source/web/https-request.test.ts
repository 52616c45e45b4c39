import type { lookup, LookupAddress } from "node:dns";
import { once } from "node:events";
import { createServer } from "node:http";

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { sendRequest } from "./https-request.ts";
import { createNetworks, parseNetworks, type Networks } from "./networks.ts";

const hits: string[] = [];
const sink = createServer((request, response) => {
  hits.push(request.headers.host ?? "");
  response.end();
});
let port = 0;

beforeAll(async () => {
  await once(sink.listen(0, "127.0.0.1"), "listening");
  const address = sink.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});
afterAll(() => void sink.close());
beforeEach(() => void hits.splice(0));

const send = async (host: string, networks: Networks): Promise<number | undefined> => {
  const url = new URL(`http://${host}:${port}/`);
  const answer = await sendRequest({
    url,
    shown: url.href,
    headers: {},
    credential: undefined,
    networks,
    signal: AbortSignal.timeout(10_000),
  });
  answer.destroy();
  return answer.statusCode;
};

test("T7: what listens on the hub's machine records no request, in whatever form it is named", async () => {
  const hosts = ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0", "localhost"];
  for (const host of hosts) {
    await expect(send(host, createNetworks([])), `at ${host}`).rejects.toMatchObject({ code: "forbidden" });
  }
  expect(hits).toEqual([]);
  expect(await send("0x7f.1", createNetworks(parseNetworks("127.0.0.0/8")))).toBe(200);
  expect(hits).toEqual([`127.0.0.1:${port}`]);
});

test("T7: a name that is resolved otherwise from now on is connected to where it was checked", async () => {
  const answers = ["10.255.255.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"];
  let asked = 0;
  const resolve = (_host: string, _options: unknown, done: (error: null, found: LookupAddress[]) => void): void => {
    done(null, [{ address: answers[asked] ?? "127.0.0.1", family: 4 }]);
    asked += 1;
  };
  const rules = parseNetworks("127.0.0.0/8,!10.0.0.0/8");
  const networks = createNetworks(rules, resolve as unknown as typeof lookup);
  await expect(send("rebind.example.org", networks)).rejects.toMatchObject({ code: "forbidden" });
  expect([asked, hits]).toEqual([1, []]);
  expect(await send("rebind.example.org", networks)).toBe(200);
  expect([asked, hits]).toEqual([2, [`rebind.example.org:${port}`]]);
});
