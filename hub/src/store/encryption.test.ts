import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { digestOf, type Digest } from "@drover/shared/digest";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { makeBackup, restoreBackup } from "./backups.ts";
import { openDatabase } from "./database.ts";
import { migrations } from "./migrations.ts";
import { seal } from "./sealed.ts";
import { openSqliteStore } from "./sqlite.ts";
import { addStoreKey } from "./store-keys.ts";
import { sourceDefaults, type CredentialRecord, type SourceRecord, type Store } from "./store.ts";

// What a disk does is not asked here, and hundreds of syncs take long.
const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const planted = "c4nary";
const source: SourceRecord = {
  ...sourceDefaults,
  name: "config",
  url: `https://user:${planted}-url@git.example.org/config`,
  password: `${planted}-password`,
  webhook: { forge: "github", secret: `${planted}-webhook` },
};
const credential: CredentialRecord = {
  name: "registry",
  prefix: "oci://registry.example.org/",
  username: "ci",
  password: `${planted}-token`,
  ca: "",
  clientCertificate: "",
  clientKey: `${planted}-key`,
  changedAtMs: 1,
  expiresAtMs: 0,
};
const blobOf = (text: string) => {
  const object = { kind: "Secret", stringData: { clear: text }, data: { password: btoa(text) } };
  const bytes = new TextEncoder().encode(JSON.stringify(object));
  return { digest: digestOf(bytes), bytes };
};
const blob = blobOf(`${planted}-in-git`);

let folder = "";
let file = "";
let keyFile = "";
let store: Store | undefined;
const open = (keys = keyFile): Store => {
  store = openSqliteStore(file, { keyFile: keys });
  return store;
};
const close = (): void => {
  store?.close();
  store = undefined;
};
const fill = (target: Store): void => {
  target.putSource(source);
  target.putCredential(credential);
  target.keep(blob);
};
const expectWhole = (target: Store): void => {
  expect(target.source(source.name)).toEqual(source);
  expect(target.credential(credential.name)).toEqual(credential);
  expect(target.blob(blob.digest)).toEqual(blob.bytes);
};
beforeEach(() => {
  folder = mkdtempSync(join(memory, "drover-encryption-"));
  file = join(folder, "hub.db");
  keyFile = join(folder, "elsewhere", "store.key");
});
afterEach(() => {
  close();
  rmSync(folder, { recursive: true, force: true });
});

/** Files of the folder that have one of the planted texts in them, in clear or in base64. */
function leaks(place = folder): readonly string[] {
  const forms = [
    planted,
    btoa(planted).slice(0, -1),
    btoa(`x${planted}`).slice(2, -3),
    btoa(`xx${planted}`).slice(3, -3),
  ];
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => forms.some((form) => readFileSync(path, "latin1").includes(form)));
}

/** The store's own files, byte by byte. */
const bytesOfStore = (): readonly string[] =>
  ["hub.db", "hub.db-mark", "hub.db-wal"].map((name) => {
    const path = join(folder, name);
    return existsSync(path) ? readFileSync(path, "base64") : "";
  });

/** Besides those two that SQLite makes to look into it. */
const namesOfFiles = (): readonly string[] => readdirSync(folder).filter((name) => !/-(?:shm|wal|lock)$/u.test(name));

describe("T18, R27: whoever takes the files of a store", () => {
  it("finds no password, token, key, webhook secret or Secret in it, its log and its backups", async () => {
    const target = open();
    fill(target);
    expect(leaks()).toEqual([]);
    await makeBackup(target, file, { kept: 1, now: 1 });
    target.deleteCredential(credential.name);
    expect(leaks()).toEqual([]);
    close();
    expect(leaks()).toEqual([]);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    // The search finds what is there.
    writeFileSync(join(folder, "clear"), blob.bytes);
    expect(leaks()).toEqual([join(folder, "clear")]);
  });

  it("cannot put one thing in the place of another", () => {
    const other = blobOf("another");
    fill(open());
    store?.keep(other);
    close();
    const database = new DatabaseSync(file);
    const swap = database.prepare(
      "UPDATE blobs SET bytes = (SELECT bytes FROM blobs WHERE digest = ?) WHERE digest = ?",
    );
    swap.run(other.digest, blob.digest);
    database.close();
    expect(() => open().blob(blob.digest)).toThrow(expect.objectContaining({ code: "blob_corrupt" }));
    expect(store?.blob(other.digest)).toEqual(other.bytes);
  });
});

describe("T18: without its key a store", () => {
  const wrong = (): string => {
    const path = join(folder, "wrong.key");
    addStoreKey(path);
    return path;
  };

  it.each([
    ["is missing", () => join(folder, "nothing.key")],
    ["is another one", wrong],
  ])("is refused where the key %s, and nothing is overwritten", (_, keys) => {
    fill(open());
    close();
    const [path, before] = [keys(), bytesOfStore()];
    const files = namesOfFiles();
    expect(() => open(path)).toThrow(
      expect.objectContaining({ code: "store_key_missing", hint: expect.stringContaining("--store-key-file") }),
    );
    expect(bytesOfStore()).toEqual(before);
    expect(namesOfFiles()).toEqual(files);
    expectWhole(open());
  });

  it("is not restored from a backup either, and what is there stays", async () => {
    fill(open());
    const { name } = await makeBackup(open0(), file, { kept: 1, now: 1 });
    close();
    const backup = join(folder, "backups", name);
    const [path, before, files] = [wrong(), bytesOfStore(), namesOfFiles()];
    const restoring = restoreBackup(backup, file, 2, path);
    await expect(restoring).rejects.toMatchObject({ code: "store_key_missing" });
    expect(bytesOfStore()).toEqual(before);
    expect(namesOfFiles()).toEqual(files);
    await restoreBackup(backup, file, 2, keyFile);
    expectWhole(open());
    expect(leaks()).toEqual([]);
  });

  it.each(["", "\n", "c2hvcnQ=\n", `${"A".repeat(44)}\n`])("is refused with a key file that holds none: %j", (text) => {
    fill(open());
    close();
    writeFileSync(keyFile, text);
    expect(() => open()).toThrow(
      expect.objectContaining({ code: "config_invalid", message: expect.not.stringContaining("c2hvcnQ") }),
    );
  });
});

function open0(): Store {
  return store ?? expect.unreachable();
}

describe("T18, R25: a store of a version that encrypted nothing", () => {
  beforeEach(() => {
    const steps = migrations.slice(0, -1);
    const database = openDatabase(file, { steps });
    const identity = seal({ hubId: "hub-1", epoch: "epoch-1", confirmed: false });
    database.run("INSERT INTO meta VALUES ('identity', ?)", identity);
    // What was deleted once is in pages that nobody uses.
    database.run("INSERT INTO blobs VALUES (?, ?)", "gone", Buffer.from(`${planted} `.repeat(4000)));
    database.run("INSERT INTO credentials VALUES (?, ?)", "gone", seal({ ...credential, name: "gone" }));
    for (const table of ["blobs", "credentials"]) database.run(`DELETE FROM ${table}`);
    database.run("INSERT INTO sources VALUES (?, ?)", source.name, seal(source));
    database.run("INSERT INTO credentials VALUES (?, ?)", credential.name, seal(credential));
    database.run("INSERT INTO blobs VALUES (?, ?)", blob.digest, blob.bytes);
    database[Symbol.dispose]();
    expect(leaks()).toEqual([file]);
  });
  const alter = (sql: string): void => {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
  };

  it("is encrypted when it is opened, and nothing of what was in clear is left in its files", () => {
    expectWhole(open());
    expect(leaks()).toEqual([]);
    close();
    expect(leaks()).toEqual([]);
    expectWhole(open());
  });

  it("is encrypted whole or not at all", () => {
    alter("CREATE TRIGGER stop BEFORE UPDATE ON blobs BEGIN SELECT RAISE(ABORT, 'no'); END");
    expect(() => open()).toThrow(expect.objectContaining({ code: "store_failed" }));
    const database = new DatabaseSync(file);
    expect(database.prepare("SELECT record FROM credentials").all()).toEqual([{ record: seal(credential) }]);
    expect(database.prepare("SELECT * FROM data_keys").all()).toEqual([]);
    database.close();
    alter("DROP TRIGGER stop");
    expectWhole(open());
    expect(leaks()).toEqual([]);
  });

  it("is cleared of what was in clear at the next start, when the first one ended before that", () => {
    expectWhole(open());
    close();
    alter(
      `INSERT INTO blobs VALUES ('gone', CAST('${`${planted} `.repeat(4000)}' AS BLOB)); DELETE FROM blobs WHERE digest = 'gone'`,
    );
    alter("INSERT INTO meta VALUES ('unscrubbed', '')");
    expect(leaks()).toEqual([file]);
    expectWhole(open());
    expect(leaks()).toEqual([]);
  });

  it("leaves backups of before as they are, and restoring one encrypts it", async () => {
    mkdirSync(join(folder, "backups"));
    const old = join(folder, "backups", "hub-20260101T000000000Z.db");
    copyFileSync(file, old);
    open();
    await makeBackup(open0(), file, { kept: 2, now: Date.UTC(2026, 1, 1) });
    close();
    expect(leaks()).toEqual([old]);
    await restoreBackup(old, file, 2, keyFile);
    expectWhole(open());
    expect(leaks()).toEqual([old]);
  });
});

describe("T18: another store key", () => {
  const keysOf = (path: string) => ({ text: readFileSync(path, "utf8"), keys: addStoreKey(path) });
  const newestAlone = (): void => writeFileSync(keyFile, `${readFileSync(keyFile, "utf8").split("\n")[0] ?? ""}\n`);

  it("is taken while writes go on: nothing is lost, and the old one is not needed any more, but for older backups", async () => {
    fill(open());
    const written = new Map<Digest, Uint8Array>();
    const write = (name: string): void => {
      const one = blobOf(name);
      written.set(one.digest, one.bytes);
      open0().keep(one);
      open0().putCredential({ ...credential, name });
    };
    for (let n = 0; n < 200; n += 1) write(`before-${n}`);
    const { name } = await makeBackup(open0(), file, { kept: 1, now: 1 });
    const { text: oldText, keys } = keysOf(keyFile);
    const oldId = open0().encryption.keyId;
    open0().encryption.rekey(keys);
    expect(open0().encryption).toMatchObject({ keyId: keys.id, isPending: true });
    expect(keys.id).not.toBe(oldId);
    let batches = 0;
    for (; !open0().encryption.advance(); batches += 1) {
      write(`meanwhile-${batches}`);
      for (const [digest, bytes] of written) expect(open0().blob(digest)).toEqual(bytes);
    }
    expect(batches).toBeGreaterThan(3);
    expect(open0().encryption.isPending).toBe(false);
    close();

    const old = join(folder, "old.key");
    writeFileSync(old, oldText);
    newestAlone();
    expect(() => open(old)).toThrow(expect.objectContaining({ code: "store_key_missing" }));
    expectWhole(open());
    for (const [digest, bytes] of written) expect(open0().blob(digest)).toEqual(bytes);
    expect(open0().credentials()).toHaveLength(201 + batches);
    close();
    await restoreBackup(join(folder, "backups", name), file, 2, old);
    expectWhole(open(old));
  });

  it("alone opens a store whose hub was killed halfway, which goes on then", () => {
    fill(open());
    const blobs = Array.from({ length: 100 }, (_, n) => blobOf(`blob-${n}`));
    for (const one of blobs) open0().keep(one);
    const { keys } = keysOf(keyFile);
    open0().encryption.rekey(keys);
    expect(open0().encryption.advance()).toBe(false);
    const killed = mkdtempSync(join(folder, "killed-"));
    for (const name of ["hub.db", "hub.db-wal", "hub.db-mark"]) copyFileSync(join(folder, name), join(killed, name));
    newestAlone();
    const again = openSqliteStore(join(killed, "hub.db"), { keyFile });
    try {
      expect(again.encryption.isPending).toBe(true);
      while (!again.encryption.advance());
      for (const { digest, bytes } of blobs) expect(again.blob(digest)).toEqual(bytes);
      expectWhole(again);
    } finally {
      again.close();
    }
  });

  it("leaves nothing of the old data key behind: with the old key the new files are worth nothing", () => {
    fill(open());
    const { keys } = keysOf(keyFile);
    close();
    const recordsIn = (): readonly string[] => {
      const database = new DatabaseSync(file, { readOnly: true });
      const rows = database.prepare("SELECT record FROM data_keys").all();
      database.close();
      return rows.map(({ record }) => String(record));
    };
    const before = recordsIn();
    open().encryption.rekey(keys);
    while (!open0().encryption.advance());
    for (const record of before) {
      for (const bytes of ["hub.db", "hub.db-wal"].map((name) => readFileSync(join(folder, name), "latin1"))) {
        expect(bytes).not.toContain(record.slice(-60));
      }
    }
  });

  it("does not hide that a blob was damaged before", () => {
    fill(open());
    close();
    const database = new DatabaseSync(file);
    database.exec("UPDATE blobs SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'00' AS BLOB)");
    database.close();
    const { keys } = keysOf(keyFile);
    open().encryption.rekey(keys);
    while (!open0().encryption.advance());
    expect(() => open0().blob(blob.digest)).toThrow(expect.objectContaining({ code: "blob_corrupt" }));
  });
});
