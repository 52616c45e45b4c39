import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { generatedFolder, runBuf } from "./buf.ts";

const staging = mkdtempSync(path.join(tmpdir(), "drover-proto-"));
const checks = [
  runBuf(["lint"]),
  runBuf(["format", "--diff", "--exit-code"]),
  runBuf(["generate", "--output", staging]).then(() => compareGenerated(path.join(staging, "src", "gen"))),
  ...(committedBefore() ? [runBuf(["breaking", "--against", "../.git#ref=HEAD~1,subdir=proto"])] : []),
];
const failures = (await Promise.allSettled(checks)).filter((result) => result.status === "rejected");
rmSync(staging, { recursive: true });
for (const { reason } of failures) console.error(reason instanceof Error ? reason.message : reason);
process.exitCode = failures.length === 0 ? 0 : 1;

/** Whether there is an older contract to keep; a shallow clone and the first commit have none. */
function committedBefore(): boolean {
  try {
    execFileSync("git", ["cat-file", "-e", "HEAD~1:proto/buf.yaml"], { cwd: import.meta.dirname, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function compareGenerated(fresh: string): void {
  const files = new Set([...listFiles(fresh), ...listFiles(generatedFolder)]);
  const stale = [...files].filter((file) => read(fresh, file) !== read(generatedFolder, file));
  if (stale.length > 0)
    throw new Error(`generated code is not what proto/ says, run pnpm generate: ${stale.join(", ")}`);
}

function listFiles(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

function read(folder: string, file: string): string | undefined {
  try {
    return readFileSync(path.join(folder, file), "utf8");
  } catch {
    return undefined;
  }
}
