import { beforeEach, expect, test } from "vitest";

import type { Signer } from "../core/signers.ts";
import type { GitObjects, RawObject } from "../source/git/git-objects.ts";
import type { Commit, SourceSpec } from "../source/git/mirror.ts";
import {
  commitPayload,
  idOf,
  makeSshKey,
  objectsOf,
  signedCommit,
  sshSigner,
} from "../source/signatures/signatures.fixture.ts";
import { readSigners } from "../source/signatures/signers.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import { sourceDefaults, type SourceRecord, type Store } from "../store/store.ts";
import { createCommitPolicy, type CommitPolicy } from "./commit-policy.ts";
import { createEventLog } from "./event-log.ts";
import { World } from "./world.ts";

const key = makeSshKey("ed25519");
const signers: readonly Signer[] = await readSigners([`${key.line} bob`]);
const signed = await signedCommit(sshSigner(key));
const unsigned: RawObject = { type: "commit", bytes: commitPayload };
const signal = new AbortController().signal;
const record: SourceRecord = { ...sourceDefaults, name: "a", url: "https://git.example/a", signers };
const commitOf = (object: RawObject, ref = "main"): Commit => ({
  id: idOf(object),
  ref,
  message: "",
  author: "",
  emails: [],
  committedAtMs: 0,
  parents: [],
});

let store: Store;
let world: World;
let policy: CommitPolicy;
let fetched: SourceSpec[];
let here: readonly RawObject[];

beforeEach(() => {
  store = openSqliteStore(":memory:");
  store.putSource(record);
  world = new World(
    store,
    createEventLog(store, () => 1),
    () => 1,
  );
  fetched = [];
  here = [signed, unsigned];
  const objects: GitObjects = {
    readRaw: (oid: string) => objectsOf(here).readRaw(oid),
    has: (oid: string) => Promise.resolve(here.some((object) => idOf(object) === oid)),
    readCommit: (id: string) => Promise.resolve({ ...commitOf(signed), id }),
    readTree: () => Promise.reject(new Error("no folder is read")),
    readBlob: () => Promise.reject(new Error("no file is read")),
    cache: {},
    forgetPacks: () => undefined,
  };
  const mirror = {
    objects: () => Promise.resolve(objects),
    fetch: (source: SourceSpec) => {
      fetched.push(source);
      return Promise.resolve(commitOf(signed, source.ref));
    },
  };
  policy = createCommitPolicy({ store, world, mirror });
});

test("a commit of a signer is taken and remembered, before anything follows from it", async () => {
  expect(await policy.admit(record, commitOf(signed), signal)).toEqual(commitOf(signed));
  expect(store.source("a")?.accepted).toEqual({ id: idOf(signed), ref: "main" });
  expect(world.source("a").conditions).toMatchObject([{ type: "Signed", status: "True", reason: "Signed" }]);
});

test("nothing is in force before a signed commit comes", async () => {
  expect(await policy.admit(record, commitOf(unsigned), signal)).toBeUndefined();
  const message = expect.stringContaining("nothing is read before a signed one comes") as string;
  expect(world.source("a").conditions).toMatchObject([{ status: "False", reason: "commit_unsigned", message }]);
});

test("what was taken is fetched anew by its id when the mirror has lost it", async () => {
  const accepted = { id: idOf(signed), ref: "v1.0.0" };
  const source = { ...record, version: "1.x", accepted };
  store.putSource(source);
  here = [unsigned];
  expect(await policy.admit(source, commitOf(unsigned, "v1.1.0"), signal)).toEqual(commitOf(signed, "v1.0.0"));
  expect(fetched).toMatchObject([{ ref: idOf(signed), version: "" }]);
});

test.each<[string, SourceRecord | undefined]>([
  ["has other signers", { ...record, signers: [] }],
  ["has another address", { ...record, url: "https://git.example/b" }],
  ["is gone", undefined],
])("nothing is taken for a source that %s by now", async (_what, now) => {
  if (now === undefined) store.deleteSource("a");
  else store.putSource(now);
  await expect(policy.admit(record, commitOf(signed), signal)).rejects.toMatchObject({ code: "canceled" });
  expect(store.source("a")?.accepted).toBeUndefined();
});

test("what a source without signers reads is remembered too, so that it stays when it gets some", async () => {
  const free = { ...record, signers: [] };
  store.putSource(free);
  expect(await policy.admit(free, commitOf(unsigned), signal)).toEqual(commitOf(unsigned));
  expect([store.source("a")?.accepted?.id, world.source("a").conditions]).toEqual([idOf(unsigned), []]);
});

test("a commit is judged once for each list of signers", async () => {
  await policy.admit(record, commitOf(signed), signal);
  here = [];
  expect(await policy.admit(record, commitOf(signed), signal)).toEqual(commitOf(signed));
  const other = { ...record, signers: await readSigners([makeSshKey("ed25519").line]) };
  store.putSource(other);
  await expect(policy.admit(other, commitOf(signed), signal)).rejects.toThrow("there is no object");
});
