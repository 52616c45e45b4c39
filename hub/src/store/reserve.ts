import { existsSync, rmSync, statSync } from "node:fs";
import { open, statfs } from "node:fs/promises";
import { dirname } from "node:path";

/** Room that is kept on the disk for what has to be written when there is no other: SQLite needs some even to delete. */
export interface Reserve {
  /** False from the moment at which the disk was full until there is room again. */
  readonly held: boolean;
  /** Gives the room away. False when that was done before. */
  release(): boolean;
  /** Takes it, once there is twice as much. */
  refill(): Promise<void>;
}

const chunk = new Uint8Array(1024 * 1024);

/** A file of that size, which an earlier process may have left. 0 bytes: there is none, and the disk is never called full. */
export function createReserve(file: string, bytes: number): Reserve {
  let held = bytes === 0 || (existsSync(file) && statSync(file).size >= bytes);
  return {
    get held() {
      return held;
    },
    release() {
      if (bytes === 0 || !existsSync(file)) return false;
      rmSync(file);
      held = false;
      return true;
    },
    async refill() {
      if (held) return;
      const { bavail, bsize } = await statfs(dirname(file));
      if (bavail * bsize < 2 * bytes) return;
      try {
        await fill(file, bytes);
        held = true;
      } catch {
        rmSync(file, { force: true });
      }
    },
  };
}

/** Zeros, and not a hole: only what is written takes room. */
async function fill(file: string, bytes: number): Promise<void> {
  await using handle = await open(file, "w", 0o600);
  for (let written = 0; written < bytes;) {
    const { bytesWritten } = await handle.write(chunk.subarray(0, Math.min(chunk.length, bytes - written)));
    written += bytesWritten;
  }
  await handle.sync();
}
