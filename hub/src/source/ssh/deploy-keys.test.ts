import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { createDeployKeys } from "./deploy-keys.ts";

test("a damaged key is not replaced in silence, and not quoted", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "drover-keys-"));
  await writeFile(join(folder.path, "a.key"), "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n");
  const error = expect.objectContaining({ code: "config_invalid", message: expect.not.stringContaining("s3cret") });
  const keys = createDeployKeys(folder.path);
  await expect(keys.of("a")).rejects.toThrow(error);
  await keys.forget("a");
  const made = await keys.of("a");
  expect((await createDeployKeys(folder.path).of("a")).publicLine).toBe(made.publicLine);
  expect((await keys.of("b")).publicLine).not.toBe(made.publicLine);
});
