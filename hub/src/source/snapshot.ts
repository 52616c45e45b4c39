import { decodeYaml } from "@drover/shared/decode";
import { digestOf } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";

import type { SnapshotFile, SnapshotFiles } from "../core/render/snapshot-files.ts";
import type { GitObjects, TreeItem } from "./git/git-objects.ts";
import type { Commit, Mirror, SourceSpec } from "./git/mirror.ts";
import { followLinks } from "./links.ts";
import type { SnapshotCache } from "./snapshot-cache.ts";

export type TreeEntry = SnapshotFile;

/** The files of a repository at a commit; immutable. */
export interface Snapshot extends SnapshotFiles {
  readonly repository: string;
  readonly commit: Commit;
  readonly entries: ReadonlyMap<string, TreeEntry>;
  /** Object ids of folders by path; "" is the root. */
  readonly folders: ReadonlyMap<string, string>;
}

const maxFiles = 50_000;
const maxFileBytes = 10 * 1024 * 1024;
const maxDepth = 64;

interface Reader {
  /** Part of every key: a repository whose author can make two contents with one id reaches no other repository. */
  readonly repository: string;
  readonly objects: GitObjects;
  readonly cache: SnapshotCache;
}

/** Lists the files under `path` ("" = all). Contents are read when they are asked for. Throws `input_too_large`. */
export async function readSnapshot(
  mirror: Mirror,
  source: SourceSpec,
  at: { readonly commit: Commit; readonly path: string },
  signal: AbortSignal,
): Promise<Snapshot> {
  const reader: Reader = { repository: source.name, objects: await mirror.objects(source), cache: mirror.cache };
  const entries = new Map<string, TreeEntry>();
  const folders = new Map<string, string>();
  const wanted = at.path.split("/").filter((part) => part !== "");
  const visit = async (oid: string, path: readonly string[]): Promise<void> => {
    signal.throwIfAborted();
    folders.set(path.join("/"), oid);
    if (path.length > maxDepth) throw tooLarge(source, `folders nested deeper than ${maxDepth}`);
    const next = wanted[path.length];
    for (const item of await readTree(reader, oid)) {
      if (next !== undefined && item.name !== next) continue;
      const below = [...path, item.name];
      if (item.mode === "folder") await visit(item.oid, below);
      else entries.set(below.join("/"), { path: below.join("/"), oid: item.oid, mode: item.mode });
      if (entries.size > maxFiles) throw tooLarge(source, `more than ${maxFiles} files`);
    }
  };
  await visit(at.commit.id, []);
  return { repository: source.name, commit: at.commit, entries, folders, ...createReaders(reader, entries, folders) };
}

/** Equal when nothing under the path changed, nor what links under it may lead to. */
export function treeDigest(snapshot: Snapshot, path: string): string {
  const own = snapshot.folders.get(path) ?? snapshot.entries.get(path)?.oid ?? "";
  const prefix = path === "" ? "" : `${path}/`;
  const leadsOut = linksOf(snapshot).some((link) => link.startsWith(prefix));
  return digestOf(leadsOut ? `${own} ${snapshot.commit.id}` : own);
}

/** Of each snapshot, looked for once: every application asks. */
const links = new WeakMap<Snapshot, readonly string[]>();

function linksOf(snapshot: Snapshot): readonly string[] {
  const known = links.get(snapshot);
  if (known !== undefined) return known;
  const found = [...snapshot.entries.values()].filter(({ mode }) => mode === "symlink").map(({ path }) => path);
  links.set(snapshot, found);
  return found;
}

function createReaders(
  reader: Reader,
  entries: ReadonlyMap<string, TreeEntry>,
  folders: ReadonlyMap<string, string>,
): Pick<Snapshot, "resolve" | "read" | "decode"> {
  const readLink = async (path: string): Promise<string | undefined> => {
    const entry = entries.get(path);
    if (entry?.mode !== "symlink") return undefined;
    return new TextDecoder().decode(await readBlob(reader, entry));
  };
  const resolve = async (path: string): Promise<SnapshotFile> => {
    const final = await followLinks(path, readLink);
    const entry = entries.get(final);
    if (entry !== undefined) return entry;
    const oid = folders.get(final);
    if (oid !== undefined) return { path: final, oid, mode: "folder" };
    throw new DroverError("not_found", `there is no file ${path}`, { at: { file: path, line: 1, column: 1 } });
  };
  const read = async (path: string): Promise<Uint8Array> => {
    const entry = await resolve(path);
    if (entry.mode === "folder" || entry.mode === "submodule") throw refuse(path, `is a ${entry.mode}, not a file`);
    const bytes = await readBlob(reader, { path, oid: entry.oid });
    if (isLfsPointer(bytes)) throw refuse(path, "is a pointer of Git LFS, whose content is not in the repository");
    return bytes;
  };
  return {
    resolve,
    read,
    async decode(path) {
      const { oid } = await resolve(path);
      // Positions name the file, so the same content at another path is another decoding.
      const key = `${reader.repository} ${oid} ${path}`;
      const known = reader.cache.decodings.get(key);
      if (known !== undefined) return known;
      const bytes = await read(path);
      const decoded = decodeYaml(path, bytes);
      // Data with its positions takes about ten times the text.
      reader.cache.decodings.set(key, decoded, 500 + bytes.length * 10);
      return decoded;
    },
  };
}

async function readTree(reader: Reader, oid: string): Promise<readonly TreeItem[]> {
  const key = `${reader.repository} ${oid}`;
  const known = reader.cache.trees.get(key);
  if (known !== undefined) return known;
  const items = await reader.objects.readTree(oid);
  reader.cache.trees.set(key, items, 200 + items.length * 200);
  return items;
}

async function readBlob(reader: Reader, file: { readonly path: string; readonly oid: string }): Promise<Uint8Array> {
  const key = `${reader.repository} ${file.oid}`;
  const known = reader.cache.blobs.get(key);
  if (known !== undefined) return known;
  try {
    const bytes = await reader.objects.readBlob(file.oid, maxFileBytes);
    reader.cache.blobs.set(key, bytes, 200 + bytes.length);
    return bytes;
  } catch (cause) {
    const error = DroverError.from(cause);
    const at = { file: file.path, line: 1, column: 1 };
    throw new DroverError(error.code, `${file.path}: ${error.message}`, { at, cause });
  }
}

const lfsHeader = new TextEncoder().encode("version https://git-lfs.github.com/spec/");

function isLfsPointer(bytes: Uint8Array): boolean {
  return bytes.length < 1024 && lfsHeader.every((byte, index) => bytes[index] === byte);
}

function refuse(path: string, why: string): DroverError {
  return new DroverError("document_invalid", `${path} ${why}`, { at: { file: path, line: 1, column: 1 } });
}

function tooLarge(source: SourceSpec, why: string): DroverError {
  return new DroverError("input_too_large", `the repository ${source.name} has ${why}`, {
    hint: "give the source a path with fewer files",
  });
}
