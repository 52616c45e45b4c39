import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { accepted, detached, firstEnrolment, joined, refusalOf, revoked } from "../core/enrolment.ts";
import { listBackups } from "./backup-folder.ts";
import { makeBackup, restoreBackup } from "./backups.ts";
import { openSqliteStore } from "./sqlite.ts";
import { clusterDefaults, type Store } from "./store.ts";

describe("a backup of the store", () => {
  let folder = "";
  let file = "";
  let store: Store | undefined;
  const open = (): Store => {
    store = openSqliteStore(file);
    return store;
  };
  const close = (): void => {
    store?.close();
    store = undefined;
  };
  const pathOf = (name: string): string => join(folder, "backups", name);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "drover-backups-"));
    file = join(folder, "hub.db");
  });
  afterEach(() => {
    close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is whole and its owner's alone, and only the newest are kept", async () => {
    const source = open();
    for (let now = 0; now < 4; now += 1) {
      source.putCluster({ ...clusterDefaults, name: `c${now}` });
      await makeBackup(source, file, { kept: 2, now });
    }
    const backups = listBackups(file);
    expect(backups.map(({ name }) => name)).toEqual(["hub-19700101T000000002Z.db", "hub-19700101T000000003Z.db"]);
    expect(readdirSync(join(folder, "backups"))).toHaveLength(2);
    expect(statSync(pathOf(backups[0]?.name ?? "")).mode & 0o077).toBe(0);
  });

  it("R14: brings back nobody who was revoked or removed since, and nobody's old certificates", async () => {
    const source = open();
    const begun = (cluster: string) => joined(firstEnrolment(cluster, 0), `key of ${cluster}`, 1);
    for (const name of ["revoked", "back", "gone", "moved", "same"]) {
      source.putCluster({ ...clusterDefaults, name, uid: name });
      source.enrolments.put(begun(name));
    }
    const { name } = await makeBackup(source, file, { kept: 1, now: 5 });
    source.enrolments.put(revoked(begun("revoked"), "its key leaked", 10));
    source.enrolments.put(accepted(revoked(begun("back"), "a mistake", 10), 11));
    source.enrolments.put(detached(begun("gone"), 10));
    source.enrolments.put(joined(begun("moved"), "another key", 10));
    close();
    writeFileSync(`${file}-revoked`, '{"cluster":"same","sta', { flag: "a" });
    await restoreBackup(pathOf(name), file, 99);
    for (const times of [1, 2]) {
      const { enrolments } = open();
      const shown = ["revoked", "back", "gone", "moved", "same"].map((cluster) => {
        const enrolment = enrolments.get(cluster) ?? expect.unreachable();
        return `${cluster}: ${refusalOf(enrolment, 1)?.code ?? "speaks"}, ${enrolment.key}`;
      });
      expect([times, ...shown]).toEqual([
        times,
        "revoked: cluster_revoked, key of revoked",
        "back: unauthorized, key of back",
        "gone: cluster_detached, ",
        "moved: unauthorized, another key",
        "same: speaks, key of same",
      ]);
      expect(refusalOf(enrolments.get("moved") ?? expect.unreachable(), 2)).toBeUndefined();
      close();
    }
    expect(statSync(`${file}-revoked`).mode & 0o077).toBe(0);
  });

  it("R33: is restored as an epoch of its own that nobody has confirmed, with what was there moved aside", async () => {
    const source = open();
    source.putCluster({ ...clusterDefaults, name: "old" });
    const { name } = await makeBackup(source, file, { kept: 1, now: 1 });
    source.putCluster({ ...clusterDefaults, name: "new" });
    source.beginEpoch({ confirmed: true });
    const { era, hubId } = source;
    close();

    const aside = await restoreBackup(pathOf(name), file, 2);
    const restored = open();
    expect(restored.clusters().map((cluster) => cluster.name)).toEqual(["old"]);
    expect(restored.hubId).toBe(hubId);
    expect(restored.era.epoch).not.toBe(era.epoch);
    expect(restored.era.confirmed).toBe(false);
    close();
    expect(readdirSync(aside)).toEqual(expect.arrayContaining(["hub.db", "hub.db-mark"]));
    expect(existsSync(pathOf(name))).toBe(true);
  });

  it("is not restored beneath a hub that runs", async () => {
    const source = open();
    source.putCluster({ ...clusterDefaults, name: "a" });
    const { name } = await makeBackup(source, file, { kept: 1, now: 1 });
    await expect(restoreBackup(pathOf(name), file, 2)).rejects.toMatchObject({
      code: "store_failed",
      hint: "stop the hub first, and those that stand by",
    });
    expect(source.clusters()).toHaveLength(1);
  });

  it.each(["", "this is no store".repeat(1000)])("is not restored when it is damaged: %#", async (content) => {
    open().putCluster({ ...clusterDefaults, name: "a" });
    close();
    const damaged = join(folder, "damaged.db");
    writeFileSync(damaged, content);
    await expect(restoreBackup(damaged, file, 2)).rejects.toMatchObject({ code: "store_failed" });
    expect(open().clusters()).toHaveLength(1);
  });

  it("is restored in the place of a store that is damaged", async () => {
    const source = open();
    source.putCluster({ ...clusterDefaults, name: "a" });
    const { name } = await makeBackup(source, file, { kept: 1, now: 1 });
    close();
    writeFileSync(file, "damaged".repeat(1000));
    expect(open).toThrow(expect.objectContaining({ code: "store_failed" }));
    await restoreBackup(pathOf(name), file, 2);
    expect(open().clusters()).toHaveLength(1);
  });
});
