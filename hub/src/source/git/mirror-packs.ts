import fs from "node:fs";
import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import * as git from "isomorphic-git";

export interface Pack {
  /** Of the file: `pack-….pack`. */
  readonly name: string;
  readonly bytes: number;
}

/** Every fetch with news leaves a pack, and each is looked through for an object. */
const maxLaterPacks = 20;
/** What later packs may have at least, since that of a small repository is quickly reached. */
const smallBytes = 1024 * 1024;

/**
 * What is to be done about the packs of a mirror. Later ones are merged when they are many; a mirror of which more than
 * half is later ones is fetched anew, since most of that is objects that no commit has any more.
 */
export function tidying(packs: readonly Pack[]): "none" | "merge" | "fetch-anew" {
  const [first = 0, ...later] = packs.map(({ bytes }) => bytes).toSorted((a, b) => b - a);
  const laterBytes = later.reduce((sum, bytes) => sum + bytes, 0);
  if (laterBytes > Math.max(first, smallBytes)) return "fetch-anew";
  return later.length > maxLaterPacks ? "merge" : "none";
}

export async function packsOf(mirror: string): Promise<readonly Pack[]> {
  const names = await readdir(folderOf(mirror)).catch(() => []);
  return Promise.all(
    names
      .filter((name) => name.endsWith(".pack"))
      .map(async (name) => ({ name, bytes: (await stat(join(folderOf(mirror), name))).size })),
  );
}

/** Makes one pack of all but the largest. It holds every object whole: deltas over many packs would be slow to read. */
export async function mergePacks(mirror: string, cache: object): Promise<void> {
  const [, ...later] = (await packsOf(mirror)).toSorted((a, b) => b.bytes - a.bytes);
  const ids = await Promise.all(later.map(async ({ name }) => objectsIn(join(folderOf(mirror), indexOf(name)))));
  const base = { fs, dir: mirror, gitdir: mirror, cache };
  const { filename } = await git.packObjects({ ...base, oids: [...new Set(ids.flat())].toSorted(), write: true });
  await git.indexPack({ ...base, filepath: `objects/pack/${filename}` });
  await deletePacks(
    mirror,
    later.filter(({ name }) => name !== filename),
  );
}

const later = /^pack-t(?<number>\d{8})-/u;

/**
 * Gives a pack that was fetched on top of others a name behind all of theirs. isomorphic-git takes an object from the
 * first pack by name, and so what it is a change to: the names say that no pack needs one behind it. Else a commit that is
 * taken back would be looked for without end, since its files come again as changes to those that came as changes to them. Does
 * nothing when nothing was fetched.
 */
export async function putBehind(mirror: string, pack: string | undefined): Promise<void> {
  if (pack === undefined) return;
  const numbers = (await packsOf(mirror)).map(({ name }) => Number(later.exec(name)?.groups?.["number"] ?? 0));
  const number = String(Math.max(0, ...numbers) + 1).padStart(8, "0");
  const behind = pack.replace("pack-", `pack-t${number}-`);
  // What an index names has to be there: the pack first.
  await rename(join(folderOf(mirror), pack), join(folderOf(mirror), behind));
  await rename(join(folderOf(mirror), indexOf(pack)), join(folderOf(mirror), indexOf(behind)));
}

/** Deletes all packs but one, which needs nothing of the others. None when nothing was fetched. */
export async function keepPack(mirror: string, kept: string | undefined): Promise<void> {
  if (kept === undefined) return;
  const packs = await packsOf(mirror);
  await deletePacks(
    mirror,
    packs.filter(({ name }) => name !== kept),
  );
}

async function deletePacks(mirror: string, packs: readonly Pack[]): Promise<void> {
  for (const { name } of packs) {
    // A pack without an index is not looked for, an index without its pack would be.
    await rm(join(folderOf(mirror), indexOf(name)), { force: true });
    await rm(join(folderOf(mirror), name), { force: true });
  }
}

/** The ids in an index of version 2: behind 8 bytes of head and 256 counts, of which the last is that of all. */
async function objectsIn(index: string): Promise<readonly string[]> {
  const bytes = await readFile(index);
  const start = 8 + 256 * 4;
  const count = bytes.readUInt32BE(start - 4);
  return Array.from({ length: count }, (_, at) => bytes.toString("hex", start + at * 20, start + (at + 1) * 20));
}

function folderOf(mirror: string): string {
  return join(mirror, "objects", "pack");
}

function indexOf(pack: string): string {
  return pack.replace(/\.pack$/u, ".idx");
}
