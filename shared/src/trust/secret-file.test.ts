import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { expect, it, onTestFinished } from "vitest";

import { readSecretFile, writeSecretFile } from "./secret-file.ts";

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "drover-secret-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

it("replaces a file whole, for its owner only, and leaves nothing else behind", async () => {
  const folder = path.join(await createFolder(), "deep", "er");
  const file = path.join(folder, "key");
  expect(await readSecretFile(file)).toBeUndefined();
  await writeSecretFile(file, "a longer first content");
  await writeSecretFile(file, "second");
  expect(await readSecretFile(file)).toBe("second");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect(await readdir(folder)).toEqual(["key"]);
});

it("tightens what an earlier crash left open", async () => {
  const file = path.join(await createFolder(), "key");
  await writeFile(`${file}.new`, "half");
  await chmod(`${file}.new`, 0o644);
  await writeSecretFile(file, "whole");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

it("fails for a folder it cannot read from, instead of taking it for missing", async () => {
  const folder = await createFolder();
  await expect(readSecretFile(folder)).rejects.toThrow("EISDIR");
});
