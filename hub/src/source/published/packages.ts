import { digestOf, isDigest, type Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import { textAt } from "@drover/shared/json";

import { formatChoice, formatPackage, packageKey, type PackageRef } from "../../core/package.ts";
import { isOlder } from "../../core/version-range.ts";
import { SizedCache } from "../sized-cache.ts";
import type { Snapshot } from "../snapshot.ts";
import { findCredential, type CredentialFor } from "../web/credential.ts";
import { createNetworks, type Networks } from "../web/networks.ts";
import { snapshotOfArchive } from "./archive-snapshot.ts";
import { createChartIndexes } from "./chart-indexes.ts";
import { resolveInIndex } from "./chart-repository.ts";
import { createContentCache } from "./content-cache.ts";
import { mismatch, resolveInRegistry } from "./registry.ts";
import type { Resolved } from "./resolved.ts";
import { readTgz } from "./tar.ts";

/** What a reference named when it was looked at. */
export interface FetchedPackage {
  /** `6.5.1@sha256:…`, the digest whole. */
  readonly revision: string;
  readonly snapshot: Snapshot;
}

/** Charts and artifacts that were published outside of Git. */
export interface Packages {
  /**
   * Looks what the reference names now and brings it here when it is not. Throws what `resolveInRegistry` throws, and
   * `source_auth` for a credential that is not there.
   */
  fetch(ref: PackageRef, signal: AbortSignal): Promise<FetchedPackage>;
  /** What it named the last time, as far as that is still on disk. */
  recall(ref: PackageRef): Promise<FetchedPackage | undefined>;
}

export interface PackagesOptions {
  readonly folder: string;
  readonly credentialFor: CredentialFor;
  /** Where they may be. Default: as for all that files in Git name. */
  readonly networks?: Networks;
  readonly limits?: Partial<typeof defaultLimits>;
}

const mebibyte = 1024 * 1024;
const defaultLimits = { timeoutMs: 120_000, maxArchiveBytes: 64 * mebibyte, maxUnpackedBytes: 64 * mebibyte };

export function createPackages(options: PackagesOptions): Packages {
  return new PackageStore(options);
}

/** Bytes by path. */
type Unpacked = ReadonlyMap<string, Uint8Array>;

interface Note {
  readonly version: string;
  /** Of the revision. */
  readonly digest: Digest;
  readonly content: Digest;
}

class PackageStore implements Packages {
  readonly #cache: ReturnType<typeof createContentCache>;
  readonly #indexes: ReturnType<typeof createChartIndexes>;
  readonly #credentialFor: CredentialFor;
  readonly #networks: Networks;
  readonly #limits: typeof defaultLimits;
  /** What is rendered again and again need not be unpacked each time. */
  readonly #unpacked = new SizedCache<Unpacked>(64 * mebibyte);
  /** Whatever its size: its files are read one after the other. */
  #newest: { readonly key: string; readonly files: Unpacked } | undefined;

  constructor({ folder, credentialFor, networks = createNetworks([]), limits }: PackagesOptions) {
    this.#cache = createContentCache({ folder });
    this.#indexes = createChartIndexes(this.#cache);
    this.#credentialFor = credentialFor;
    this.#networks = networks;
    this.#limits = { ...defaultLimits, ...limits };
  }

  async fetch(ref: PackageRef, signal: AbortSignal): Promise<FetchedPackage> {
    const deadline = AbortSignal.timeout(this.#limits.timeoutMs);
    const credential = findCredential(this.#credentialFor, ref.credential, ref.repository);
    const options = { credential, networks: this.#networks, deadline, signal };
    const isOci = ref.repository.startsWith("oci://");
    const resolved = await (isOci
      ? resolveInRegistry(ref, options)
      : resolveInIndex(ref, { ...options, indexes: this.#indexes }));
    refuseOlder(ref, resolved, await this.#readNote(ref));
    const content = await this.#bring(ref, resolved);
    const note: Note = { version: resolved.version, digest: resolved.digest ?? content, content };
    const fetched = await this.#open(ref, note);
    // Only what can be opened: the last good one stays for the time after a restart.
    await this.#cache.writeNote(packageKey(ref), note);
    return fetched;
  }

  async recall(ref: PackageRef): Promise<FetchedPackage | undefined> {
    const note = await this.#readNote(ref);
    return note === undefined ? undefined : this.#open(ref, note).catch(() => undefined);
  }

  async #readNote(ref: PackageRef): Promise<Note | undefined> {
    const note = await this.#cache.readNote(packageKey(ref));
    const [version, digest, content] = [textAt(note, "version"), textAt(note, "digest"), textAt(note, "content")];
    if (version === undefined || digest === undefined || content === undefined) return undefined;
    return isDigest(digest) && isDigest(content) ? { version, digest, content } : undefined;
  }

  async #bring(ref: PackageRef, { content, download }: Resolved): Promise<Digest> {
    if (content !== undefined && (await this.#has(content))) return content;
    const bytes = await download(this.#limits.maxArchiveBytes);
    const found = digestOf(bytes);
    if (content !== undefined && found !== content) throw mismatch(formatPackage(ref), content, found);
    await this.#cache.write(found, bytes);
    return found;
  }

  async #has(content: Digest): Promise<boolean> {
    return this.#cache.read(content).then(
      () => true,
      () => false,
    );
  }

  async #open(ref: PackageRef, { version, digest, content }: Note): Promise<FetchedPackage> {
    const revision = version === "" ? digest : `${version}@${digest}`;
    const unpack = async (): Promise<Unpacked> => this.#unpack(ref, content);
    const files = await unpack();
    const repository = packageKey(ref);
    return { revision, snapshot: snapshotOfArchive({ repository, revision, digest: content, files, unpack }) };
  }

  async #unpack(ref: PackageRef, content: Digest): Promise<Unpacked> {
    const key = `${ref.kind} ${ref.name} ${content}`;
    const known = this.#newest?.key === key ? this.#newest.files : this.#unpacked.get(key);
    if (known !== undefined) return known;
    const files = new Map<string, Uint8Array>();
    let weight = 0;
    for (const { path, bytes } of await readTgz(await this.#cache.read(content), this.#limits.maxUnpackedBytes)) {
      const place = placeOf(ref, path);
      if (place !== undefined) files.set(place, bytes);
      weight += bytes.length + 200;
    }
    this.#newest = { key, files };
    this.#unpacked.set(key, files, weight);
    return files;
  }
}

/** Everything is below the package's name, so that places in it are not taken for places in Git; as Helm names them. */
function placeOf({ kind, name }: PackageRef, path: string): string | undefined {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  const inside = kind === "chart" ? parts.slice(1) : parts;
  return inside.length === 0 ? undefined : [name, ...inside].join("/");
}

/** A version that is gone, or a list that is not whole, must not bring an older one. */
function refuseOlder(ref: PackageRef, { version }: Resolved, before: Note | undefined): void {
  if (before === undefined || !isOlder(version, before.version)) return;
  const message = `${formatPackage(ref)} has ${before.version} no more, and ${version} is the newest in ${formatChoice(ref)}`;
  throw new DroverError("source_ref_missing", message, { hint: `to go back, name version ${version}` });
}
