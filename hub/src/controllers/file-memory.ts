import type { ReadFile } from "../core/render/loaded.ts";
import type { FileMemory } from "../core/render/plain.ts";

interface Known {
  readonly oid: string;
  readonly read: ReadFile;
}

/**
 * What the plain files of one application held when it was rendered last, by path: a commit reads what it changes, and
 * the render before it and the next one share everything else. It is bounded as what an application renders is.
 */
export class RememberedFiles {
  readonly #repository: string;
  readonly #files: ReadonlyMap<string, Known>;

  /** Contents are told apart by their ids within one repository only: its author may be able to make two with one. */
  constructor(repository: string, files: ReadonlyMap<string, Known> = new Map()) {
    this.#repository = repository;
    this.#files = files;
  }

  /** For one render, which remembers what it has looked at and nothing else. */
  begin(repository: string): { readonly memory: FileMemory; finish(): RememberedFiles } {
    const next = new Map<string, Known>();
    const known = repository === this.#repository ? this.#files : new Map<string, Known>();
    return {
      memory: {
        get({ path, oid }) {
          const before = known.get(path);
          return before?.oid === oid ? before.read : undefined;
        },
        set: ({ path, oid }, read) => void next.set(path, { oid, read }),
      },
      finish: () => new RememberedFiles(repository, next),
    };
  }
}
