import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { digestOf, type Digest } from "@drover/shared/digest";
import { describe, expect, it } from "vitest";

import { openBlobs } from "./blobs.ts";
import { systemDisk } from "./disk.ts";

async function temporary() {
  const path = await mkdtemp(join(tmpdir(), "drover-blobs-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const headerBytes = 36;
const blob = (text: string) => ({ digest: digestOf(text), bytes: Buffer.from(text) });
const hello = blob("hello");

type Content = ReturnType<typeof blob>;

async function fill(folder: string, contents: readonly Content[]): Promise<void> {
  await using blobs = await openBlobs(systemDisk, folder);
  for (const { digest, bytes } of contents) await blobs.write(digest, bytes);
}

async function readTexts(folder: string, digests: readonly Digest[]): Promise<readonly (string | undefined)[]> {
  await using blobs = await openBlobs(systemDisk, folder);
  return await Promise.all(digests.map(async (digest) => (await blobs.read(digest))?.toString()));
}

describe("blobs", () => {
  it("survive restarts and are found by their digests", async () => {
    await using folder = await temporary();
    const path = join(folder.path, "blobs");
    await fill(path, [hello]);
    await fill(path, [blob("world")]);
    expect(await readTexts(path, [hello.digest, digestOf("world"), digestOf("other")])).toEqual([
      "hello",
      "world",
      undefined,
    ]);
  });

  it("share one file, whatever their number and size", async () => {
    await using folder = await temporary();
    const contents = Array.from({ length: 300 }, (_, n) => blob(`${n}`.repeat(1 + n * 10)));
    {
      await using blobs = await openBlobs(systemDisk, folder.path);
      await Promise.all(contents.map(({ digest, bytes }) => blobs.write(digest, bytes)));
      const read = await Promise.all(contents.map(({ digest }) => blobs.read(digest)));
      expect(read.map((bytes) => bytes?.toString())).toEqual(contents.map(({ bytes }) => bytes.toString()));
    }
    expect(await readdir(folder.path)).toEqual(["1.segment"]);
    const digests = contents.map(({ digest }) => digest);
    expect(await readTexts(folder.path, digests)).toEqual(contents.map(({ bytes }) => bytes.toString()));
  });

  it("are read ahead in the order in which they lie, and alone in any other", async () => {
    await using folder = await temporary();
    const contents = Array.from({ length: 2_000 }, (_, n) => blob(`${n} `.padEnd(100, "x")));
    await fill(folder.path, contents);
    const reads: number[] = [];
    const open: typeof systemDisk.open = async (path) => {
      const file = await systemDisk.open(path);
      const read: typeof file.read = (offset, length) => {
        reads.push(length);
        return file.read(offset, length);
      };
      return { size: file.size, append: file.append, sync: () => file.sync(), close: () => file.close(), read };
    };
    await using blobs = await openBlobs({ ...systemDisk, open }, folder.path);
    reads.length = 0;
    for (const { digest } of contents) await blobs.read(digest);
    expect(reads.splice(0)).toEqual([65_536, 65_536, 65_536, 65_536, 65_536]);
    for (const n of [900, 300, 1_200]) await blobs.read(contents[n]?.digest ?? "");
    expect(reads).toEqual([100, 100, 100]);
  });

  it("count as missing when the disk has spoilt them", async () => {
    await using folder = await temporary();
    await fill(folder.path, [hello, blob("world")]);
    const file = join(folder.path, "1.segment");
    const content = await readFile(file);
    content[headerBytes] = 0;
    await writeFile(file, content);
    await using blobs = await openBlobs(systemDisk, folder.path);
    expect(await blobs.read(hello.digest)).toBeUndefined();
    expect(blobs.missing([hello.digest, digestOf("world")])).toEqual([hello.digest]);
    await blobs.write(hello.digest, hello.bytes);
    expect((await blobs.read(hello.digest))?.toString()).toBe("hello");
  });

  it("lose no more than the tail that a crash has torn, wherever it was torn", async () => {
    await using folder = await temporary();
    const contents = [blob("one"), blob("two and more"), blob("3")];
    const whole = contents.map(({ bytes }) => headerBytes + bytes.length);
    for (let size = 0; size < whole.reduce((a, b) => a + b); size += 1) {
      const path = join(folder.path, String(size));
      await fill(path, contents);
      await truncate(join(path, "1.segment"), size);
      let left = size;
      const expected = contents.map(({ bytes }, n) => {
        left -= whole[n] ?? 0;
        return left >= 0 ? bytes.toString() : undefined;
      });
      const digests = contents.map(({ digest }) => digest);
      expect(await readTexts(path, digests)).toEqual(expected);
      // What is written after the crash does not follow the torn part.
      await fill(path, contents);
      expect(await readTexts(path, digests)).toEqual(contents.map(({ bytes }) => bytes.toString()));
    }
  });

  it("stop at a tail of zeros, as a power cut leaves it", async () => {
    await using folder = await temporary();
    await fill(folder.path, [hello]);
    await truncate(join(folder.path, "1.segment"), 4096);
    expect(await readTexts(folder.path, [hello.digest])).toEqual(["hello"]);
  });

  it("go when nothing needs them, and so does what is no segment", async () => {
    await using folder = await temporary();
    await writeFile(join(folder.path, "0".repeat(64)), "of an earlier version");
    await using blobs = await openBlobs(systemDisk, folder.path);
    await blobs.write(hello.digest, hello.bytes);
    await blobs.retain(new Set());
    expect(await readdir(folder.path)).toEqual([]);
    expect(blobs.missing([hello.digest])).toEqual([hello.digest]);
  });

  it("give back room as they go, also while others are read and written", async () => {
    await using folder = await temporary();
    const contents = Array.from({ length: 500 }, (_, n) => blob(`${n} `.repeat(100)));
    await fill(folder.path, contents);
    const before = (await stat(join(folder.path, "1.segment"))).size;
    const kept = contents.filter((_content, n) => n % 10 === 0);
    {
      await using blobs = await openBlobs(systemDisk, folder.path);
      const [read] = await Promise.all([
        Promise.all(kept.map(async ({ digest }) => (await blobs.read(digest))?.toString())),
        blobs.retain(new Set(kept.map(({ digest }) => digest))),
        blobs.write(hello.digest, hello.bytes),
      ]);
      expect(read).toEqual(kept.map(({ bytes }) => bytes.toString()));
      expect(blobs.missing([hello.digest])).toEqual([]);
    }
    expect(await readdir(folder.path)).toEqual(["2.segment"]);
    expect((await stat(join(folder.path, "2.segment"))).size).toBeLessThan(before / 8);
    expect(
      await readTexts(
        folder.path,
        kept.map(({ digest }) => digest),
      ),
    ).toEqual(kept.map(({ bytes }) => bytes.toString()));
  });

  it("say so when they cannot be written, and go on when they can again", async () => {
    await using folder = await temporary();
    const path = join(folder.path, "blobs");
    await using blobs = await openBlobs(systemDisk, path);
    await writeFile(path, "in the way");
    await expect(blobs.write(hello.digest, hello.bytes)).rejects.toMatchObject({ code: "store_failed" });
    expect(blobs.missing([hello.digest])).toEqual([hello.digest]);
    await rm(path);
    await blobs.write(hello.digest, hello.bytes);
    expect((await blobs.read(hello.digest))?.toString()).toBe("hello");
  });
});
