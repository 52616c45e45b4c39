import { execFile } from "node:child_process";
import path from "node:path";

const folder = import.meta.dirname;
const programs = path.join(folder, "..", "node_modules", ".bin");

export const generatedFolder = path.join(folder, "src", "gen");

/** Runs the pinned buf in this folder, with the generator of the workspace on its path. Rejects with buf's own words. */
export function runBuf(args: readonly string[]): Promise<void> {
  const env = { ...process.env, PATH: `${programs}${path.delimiter}${process.env["PATH"] ?? ""}` };
  return new Promise((resolve, reject) => {
    execFile(path.join(programs, "buf"), args, { cwd: folder, env }, (failure, stdout, stderr) => {
      if (failure === null) return resolve();
      reject(new Error(`buf ${args.join(" ")}\n${stdout}${stderr}`.trimEnd(), { cause: failure }));
    });
  });
}
