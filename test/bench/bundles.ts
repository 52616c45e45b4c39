import { execFileSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
let built = false;

/** Path of a shipped program, built from the sources as they are now. */
export function bundle(name: "hub" | "agent" | "drover"): string {
  if (!built) execFileSync(process.execPath, [join(root, "deploy", "build.ts")], { stdio: "ignore" });
  built = true;
  return join(root, "dist", `${name}.mjs`);
}
