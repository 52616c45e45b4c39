import { createHash } from "node:crypto";

import type { GitObjects, TreeItem } from "@drover/hub/source/git/git-objects";
import type { Commit, Mirror } from "@drover/hub/source/git/mirror";
import { createSnapshotCache } from "@drover/hub/source/snapshot-cache";
import { DroverError } from "@drover/shared/errors";

import type { Chance } from "./random.ts";
import type { Life, Time } from "./time.ts";

export type Files = ReadonlyMap<string, string>;

/** A Git repository in memory: immutable objects by id, and one branch. */
export class SimulatedRepository {
  readonly #time: Time;
  readonly #trees = new Map<string, readonly TreeItem[]>();
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #commits = new Map<string, { readonly commit: Omit<Commit, "ref">; readonly tree: string }>();
  #head: string | undefined;
  /** While false it cannot be fetched. */
  reachable = true;

  constructor(time: Time) {
    this.#time = time;
  }

  /** Makes these the files of the newest commit. */
  commit(files: Files, message: string): string {
    const tree = this.#writeTree(files);
    const committedAtMs = this.#time.now;
    const parents = this.#head === undefined ? [] : [this.#head];
    const id = idOf("commit", `${tree} ${this.#head ?? ""} ${committedAtMs} ${message}`);
    this.#commits.set(id, { commit: { id, message, author: "somebody", emails: [], parents, committedAtMs }, tree });
    this.#head = id;
    return id;
  }

  /** The mirror of one life of a hub. */
  mirrorFor(life: Life, chance: Chance): Mirror {
    const objects = this.#objects();
    return {
      cache: createSnapshotCache(),
      objects: () => Promise.resolve(objects),
      forget: () => Promise.resolve(),
      // Nobody rewrites its history.
      ancestry: () => Promise.resolve("descends"),
      fetch: (_source, signal) =>
        new Promise((resolve, reject) => {
          this.#time.schedule(chance.between(5, 400), `${life.name} fetch`, () => {
            if (!life.alive) return;
            if (signal.aborted) return reject(DroverError.from(signal.reason));
            const newest = this.#head === undefined ? undefined : this.#commits.get(this.#head)?.commit;
            if (this.reachable && newest !== undefined) resolve({ ...newest, ref: "main" });
            else reject(new DroverError("source_unreachable", "the repository cannot be reached"));
          });
        }),
    };
  }

  #objects(): GitObjects {
    const found = <T>(value: T | undefined): Promise<T> =>
      value === undefined
        ? Promise.reject(new DroverError("source_unreachable", "there is no such object"))
        : Promise.resolve(value);
    return {
      readCommit: (id) => found(this.#commits.get(id)?.commit),
      readTree: (oid) => found(this.#trees.get(this.#commits.get(oid)?.tree ?? oid)),
      readBlob: (oid) => found(this.#blobs.get(oid)),
      readRaw: () => found<never>(undefined),
      has: (oid) => Promise.resolve(this.#commits.has(oid) || this.#blobs.has(oid) || this.#trees.has(oid)),
      cache: {},
      forgetPacks: () => undefined,
    };
  }

  #writeTree(files: Files): string {
    const folders = new Map<string, Map<string, string>>();
    const items: TreeItem[] = [];
    for (const [path, text] of files) {
      const slash = path.indexOf("/");
      if (slash === -1) {
        const oid = idOf("blob", text);
        if (!this.#blobs.has(oid)) this.#blobs.set(oid, new TextEncoder().encode(text));
        items.push({ name: path, oid, mode: "file" });
      } else {
        const name = path.slice(0, slash);
        const below = folders.get(name) ?? new Map<string, string>();
        folders.set(name, below.set(path.slice(slash + 1), text));
      }
    }
    for (const [name, below] of folders) items.push({ name, oid: this.#writeTree(below), mode: "folder" });
    items.sort((a, b) => (a.name < b.name ? -1 : 1));
    const oid = idOf("tree", JSON.stringify(items));
    this.#trees.set(oid, items);
    return oid;
  }
}

function idOf(kind: string, text: string): string {
  return createHash("sha1").update(`${kind} ${text}`).digest("hex");
}
