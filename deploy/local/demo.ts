import { execFileSync } from "node:child_process";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";

import { DroverError } from "@drover/shared/errors";

/** Makes the sample repository, an ordinary Git work tree, unless it is there. Returns whether it was made. */
export function prepareDemo(folder: string): boolean {
  if (existsSync(join(folder, ".git"))) return false;
  cpSync(join(import.meta.dirname, "demo"), folder, { recursive: true });
  git(folder, "init", "--quiet", "--initial-branch=main");
  git(folder, "add", "--all");
  const identity = ["-c", "user.name=Drover", "-c", "user.email=drover@localhost"];
  git(folder, ...identity, "commit", "--quiet", "--message", "Two applications for three clusters");
  return true;
}

function git(folder: string, ...args: readonly string[]): void {
  try {
    execFileSync("git", ["-C", folder, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  } catch (cause) {
    throw new DroverError("program_missing", "the sample repository could not be made with git", {
      hint: "install git, or remove drover-demo and start again",
      cause,
    });
  }
}
