import { generateKeyPairSync } from "node:crypto";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { newStoreKeys, StoreKeys } from "../../store/store-keys.ts";
import { createDeployKeys, type KeyWrap } from "./deploy-keys.ts";

const wrapOf = (keys: StoreKeys): KeyWrap => ({
  keyId: keys.id,
  wrap: (bytes, context) => keys.wrap(bytes, context),
  unwrap: (wrapped, context) => keys.unwrap(wrapped, context),
});
const keyWrap = wrapOf(newStoreKeys());

test("a damaged key is not replaced in silence, and not quoted", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "drover-keys-"));
  await writeFile(join(folder.path, "a.key"), "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n");
  const error = expect.objectContaining({ code: "config_invalid", message: expect.not.stringContaining("s3cret") });
  const keys = createDeployKeys(folder.path, keyWrap);
  await expect(keys.of("a")).rejects.toThrow(error);
  await keys.forget("a");
  const made = await keys.of("a");
  expect((await createDeployKeys(folder.path, keyWrap).of("a")).publicLine).toBe(made.publicLine);
  expect((await keys.of("b")).publicLine).not.toBe(made.publicLine);
});

test("T18: a key is encrypted with the store key, under its source's name, and no other opens it", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "drover-keys-"));
  const stored = async (source: string): Promise<string> => readFile(join(folder.path, `${source}.key`), "utf8");
  await createDeployKeys(folder.path, keyWrap).of("a");
  expect(await stored("a")).not.toContain("PRIVATE");
  const error = expect.objectContaining({ code: "config_invalid" });
  await expect(createDeployKeys(folder.path, wrapOf(newStoreKeys())).of("a")).rejects.toThrow(error);
  await writeFile(join(folder.path, "b.key"), await stored("a"));
  await expect(createDeployKeys(folder.path, keyWrap).of("b")).rejects.toThrow(error);
});

test("T18: a key that was in clear, or encrypted with another store key, stays the same key when it is encrypted anew", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "drover-keys-"));
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await writeFile(join(folder.path, "clear.key"), pem);
  const [before, after] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const old = createDeployKeys(folder.path, wrapOf(new StoreKeys(before)));
  const lines = [(await old.of("clear")).publicLine, (await old.of("other")).publicLine];
  await createDeployKeys(folder.path, wrapOf(new StoreKeys(after, [before]))).rewrap();
  const alone = createDeployKeys(folder.path, wrapOf(new StoreKeys(after)));
  expect([(await alone.of("clear")).publicLine, (await alone.of("other")).publicLine]).toEqual(lines);
  expect(await readFile(join(folder.path, "clear.key"), "utf8")).not.toContain("PRIVATE");
});
