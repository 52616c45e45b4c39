import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createChartIndexes, type Ask } from "./chart-indexes.ts";
import { createContentCache } from "./content-cache.ts";

describe("indexes of chart repositories", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "drover-indexes-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const open = () => createChartIndexes(createContentCache({ folder }));

  /** A server of one index, which knows how often it sent it and what it was asked. */
  const serve = (text: string, headers: Readonly<Record<string, string>>) => {
    const asked: Readonly<Record<string, string>>[] = [];
    const server = { text, headers, asked, sent: 0 };
    const ask: Ask = async (conditions) => {
      asked.push(conditions);
      const { etag = "", "last-modified": modified = "" } = server.headers;
      const isSame =
        (etag !== "" && conditions["if-none-match"] === etag) ||
        (etag === "" && modified !== "" && conditions["if-modified-since"] === modified);
      if (!isSame) server.sent += 1;
      return {
        status: isSame ? 304 : 200,
        header: (name) => server.headers[name] ?? "",
        body: isSame ? new Uint8Array() : new Uint8Array(Buffer.from(server.text)),
      };
    };
    return Object.assign(server, { ask });
  };
  const read = async (indexes: ReturnType<typeof open>, ask: Ask, name = "a"): Promise<string> =>
    new TextDecoder().decode(await indexes.read(name, ask));

  test.each([
    ["an ETag", { etag: 'W/"1"' }, { "if-none-match": 'W/"1"' }],
    [
      "a date",
      { "last-modified": "Fri, 27 Nov 2026 07:00:00 GMT" },
      { "if-modified-since": "Fri, 27 Nov 2026 07:00:00 GMT" },
    ],
  ])(
    "are sent once as long as %s says that they are as before, after a restart too",
    async (_title, headers, condition) => {
      const server = serve("first", headers);
      const indexes = open();
      expect(await read(indexes, server.ask)).toBe("first");
      expect(await read(indexes, server.ask)).toBe("first");
      expect(await read(open(), server.ask)).toBe("first");
      expect([server.sent, server.asked]).toEqual([1, [{}, condition, condition]]);
    },
  );

  test("are sent anew when they have changed, and then count as before", async () => {
    const server = serve("first", { etag: '"1"' });
    const indexes = open();
    await read(indexes, server.ask);
    Object.assign(server, { text: "second", headers: { etag: '"2"' } });
    expect([await read(indexes, server.ask), await read(indexes, server.ask)]).toEqual(["second", "second"]);
    expect(server.sent).toBe(2);
  });

  test("are asked for once for all who want them at the same time", async () => {
    const server = serve("first", {});
    const indexes = open();
    const texts = await Promise.all(Array.from({ length: 50 }, async () => read(indexes, server.ask)));
    expect([new Set(texts), server.sent]).toEqual([new Set(["first"]), 1]);
    expect(await read(indexes, server.ask)).toBe("first");
    expect(server.asked).toEqual([{}, {}]);
  });

  test("are kept apart by their names", async () => {
    const [mine, yours] = [serve("mine", { etag: '"1"' }), serve("yours", { etag: '"1"' })];
    const indexes = open();
    const both = async () => Promise.all([read(indexes, mine.ask, "mine"), read(indexes, yours.ask, "yours")]);
    expect([await both(), await both()]).toEqual([
      ["mine", "yours"],
      ["mine", "yours"],
    ]);
  });

  test("fail for all who wait, and are asked for again by the next", async () => {
    const server = serve("first", {});
    const indexes = open();
    const down: Ask = () => Promise.reject(new Error("nobody answers"));
    const waiting = await Promise.allSettled([indexes.read("a", down), indexes.read("a", server.ask)]);
    expect(waiting.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await read(indexes, server.ask)).toBe("first");
  });

  test("are asked for whole when what is on disk is damaged or gone, whatever a server says then", async () => {
    const server = serve("first", { etag: '"1"' });
    await read(open(), server.ask);
    const archives = join(folder, "archives");
    const [file = ""] = await readdir(archives);
    await writeFile(join(archives, file), "damaged");
    expect(await read(open(), server.ask)).toBe("first");
    expect(server.asked).toEqual([{}, {}]);
    await rm(archives, { recursive: true });
    const liar: Ask = async () => ({ status: 304, header: () => "", body: new Uint8Array() });
    await expect(open().read("a", liar)).rejects.toMatchObject({ code: "source_unreachable" });
    expect(await read(open(), server.ask)).toBe("first");
  });
});
