import { digestOf, isDigest, type Digest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import { textAt } from "@drover/shared/json";

import { formatChoice, formatPackage, packageKey, type PackageRef } from "../../core/package.ts";
import { isOlder, pickVersion } from "../../core/version-range.ts";
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
  readonly archive: Archive;
}

/** As it was fetched. */
export interface Archive {
  readonly digest: Digest;
  /** Throws `blob_missing` when it is not on disk any more. */
  read(): Promise<Uint8Array>;
}

/** Charts and artifacts that were published outside of Git. */
export interface Packages {
  /**
   * Looks what the reference names now and brings it here when it is not. What is locked and here is not looked for.
   * Throws what `resolveInRegistry` throws, `source_auth` for a credential that is not there, and `digest_mismatch` for
   * another archive than the one that is locked.
   */
  fetch(ref: PackageRef, signal: AbortSignal): Promise<FetchedPackage>;
  /** What it named the last time, as far as that is still on disk. */
  recall(ref: PackageRef): Promise<FetchedPackage | undefined>;
}

export interface PackagesOptions {
  readonly folder: string;
  readonly credentialFor: CredentialFor;
  /** What archives that are to stay the same were when they were fetched first. Default: for as long as this lives. */
  readonly pins?: Pins;
  /** Where they may be. Default: as for all that files in Git name. */
  readonly networks?: Networks;
  readonly limits?: Partial<typeof defaultLimits>;
}

/** Digests by what names an archive. */
export interface Pins {
  get(name: string): Digest | undefined;
  set(name: string, digest: Digest): unknown;
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
  readonly #pins: Pins;
  readonly #limits: typeof defaultLimits;
  /** What is rendered again and again need not be unpacked each time. */
  readonly #unpacked = new SizedCache<Unpacked>(64 * mebibyte);
  /** Whatever its size: its files are read one after the other. */
  #newest: { readonly key: string; readonly files: Unpacked } | undefined;

  constructor(options: PackagesOptions) {
    const { folder, credentialFor, networks = createNetworks([]), pins = new Map<string, Digest>(), limits } = options;
    this.#cache = createContentCache({ folder });
    this.#indexes = createChartIndexes(this.#cache);
    this.#credentialFor = credentialFor;
    this.#networks = networks;
    this.#pins = pins;
    this.#limits = { ...defaultLimits, ...limits };
  }

  async fetch(ref: PackageRef, signal: AbortSignal): Promise<FetchedPackage> {
    const note = ref.locked === undefined ? await this.#look(ref, signal) : await this.#lookLocked(ref, signal);
    const fetched = await this.#open(ref, note);
    if (ref.locked !== undefined) {
      await checkChart(ref, fetched.snapshot);
      // What one application's Git says of an archive is not for others.
      const isFirst = ref.locked.digest === "" && this.#pins.get(pinName(ref)) === undefined;
      if (isFirst) this.#pins.set(pinName(ref), note.content);
    }
    // Only what can be opened: the last good one stays for the time after a restart.
    await this.#cache.writeNote(packageKey(ref), note);
    return fetched;
  }

  async #lookLocked(ref: PackageRef, signal: AbortSignal): Promise<Note> {
    const written = ref.locked?.digest ?? "";
    const pinned = isDigest(written) ? written : this.#pins.get(pinName(ref));
    const note = await this.#readNote(ref);
    // Fetched for this very reference: what others have brought here may be private, and a digest is no secret.
    if (note !== undefined && note.content === pinned && (await this.#has(pinned))) return note;
    return this.#look(ref, signal, pinned);
  }

  /** `pinned` is what the archive has to be. */
  async #look(ref: PackageRef, signal: AbortSignal, pinned?: Digest): Promise<Note> {
    const deadline = AbortSignal.timeout(this.#limits.timeoutMs);
    const credential = findCredential(this.#credentialFor, ref.credential, ref.repository);
    const options = { credential, networks: this.#networks, deadline, signal };
    const isOci = ref.repository.startsWith("oci://");
    const resolved = await (isOci
      ? resolveInRegistry(ref, options)
      : resolveInIndex(ref, { ...options, indexes: this.#indexes }));
    refuseOlder(ref, resolved, await this.#readNote(ref));
    const content = await this.#bring(ref, resolved, pinned);
    return { version: resolved.version, digest: resolved.digest ?? content, content };
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

  async #bring(ref: PackageRef, { content, download }: Resolved, pinned: Digest | undefined): Promise<Digest> {
    if (pinned !== undefined && content !== undefined && content !== pinned) throw republished(ref, pinned, content);
    if (content !== undefined && (await this.#has(content))) return content;
    const bytes = await download(this.#limits.maxArchiveBytes);
    const found = digestOf(bytes);
    if (content !== undefined && found !== content) throw mismatch(formatPackage(ref), content, found);
    if (pinned !== undefined && found !== pinned) throw republished(ref, pinned, found);
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
    const snapshot = snapshotOfArchive({ repository, revision, digest: content, files, unpack });
    return { revision, snapshot, archive: { digest: content, read: async () => this.#cache.read(content) } };
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

/** Whoever sees a repository at all is to see the same archive in it. */
function pinName({ repository, name, version }: PackageRef): string {
  return `${repository}/${name} ${version}`;
}

function republished(ref: PackageRef, pinned: Digest, found: Digest): DroverError {
  const { repository, name, version, locked } = ref;
  const before = locked?.digest === pinned ? "that Git gives" : "that was fetched first";
  const message = `${repository}/${name} ${version} is another archive than the one ${before}: ${found} instead of ${pinned}`;
  const hint = `if it was published anew on purpose, write ${name}-${version}: ${found} into digests of the repository in spec.helm`;
  return new DroverError("digest_mismatch", message, { hint });
}

/** Helm would leave out what is called otherwise than the dependency. */
async function checkChart(ref: PackageRef, snapshot: Snapshot): Promise<void> {
  const { documents } = await snapshot.decode(`${ref.name}/Chart.yaml`).catch(() => ({ documents: [] }));
  const [name, version] = [textAt(documents[0]?.value, "name"), textAt(documents[0]?.value, "version")];
  if (name === ref.name && pickVersion(ref.version, [version ?? ""]) !== undefined) return;
  const message = `the archive of ${formatPackage(ref)} ${ref.version} holds ${name ?? "no chart"} ${version ?? ""}`;
  throw new DroverError("document_invalid", message.trimEnd());
}

/** A version that is gone, or a list that is not whole, must not bring an older one. */
function refuseOlder(ref: PackageRef, { version }: Resolved, before: Note | undefined): void {
  if (before === undefined || !isOlder(version, before.version)) return;
  const message = `${formatPackage(ref)} has ${before.version} no more, and ${version} is the newest in ${formatChoice(ref)}`;
  throw new DroverError("source_ref_missing", message, { hint: `to go back, name version ${version}` });
}
