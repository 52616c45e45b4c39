import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Where programs are looked for: PATH, XDG_CACHE_HOME, DROVER_RIG_CACHE. The programs themselves get none of it. */
export type ProgramEnvironment = Readonly<Record<string, string | undefined>>;

/** The folder of tools that `npm run rig` installs, whose versions are known. */
export function rigTools(environment: ProgramEnvironment): string {
  const caches = environment["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(environment["DROVER_RIG_CACHE"] ?? join(caches, "drover"), "tools-v35");
}

export function pathFolders(environment: ProgramEnvironment): readonly string[] {
  return (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
}

export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
