import { DroverError, type Position } from "@drover/shared/errors";
import type { Problem } from "@drover/shared/problems";

import { isKustomization } from "./kustomization.ts";
import type { PartSink, ReadFile } from "./loaded.ts";
import { readFile } from "./objects.ts";
import type { SnapshotFile, SnapshotFiles } from "./snapshot-files.ts";

/** What to read, and where it is said. */
export interface PlainFiles {
  readonly folder: string;
  /** From the folder. */
  readonly exclude: readonly string[];
  readonly at: Position;
  readonly memory?: FileMemory | undefined;
}

/** What files held, by path and content. It says itself what it keeps: what it does not know is read. */
export interface FileMemory {
  get(file: SnapshotFile): ReadFile | undefined;
  set(file: SnapshotFile, read: ReadFile): void;
}

/**
 * Reads every YAML and JSON file under the folder into the sink, and tells what is wrong with them. Folders that another
 * renderer is for are left out, and named.
 */
export async function loadPlain(
  snapshot: SnapshotFiles,
  wanted: PlainFiles,
  sink: PartSink,
  signal: AbortSignal,
): Promise<readonly Problem[]> {
  const { folder } = wanted;
  const problems: Problem[] = [];
  const files = withoutExcluded(filesUnder(snapshot, folder), wanted, problems);
  const foreign = foreignFolders(files, folder, problems);
  for (const file of files) {
    signal.throwIfAborted();
    if (sink.isFull) break;
    if (foreign.some((prefix) => file.path.startsWith(prefix))) continue;
    try {
      const path = await readableFile(snapshot, file, problems);
      if (path === undefined) continue;
      const read = await readRemembered(snapshot, path, wanted.memory);
      sink.take(read.parts);
      problems.push(...read.problems);
    } catch (cause) {
      problems.push(problemOf(cause, file.path));
    }
  }
  return problems;
}

/** A link is another file when it leads to other content. */
async function readRemembered(snapshot: SnapshotFiles, path: string, memory?: FileMemory): Promise<ReadFile> {
  const { oid, mode } = await snapshot.resolve(path);
  const file = { path, oid, mode };
  const read = memory?.get(file) ?? readFile(await snapshot.decode(path));
  memory?.set(file, read);
  return read;
}

/** In the order of their paths; hidden files and folders (.github …) configure tools, not clusters. */
function filesUnder({ entries }: SnapshotFiles, folder: string): readonly SnapshotFile[] {
  const prefix = folder === "" ? "" : `${folder}/`;
  return [...entries.values()]
    .filter(({ path }) => path.startsWith(prefix) && !/(?:^|\/)\./u.test(path.slice(prefix.length)))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function withoutExcluded(
  files: readonly SnapshotFile[],
  { folder, exclude, at }: PlainFiles,
  problems: Problem[],
): readonly SnapshotFile[] {
  let left = files;
  for (const name of exclude) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const kept = left.filter((file) => file.path !== path && !file.path.startsWith(`${path}/`));
    if (kept.length === left.length) {
      const message = `there is no ${name} to exclude in ${folder === "" ? "the root" : folder}`;
      problems.push({ code: "exclude-no-match", severity: "warning", message, at });
    }
    left = kept;
  }
  return left;
}

function foreignFolders(files: readonly SnapshotFile[], folder: string, problems: Problem[]): readonly string[] {
  const prefixes: string[] = [];
  for (const { path } of files) {
    const what = isKustomization(path) ? "a kustomization" : /(?:^|\/)Chart\.yaml$/u.test(path) ? "a Helm chart" : "";
    if (what === "" || prefixes.some((prefix) => path.startsWith(prefix))) continue;
    const own = path.slice(0, path.lastIndexOf("/") + 1);
    // Asked for as plain files by name: then the kustomization is just not one of the objects.
    if (own === (folder === "" ? "" : `${folder}/`)) {
      if (what === "a Helm chart")
        problems.push(leftOut(path, "makes its folder a Helm chart, which is no plain YAML", "error"));
      prefixes.push(what === "a Helm chart" ? own : path);
    } else {
      problems.push(leftOut(path, `makes its folder ${what}, which is left out here`, "warning"));
      prefixes.push(own);
    }
  }
  return prefixes;
}

function leftOut(path: string, why: string, severity: Problem["severity"]): Problem {
  const at = { file: path, line: 1, column: 1 };
  const hint = severity === "error" ? "set renderer: helm" : "make it an application of its own";
  return { code: "other-renderer", severity, message: `${path} ${why}`, at, hint };
}

/** The path to decode; undefined for what is no YAML or JSON. Links out of the repository are refused whatever they are called. */
async function readableFile(
  snapshot: SnapshotFiles,
  file: SnapshotFile,
  problems: Problem[],
): Promise<string | undefined> {
  if (file.mode === "submodule") {
    throw new DroverError("document_invalid", `${file.path} is a submodule, whose files are in another repository`);
  }
  if (file.mode === "symlink") {
    const { mode, path } = await snapshot.resolve(file.path);
    if (mode === "folder") {
      problems.push(leftOut(file.path, `is a link to the folder ${path}, which is not followed`, "warning"));
      return undefined;
    }
  }
  return /\.(?:ya?ml|json)$/iu.test(file.path) ? file.path : undefined;
}

const fileProblems: ReadonlyMap<string, string> = new Map([
  ["input_too_large", "file-too-large"],
  ["not_found", "file-missing"],
  ["document_invalid", "file-invalid"],
]);

/** What is wrong with one file is a problem of it; anything else stops the render. */
function problemOf(cause: unknown, path: string): Problem {
  const error = DroverError.from(cause);
  const code = fileProblems.get(error.code);
  if (code === undefined) throw error;
  const at = error.at ?? { file: path, line: 1, column: 1 };
  return {
    code,
    severity: "error",
    message: error.message,
    at,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}
