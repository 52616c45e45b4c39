import type { Disk } from "@drover/agent/store/disk";

/** What an SSD takes until a file and its folder have reached it. */
const syncMs = 2;

/**
 * The disk of one agent, in memory: each has its own, and the work of one machine's kernel for a thousand of them at once is
 * not what is measured.
 */
export class AgentDisk implements Pick<Disk, "read" | "replace"> {
  readonly #files = new Map<string, Buffer>();

  read(path: string): Promise<Buffer> {
    const content = this.#files.get(path);
    if (content !== undefined) return Promise.resolve(content);
    return Promise.reject(Object.assign(new Error(`there is no ${path}`), { code: "ENOENT" }));
  }

  replace(path: string, content: Uint8Array | string, { durable }: { readonly durable: boolean }): Promise<void> {
    return new Promise((resolve) => {
      const written = (): void => {
        this.#files.set(path, Buffer.from(content));
        resolve();
      };
      if (durable) setTimeout(written, syncMs);
      else written();
    });
  }
}
