import fs from "node:fs";
import { rm } from "node:fs/promises";

import { DroverError } from "@drover/shared/errors";
import * as git from "isomorphic-git";

import { createSnapshotCache, type SnapshotCache } from "../snapshot-cache.ts";
import type { DeployKeys } from "../ssh/deploy-keys.ts";
import { createKnownHost } from "../ssh/known-host.ts";
import { createSshClient } from "../ssh/ssh-client.ts";
import { findCredential, type CredentialFor } from "../web/credential.ts";
import { createNetworks, peoplesNetworks, type Networks } from "../web/networks.ts";
import { parseAddress, type Address, type RemoteAddress } from "./address.ts";
import { localAncestry, remoteAncestry, type Ancestry } from "./ancestry.ts";
import { openGitObjects, type CommitObject, type GitObjects } from "./git-objects.ts";
import type { GitTransport } from "./git-transport.ts";
import { createHttpClient } from "./http-client.ts";
import { findLocalRepository } from "./local-repository.ts";
import { MirrorFolders } from "./mirror-folders.ts";
import { checkRef, fullNames, isCommitId, missingRef, newestTag, shortName } from "./refs.ts";
import { fetchRemote, type FetchedCommit } from "./remote-fetch.ts";

/** A repository to read: where it is and who asks. Empty texts are as good as absent ones. */
export interface SourceSpec {
  readonly name: string;
  /** Address over http(s) or SSH, or a path on this machine. */
  readonly url: string;
  /** Branch, tag or commit; "" = the repository's default branch. */
  readonly ref: string;
  /** A range of versions, whose newest tag is read instead of a ref; "" = none. */
  readonly version?: string;
  readonly username?: string;
  readonly password?: string;
  /** The name of the credential that it is read with over http(s), in place of a user and a password; "" = none. */
  readonly credential?: string;
  /** The repository that declares it: then it may be in `MirrorOptions.networks` only; "" = people added it. */
  readonly declaredIn?: string;
  /** Keys of an SSH server, `ssh-ed25519 AAAA…`; none = the first that it shows is pinned. */
  readonly hostKeys?: readonly string[];
}

export interface Commit extends CommitObject {
  /** The short name of the branch or tag; the id itself when a commit was asked for. */
  readonly ref: string;
  /** The annotated tag that leads to it, by its id. */
  readonly tag?: string;
}

/** Git repositories as objects: nothing is ever checked out. */
export interface Mirror {
  /**
   * Finds the newest commit and brings it here when it is not. Throws `source_auth`, `source_missing`,
   * `source_unreachable`, `source_untrusted`, `source_ref_missing`, `host_key_changed`, `input_too_large`, `usage`; never
   * with credentials in a text.
   */
  fetch(source: SourceSpec, signal: AbortSignal): Promise<Commit>;
  /**
   * Whether a commit that was fetched follows an earlier one. The history is not here, so that a server may be asked for
   * it. Throws as `fetch` does.
   */
  ancestry(source: SourceSpec, commit: Commit, earlier: string, signal: AbortSignal): Promise<Ancestry>;
  /** Objects of what was fetched last. */
  objects(source: SourceSpec): Promise<GitObjects>;
  readonly cache: SnapshotCache;
  /** Deletes what was fetched of a source. */
  forget(name: string): Promise<void>;
}

export interface MirrorOptions {
  /** Bare mirrors live here, one folder a source. Repositories on this machine are read where they are. */
  readonly folder: string;
  /** Default 120 s. */
  readonly timeoutMs?: number;
  /** What one fetch may transfer. Default 512 MiB. */
  readonly maxBytes?: number;
  /** Default: there are no credentials. */
  readonly credentialFor?: CredentialFor;
  /** Where declared repositories may be. */
  readonly networks?: Networks;
  /** Without it, addresses over SSH are refused. */
  readonly ssh?: SshOptions;
}

export interface SshOptions {
  readonly deployKeys: DeployKeys;
  /** Makes the first key that a source's server shows binding. What it throws ends the fetch. */
  readonly pin: (source: SourceSpec, hostKey: string) => void;
}

/** The mirror that reads repositories over http(s) and SSH, and those on this machine, with isomorphic-git. */
export function createMirror(options: MirrorOptions): Mirror {
  const { timeoutMs = 120_000, maxBytes = 512 * 1024 * 1024 } = options;
  const folders = new MirrorFolders(options.folder);
  const opened = new Map<string, { readonly folder: string; readonly objects: GitObjects }>();
  /** Mirrors with objects that could not be read: a power cut does that. They are fetched anew. */
  const damaged = new Set<string>();
  const objects = async (source: SourceSpec): Promise<GitObjects> => {
    const address = parseAddress(source);
    const path = address.kind === "local" ? await commonFolder(address) : folders.of(source.name, address);
    const known = opened.get(source.name);
    if (known?.folder === path) return known.objects;
    const fresh = openGitObjects(path, () => damaged.add(path));
    opened.set(source.name, { folder: path, objects: fresh });
    return fresh;
  };
  const newest = async (source: SourceSpec, address: Address, signal: AbortSignal): Promise<FetchedCommit> => {
    if (address.kind === "local") return resolveLocal(address.path, source);
    const mirror = folders.of(source.name, address);
    if (damaged.delete(mirror)) {
      opened.delete(source.name);
      await rm(mirror, { recursive: true, force: true });
    }
    const attempt = async (): Promise<FetchedCommit> => {
      using transport = await openTransport(source, address, { ...options, maxBytes, signal });
      const { ref, version = "" } = source;
      const known = await objects(source);
      return await fetchRemote({ address, ref, version, folder: mirror, objects: known }, transport);
    };
    try {
      return await attempt();
    } catch (cause) {
      if (cause instanceof DroverError || signal.aborted) throw cause;
      // What was cut short earlier can leave files that nothing can read: begin anew.
      opened.delete(source.name);
      await rm(mirror, { recursive: true, force: true });
      return attempt();
    }
  };
  return {
    objects,
    cache: createSnapshotCache(),
    async fetch(source, signal) {
      const address = parseAddress(source);
      checkRef(source.ref);
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        const found = await newest(source, address, AbortSignal.any([signal, timeout]));
        const known = await objects(source);
        if (address.kind !== "local") await folders.keepOnly(source.name, folders.of(source.name, address));
        return describeFetched(found, await readCommit(known, found, source));
      } catch (cause) {
        signal.throwIfAborted();
        throw explain(cause, source, timeout.aborted);
      }
    },
    ancestry: async (source, ...descent) => findAncestry(source, descent, { ...options, timeoutMs, maxBytes }),
    async forget(name) {
      opened.delete(name);
      await folders.forget(name);
    },
  };
}

interface TransportOptions extends Pick<MirrorOptions, "credentialFor" | "networks" | "ssh"> {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

async function openTransport(
  source: SourceSpec,
  address: RemoteAddress,
  { maxBytes, credentialFor = () => undefined, ssh, signal, ...options }: TransportOptions,
): Promise<GitTransport> {
  const isDeclared = (source.declaredIn ?? "") !== "";
  const networks = isDeclared ? (options.networks ?? createNetworks([])) : peoplesNetworks;
  if (address.kind === "http") {
    const credential = findCredential(credentialFor, source.credential ?? "", address.url);
    return createHttpClient({ address, credential, networks, signal, maxBytes });
  }
  if (ssh === undefined) throw new DroverError("usage", "repositories over SSH are not read here");
  const pin = (hostKey: string): void => ssh.pin(source, hostKey);
  const knownHost = createKnownHost({ source: source.name, address, hostKeys: source.hostKeys ?? [], pin });
  const login = { address, networks, knownHost, deployKey: await ssh.deployKeys.of(source.name) };
  return createSshClient({ login, signal, maxBytes });
}

async function findAncestry(
  source: SourceSpec,
  [commit, earlier, signal]: readonly [commit: Commit, earlier: string, signal: AbortSignal],
  { timeoutMs, ...options }: Omit<TransportOptions, "signal"> & { readonly timeoutMs: number },
): Promise<Ancestry> {
  if (commit.parents.includes(earlier)) return "descends";
  const descent = { commit: commit.id, ancestor: earlier };
  const address = parseAddress(source);
  if (address.kind === "local") return localAncestry(await commonFolder(address), descent);
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    using transport = await openTransport(source, address, { ...options, signal: AbortSignal.any([signal, timeout]) });
    return await remoteAncestry(transport, descent);
  } catch (cause) {
    signal.throwIfAborted();
    throw explain(cause, source, timeout.aborted);
  }
}

function describeFetched({ id, ref, tag = id }: FetchedCommit, commit: CommitObject): Commit {
  return { ...commit, ref, ...(tag === commit.id ? {} : { tag }) };
}

async function readCommit(objects: GitObjects, found: FetchedCommit, source: SourceSpec): Promise<CommitObject> {
  try {
    return await objects.readCommit(found.id);
  } catch (cause) {
    throw isCommitId(source.ref) ? missingRef(source.ref, shownAddress(source)) : cause;
  }
}

async function resolveLocal(path: string, { ref, version = "" }: SourceSpec): Promise<FetchedCommit> {
  const { gitFolder, commonFolder } = await findLocalRepository(path);
  if (isCommitId(ref)) return { id: ref, ref };
  if (version !== "") {
    const tag = newestTag(version, await git.listTags({ fs, gitdir: commonFolder }), path);
    return { id: await git.resolveRef({ fs, gitdir: commonFolder, ref: `refs/tags/${tag}` }), ref: tag };
  }
  const names = ref === "" ? [await readHead(gitFolder)] : fullNames(ref);
  for (const name of names) {
    try {
      const id = isCommitId(name) ? name : await git.resolveRef({ fs, gitdir: commonFolder, ref: name });
      return { id, ref: shortName(name) };
    } catch {
      // The next name may be there.
    }
  }
  throw missingRef(ref, path);
}

/** The branch that is checked out, or the commit when HEAD is detached. */
async function readHead(gitFolder: string): Promise<string> {
  try {
    return await git.resolveRef({ fs, gitdir: gitFolder, ref: "HEAD", depth: 2 });
  } catch {
    return "refs/heads/HEAD";
  }
}

async function commonFolder(address: Extract<Address, { kind: "local" }>): Promise<string> {
  return (await findLocalRepository(address.path)).commonFolder;
}

function shownAddress(source: SourceSpec): string {
  const address = parseAddress(source);
  return address.kind === "local" ? address.path : address.url;
}

function explain(cause: unknown, source: SourceSpec, timedOut: boolean): DroverError {
  const where = shownAddress(source);
  if (timedOut) {
    return new DroverError("source_unreachable", `fetching ${where} took too long`, {
      hint: "it is tried again by itself",
    });
  }
  if (cause instanceof DroverError) return cause;
  // Texts of foreign errors are not shown: they quote requests.
  return new DroverError("source_unreachable", `${where} cannot be read`, { cause });
}
