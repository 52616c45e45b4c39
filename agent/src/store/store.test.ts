import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { digestOf } from "@drover/shared/digest";
import type { Assignment } from "@drover/shared/link/link";
import { defaultSync } from "@drover/shared/sync-options";
import { describe, expect, it } from "vitest";

import { readAccepted, writeAccepted } from "./accepted.ts";
import { systemDisk } from "./disk.ts";
import { openRecordFiles, type StoredApplication } from "./records.ts";

async function temporary() {
  const path = await mkdtemp(join(tmpdir(), "drover-store-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const digest = digestOf("hello");

const assignment: Assignment = {
  application: "shop",
  bundle: digest,
  repository: "config",
  commit: "c0ffee",
  namespace: "",
  createNamespace: false,
  prune: true,
  seenAtMs: 1,
  syncRequest: 0,
  sync: defaultSync,
  confirmPrune: "",
};

describe("accepted assignments", () => {
  it("are read as they were written, to the byte", async () => {
    await using folder = await temporary();
    const path = join(folder.path, "accepted.json");
    expect(await readAccepted(systemDisk, path)).toBeUndefined();
    const signed = { payload: Buffer.from([0, 255, 1]), signature: Buffer.from([9]), keyId: "k" };
    const file = { signed, kept: [assignment], floorMs: 7, pastEpochs: ["e1"] };
    await writeAccepted(systemDisk, path, file);
    expect(await readAccepted(systemDisk, path)).toEqual(file);
    expect(await readdir(folder.path)).toEqual(["accepted.json"]);
  });

  it.each(["", "{", "[]", '{"format":"drover.dev/accepted/v1"}', '{"format":"other"}'])(
    "are refused when the file is %j",
    async (text) => {
      await using folder = await temporary();
      const path = join(folder.path, "accepted.json");
      await writeFile(path, text);
      await expect(readAccepted(systemDisk, path)).rejects.toMatchObject({ code: "document_invalid" });
    },
  );
});

describe("record files", () => {
  const application: StoredApplication = {
    name: "shop",
    bundle: digest,
    namespace: "",
    applied: digest,
    previous: "",
    appliedAtMs: 1,
    syncRequest: 0,
    objects: [
      {
        key: { group: "", kind: "ConfigMap", namespace: "shop", name: "m" },
        version: "v1",
        desired: "d",
        applied: "d",
        placed: true,
        created: true,
        uid: "u",
        resourceVersion: "1",
        generation: 0,
        ownHash: "h",
      },
    ],
  };

  it("are read as they were written", async () => {
    await using folder = await temporary();
    const files = openRecordFiles(systemDisk, join(folder.path, "applications"));
    expect(await files.readAll()).toEqual([]);
    await files.write(application);
    expect(await files.readAll()).toMatchObject([application]);
    await files.remove("shop");
    expect(await files.readAll()).toEqual([]);
  });

  it("are left out when they are spoilt: they only save requests", async () => {
    await using folder = await temporary();
    const files = openRecordFiles(systemDisk, folder.path);
    await files.write(application);
    const text = await readFile(join(folder.path, "shop.json"), "utf8");
    for (const spoilt of ["", text.slice(0, -9), text.replace("/v2", "/v1"), text.replace('"uid":"u"', '"uid":1')]) {
      await writeFile(join(folder.path, "shop.json"), spoilt);
      expect(await files.readAll()).toEqual([]);
    }
  });
});
