import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

import { DroverError } from "@drover/shared/errors";

import { maxPrintedBytes } from "../../core/render/limits.ts";
import type { Snapshot } from "../snapshot.ts";
import { runBounded, withoutNetwork } from "./bounded-process.ts";
import { filesForKustomize } from "./kustomize-files.ts";
import { isExecutable, pathFolders, rigTools, type ProgramEnvironment } from "./programs.ts";

export interface KustomizeOptions {
  readonly environment: ProgramEnvironment;
}

/**
 * Builds the kustomization in a folder of the snapshot. Throws `program_missing`, `timeout`, and for what the repository
 * is to blame for `render_failed`, `document_invalid` and `input_too_large`.
 */
export type Kustomize = (snapshot: Snapshot, path: string, signal: AbortSignal) => Promise<Uint8Array>;

const maxInputBytes = 64 * 1024 * 1024;
const limits = { timeoutMs: 60_000, cpuSeconds: 60, maxOutputBytes: maxPrintedBytes, maxAddressKiB: 1_300_000 };

/**
 * Runs the real program on a copy of the files that it needs, and of no others, in a process with an empty environment,
 * bounded time, memory and output, and nothing to reach a network with.
 */
export function createKustomize({ environment }: KustomizeOptions): Kustomize {
  return async (snapshot, path, signal) => {
    const files = await filesForKustomize(snapshot, path);
    const command = await findCommand(environment);
    const folder = await mkdtemp(join(tmpdir(), "drover-kustomize-"));
    try {
      const root = join(folder, "repository");
      await writeFiles(snapshot, files, root, signal);
      const { output, complaint, failed } = await runBounded(
        { command: [...(await withoutNetwork()), ...command, join(root, path)], workFolder: folder, ...limits },
        signal,
      );
      if (!failed) return output;
      throw new DroverError("render_failed", `kustomize: ${explain(complaint, root)}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

/** Links to files become files, so that the program follows nothing; links to folders stay links within the copy. */
async function writeFiles(
  snapshot: Snapshot,
  files: readonly string[],
  root: string,
  signal: AbortSignal,
): Promise<void> {
  let bytesLeft = maxInputBytes;
  for (const file of files) {
    signal.throwIfAborted();
    const to = join(root, file);
    await mkdir(dirname(to), { recursive: true });
    const target = await snapshot.resolve(file);
    if (target.mode === "folder") {
      await symlink(relative(dirname(to), join(root, target.path)), to);
      continue;
    }
    const bytes = await snapshot.read(file);
    bytesLeft -= bytes.length;
    if (bytesLeft < 0) throw new DroverError("input_too_large", "the files of the kustomization are more than 64 MiB");
    refuseRemotePath(file, bytes);
    await writeFile(to, bytes);
  }
}

/**
 * Configuration of a built-in transformer or generator may name a file by URL, which kustomize would fetch. Where there
 * are no network namespaces this is what keeps it from the hub's own ports; hosts elsewhere the proxy setting keeps out.
 */
function refuseRemotePath(file: string, bytes: Uint8Array): void {
  const text = new TextDecoder("latin1").decode(bytes);
  if (!text.includes("builtin") || !/\bpath\\?["']?\s*:\s*\\?["']?https?:/iu.test(text)) return;
  throw new DroverError("document_invalid", `${file} names a remote file, and remote files are not read`, {
    at: { file, line: 1, column: 1 },
    hint: "copy it into the repository",
  });
}

/** The rig's kubectl has a known version; kustomize's own program comes before whatever kubectl is installed. */
async function findCommand(environment: ProgramEnvironment): Promise<readonly string[]> {
  const folders = pathFolders(environment);
  const candidates: (readonly [string, string])[] = [
    [join(rigTools(environment), "kubectl"), "kustomize"],
    ...folders.map((folder) => [join(folder, "kustomize"), "build"] as const),
    ...folders.map((folder) => [join(folder, "kubectl"), "kustomize"] as const),
  ];
  for (const command of candidates) if (await isExecutable(command[0])) return command;
  throw new DroverError("program_missing", "kustomize cannot run: neither kustomize nor kubectl is on the hub's PATH", {
    hint: "install kubectl where the hub runs, or write the application as plain YAML",
  });
}

/** The program's own words about the repository's files, without the place of the copy. */
function explain(complaint: string, root: string): string {
  const lines = complaint
    .replaceAll(`${root}/`, "")
    .replaceAll(root, ".")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("# Warning"));
  return (
    lines
      .join(" ")
      .replace(/^error: /iu, "")
      .slice(0, 2000) || "the program failed without a word"
  );
}
