import fs from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { DroverError } from "@drover/shared/errors";
import * as git from "isomorphic-git";

import type { RemoteAddress } from "./address.ts";
import type { GitObjects } from "./git-objects.ts";
import type { GitTransport } from "./git-transport.ts";
import { keepPack, mergePacks, packsOf, putBehind, tidying } from "./mirror-packs.ts";
import { fullNames, isCommitId, missingRef, newestTag, shortName } from "./refs.ts";
import { askForThinPacks } from "./thin-packs.ts";

export interface RemoteFetchOptions {
  readonly address: RemoteAddress;
  readonly ref: string;
  /** A range of versions, whose newest tag is read instead; "" = none. */
  readonly version: string;
  /** The bare mirror; made when it is not there. */
  readonly folder: string;
  /** What is in the mirror. */
  readonly objects: GitObjects;
}

export interface FetchedCommit {
  readonly id: string;
  /** The annotated tag that was found, by its id. */
  readonly tag?: string;
  readonly ref: string;
}

/** What was fetched last. Set after everything is on disk, so that a fetch that was cut short is done again. */
const currentRef = "refs/drover/current";
/** A ref that is never there: what is fetched for it is fetched whole. */
const noRef = "refs/drover/none";

/** Asks for the newest commit and fetches only what is missing of it, without history. */
export async function fetchRemote(options: RemoteFetchOptions, transport: GitTransport): Promise<FetchedCommit> {
  try {
    return await fetchWith(transport, options);
  } catch (cause) {
    throw transport.failure ?? cause;
  }
}

async function fetchWith(http: GitTransport, options: RemoteFetchOptions): Promise<FetchedCommit> {
  const { address, folder, ref, version, objects } = options;
  const newest = await (version === ""
    ? resolveRemote(http, address.url, ref)
    : resolveVersion(http, address.url, version));
  const base = { fs, dir: folder, gitdir: folder };
  const tag = newest.id === newest.commit ? {} : { tag: newest.id };
  await openMirror(base);
  const current = await readCurrent(base);
  if (current === newest.id) return { id: newest.commit, ref: newest.ref, ...tag };
  const tidy = tidying(await packsOf(folder));
  const isWhole = current === undefined || tidy === "fetch-anew";
  const { cache } = objects;
  await writeShallow(folder, isWhole ? undefined : (await git.readCommit({ ...base, cache, oid: current })).oid);
  const known = { ...base, cache, http: askForThinPacks(http), url: http.url, remoteRef: newest.fullName };
  const asked = { depth: 1, singleBranch: true, tags: false, ref: isWhole ? noRef : currentRef };
  const result: FetchResult = await git.fetch({ ...known, ...asked });
  if (http.failure !== undefined) throw http.failure;
  const id = result.fetchHead ?? newest.id;
  const pack = packOf(result);
  if (!isWhole) await putBehind(folder, pack);
  const { oid } = await git.readCommit({ ...base, cache, oid: id }).catch((cause: unknown) => {
    // A server may answer with nothing when it is asked for a commit that it does not give.
    throw isCommitId(ref) ? missingRef(ref, address.url) : cause;
  });
  await git.writeRef({ ...base, ref: currentRef, value: id, force: true });
  if (isWhole) await keepPack(folder, pack);
  else if (tidy === "merge") await mergePacks(folder, objects.cache);
  if (isWhole || tidy === "merge") objects.forgetPacks();
  return { id: oid, ref: newest.ref, ...tag };
}

/** isomorphic-git tells it, though it does not declare it: the path of the pack in the mirror, when there is one. */
interface FetchResult extends git.FetchResult {
  readonly packfile?: string;
}

function packOf({ packfile }: FetchResult): string | undefined {
  return packfile === undefined ? undefined : basename(packfile);
}

/** Says that the mirror has a commit without its history. Of older ones nothing is said: they are not told to servers. */
async function writeShallow(folder: string, commit: string | undefined): Promise<void> {
  const file = join(folder, "shallow");
  if (commit === undefined) await rm(file, { force: true });
  else await writeFile(file, `${commit}\n`);
}

interface Base {
  readonly fs: typeof fs;
  readonly dir: string;
  readonly gitdir: string;
}

async function openMirror(base: Base): Promise<void> {
  await git.init({ ...base, bare: true });
  // isomorphic-git fetches only with a rule where to keep refs. The address is not written down: it is given each time.
  await git.setConfig({ ...base, path: "remote.origin.fetch", value: "+refs/*:refs/remotes/origin/*" });
}

interface RemoteRef {
  /** What the remote's name points at: a commit, or a tag object. */
  readonly id: string;
  readonly commit: string;
  readonly fullName: string;
  readonly ref: string;
}

/** `ls-refs` with a prefix: a server with many thousand refs answers with a few. */
async function resolveRemote(http: GitTransport, url: string, ref: string): Promise<RemoteRef> {
  if (isCommitId(ref)) return { id: ref, commit: ref, fullName: ref, ref };
  for (const name of ref === "" ? ["HEAD"] : fullNames(ref)) {
    const listed = await listRefs(http, url, name);
    const found = listed.find((candidate) => candidate.ref === name);
    if (found === undefined) continue;
    const fullName = found.target ?? found.ref;
    return { id: found.oid, commit: found.peeled ?? found.oid, fullName, ref: shortName(fullName) };
  }
  throw missingRef(ref, url);
}

/** Of many tags of one server: what is more is no list of releases. */
const maxTags = 50_000;

async function resolveVersion(http: GitTransport, url: string, range: string): Promise<RemoteRef> {
  const listed = await listRefs(http, url, "refs/tags/");
  if (listed.length > maxTags) throw new DroverError("input_too_large", `${url} has more than ${maxTags} tags`);
  const byTag = new Map(listed.map((one) => [shortName(one.ref), one]));
  const tag = newestTag(range, [...byTag.keys()], url);
  const found = byTag.get(tag);
  if (found === undefined) throw missingRef(tag, url);
  return { id: found.oid, commit: found.peeled ?? found.oid, fullName: found.ref, ref: tag };
}

async function listRefs(http: GitTransport, url: string, prefix: string): Promise<readonly git.ServerRef[]> {
  try {
    return await git.listServerRefs({ http, url: http.url, prefix, symrefs: true, peelTags: true });
  } catch (cause) {
    if (cause instanceof DroverError || (cause instanceof Error && cause.name === "AbortError")) throw cause;
    // What answers speaks the transport's protocol, but not Git's.
    throw new DroverError("source_missing", `what answers at ${url} is no Git server`, {
      hint: "check the address",
      cause,
    });
  }
}

async function readCurrent(base: Base): Promise<string | undefined> {
  try {
    return await git.resolveRef({ ...base, ref: currentRef });
  } catch {
    return undefined;
  }
}
