import { gzipSync } from "node:zlib";

import { expect, test } from "vitest";

import { readTgz } from "./tar.ts";

/** As far as a reader looks at it. */
function entry(name: string, content: string, { type = "0", prefix = "" } = {}): Uint8Array {
  const bytes = Buffer.from(content);
  const block = Buffer.alloc(512 + Math.ceil(bytes.length / 512) * 512);
  block.write(name, 0);
  block.write(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124);
  block.write(type, 156);
  block.write(prefix, 345);
  block.set(bytes, 512);
  return block;
}

async function read(...entries: readonly Uint8Array[]): Promise<Readonly<Record<string, string>>> {
  const files = await readTgz(gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)])), 1_000_000);
  return Object.fromEntries(files.map(({ path, bytes }) => [path, new TextDecoder().decode(bytes)]));
}

test("reads files by their whole names, and no folders", async () => {
  const long = `${"deep/".repeat(30)}file`;
  const record = ` path=${long}2\n`;
  const found = await read(
    entry("folder/", "", { type: "5" }),
    entry("./folder/a", "1"),
    entry("b", "2".repeat(600), { prefix: "from/prefix" }),
    entry("././@LongLink", `${long}\0`, { type: "L" }),
    entry("cut", "3"),
    entry("pax", `${record.length + 3}${record}`, { type: "x" }),
    entry("cut", "4"),
    entry("d", "5"),
  );
  expect(found).toEqual({ "folder/a": "1", "from/prefix/b": "2".repeat(600), [long]: "3", [`${long}2`]: "4", d: "5" });
});

test.each([
  ["a symbolic link", entry("a", "", { type: "2" }), "document_invalid"],
  ["a hard link", entry("a", "", { type: "1" }), "document_invalid"],
  ["an absolute path", entry("/etc/passwd", "x"), "document_invalid"],
  [
    "a way out in a long name",
    Buffer.concat([entry("x", "a/../../b", { type: "L" }), entry("a", "")]),
    "document_invalid",
  ],
  ["more than is allowed", entry("a", "x".repeat(1_000_001)), "input_too_large"],
  ["too many files", Buffer.alloc(512 * 20_002, entry("a", "")), "input_too_large"],
])("refuses %s", async (_title, bytes, code) => {
  const limit = code === "input_too_large" && bytes.length > 5_000_000 ? 20_000_000 : 1_000_000;
  await expect(readTgz(gzipSync(bytes), limit)).rejects.toMatchObject({ code });
});

test("whatever the bytes are, they are read or refused", async () => {
  const good = gzipSync(Buffer.concat([entry("a", "1"), entry("b", "2")]));
  for (let at = 0; at < good.length; at += 1) {
    const bytes = Uint8Array.from(good);
    bytes[at] = (bytes[at] ?? 0) ^ 0x55;
    const outcome = await readTgz(bytes, 1_000_000).catch((cause: unknown) => cause);
    if (outcome instanceof Error)
      expect(outcome).toMatchObject({ code: expect.stringMatching(/^(?:document_invalid|input_too_large)$/u) });
  }
});
