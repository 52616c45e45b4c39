import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A disk of a few MiB that is really full when it is filled. */
export interface SmallDisk extends Disposable {
  readonly path: string;
  /** Leaves no room at all. */
  fill(): void;
  free(): void;
  /** Takes no writes, or takes them again. */
  setReadOnly(readOnly: boolean): void;
}

/** undefined without leave to mount one. */
export function mountSmallDisk(mib: number): SmallDisk | undefined {
  const path = mkdtempSync(join(tmpdir(), "drover-disk-"));
  if (spawnSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", path]).status !== 0) {
    rmSync(path, { recursive: true });
    return undefined;
  }
  const filler = join(path, "filler");
  return {
    path,
    fill() {
      fillUp(filler);
      if (statfsSync(path).bavail > 1) throw new Error(`${path} could not be filled`);
    },
    free: () => rmSync(filler, { force: true }),
    setReadOnly(readOnly) {
      const { status } = spawnSync("mount", ["-o", `remount,${readOnly ? "ro" : "rw"}`, path]);
      if (status !== 0) throw new Error(`${path} could not be mounted anew`);
    },
    [Symbol.dispose]() {
      spawnSync("umount", ["--lazy", path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Lets the file grow until its disk has no room for another 4 KiB. */
export function fillUp(file: string): void {
  for (let kib = 1024; kib >= 4; kib /= 2) while (append(file, kib * 1024));
}

function append(file: string, bytes: number): boolean {
  try {
    writeFileSync(file, new Uint8Array(bytes), { flag: "a" });
    return true;
  } catch {
    return false;
  }
}
