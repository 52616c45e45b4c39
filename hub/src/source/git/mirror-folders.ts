import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { digestOf } from "@drover/shared/digest";

import type { RemoteAddress } from "./address.ts";

/** Bare mirrors on disk, one folder a source. */
export class MirrorFolders {
  readonly #root: string;
  readonly #kept = new Map<string, string>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Another address is another mirror, even under the same name. */
  of(name: string, { url }: RemoteAddress): string {
    return join(this.#root, `${name}-${digestOf(url).slice("sha256:".length).slice(0, 12)}`);
  }

  /** Deletes what was fetched from addresses that a source had before. */
  async keepOnly(name: string, folder: string): Promise<void> {
    if (this.#kept.get(name) === folder) return;
    await this.#delete(name, folder);
    this.#kept.set(name, folder);
  }

  async forget(name: string): Promise<void> {
    this.#kept.delete(name);
    await this.#delete(name, undefined);
  }

  async #delete(name: string, except: string | undefined): Promise<void> {
    for (const entry of await list(this.#root)) {
      const folder = join(this.#root, entry);
      const isOwn = entry.length === name.length + 13 && entry.startsWith(`${name}-`);
      if (isOwn && folder !== except) await rm(folder, { recursive: true, force: true });
    }
  }
}

async function list(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}
