import type { GitHttpRequest } from "isomorphic-git";
import { describe, expect, test } from "vitest";

import { collect } from "./git-transport.ts";
import { askForThinPacks } from "./thin-packs.ts";

const id = "1".repeat(40);
const line = (text: string): string => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
const rest = `${line(`want ${"2".repeat(40)}\n`)}${line("deepen 1\n")}0000${line("done\n")}`;
const wants = `${line(`want ${id} side-band-64k ofs-delta\n`)}${rest}`;

/** What is sent for `body` to a server that offers these. */
async function sent(offered: string, body: string): Promise<string> {
  const bodies: string[] = [];
  const advertised = `${line("# service=git-upload-pack\n")}0000${line(`${id} HEAD\0${offered}\n`)}${line(`${id} refs/heads/thin-pack\n`)}0000`;
  const http = askForThinPacks({
    async request({ method, body: chunks }: GitHttpRequest) {
      bodies.push(Buffer.from(await collect(chunks ?? [])).toString());
      const answer = method === "POST" ? "" : advertised;
      const stream = (async function* () {
        yield Buffer.from(answer.slice(0, 60));
        yield Buffer.from(answer.slice(60));
      })();
      return { url: "", headers: {}, statusCode: 200, statusMessage: "", body: stream };
    },
  });
  const { body: passed } = await http.request({ url: "", method: "GET" });
  expect(Buffer.from(await collect(passed ?? [])).toString()).toBe(advertised);
  const chunks = (async function* () {
    yield Buffer.from(body);
  })();
  await http.request({ url: "", method: "POST", body: chunks });
  return bodies.at(-1) ?? "";
}

describe("a request for objects", () => {
  test("asks for a thin pack where the server has them", async () => {
    const expected = `${line(`want ${id} side-band-64k ofs-delta thin-pack\n`)}${rest}`;
    expect(await sent("multi_ack thin-pack side-band", wants)).toBe(expected);
  });

  test("stays as it is where the server has none, whatever its branches are called", async () => {
    expect(await sent("multi_ack side-band", wants)).toBe(wants);
  });

  test.each(["", "0000", line("command=ls-refs\n"), "zzzzwant ", "ffffwant x"])("passes %j on", async (body) => {
    expect(await sent("thin-pack", body)).toBe(body);
  });
});
