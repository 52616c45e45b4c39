import type { YamlDocument } from "@drover/shared/decode";
import { DroverError, type Position } from "@drover/shared/errors";
import { isRecord, listAt, textAt } from "@drover/shared/json";
import type { Problem } from "@drover/shared/problems";

import { dependencyFiles, lockedChart, type DependencyFile, type LockedChart } from "../../core/chart-lock.ts";
import type { ValueFile } from "../../core/helm.ts";
import type { ChartRequest } from "../../core/render/chart.ts";
import { joinPath } from "../../core/repository-path.ts";
import type { Snapshot } from "../snapshot.ts";
import { chartName, isArchive, scanArchive, type Archive } from "./chart-scan.ts";

/** A file of the copy that Helm works on. */
export interface ChartFile {
  /** In the copy: `chart/…`, `values/0.yaml`. */
  readonly to: string;
  /** In the repository. */
  readonly from: string;
  readonly oid: string;
}

export interface ChartFiles {
  readonly files: readonly ChartFile[];
  /** What keeps the chart from being rendered. */
  readonly problems: readonly Problem[];
  /** Dependencies that are to be fetched first. */
  readonly wanted: readonly WantedChart[];
}

export interface WantedChart {
  readonly ref: LockedChart["ref"];
  /** Where the archive is to be in the repository. */
  readonly path: string;
  /** Where the chart asks for it. */
  readonly at: Position;
}

/** Where the chart and the value files are in the copy. */
export const copyOfChart = "chart";
export const copyOfValues = (index: number): string => `values/${index}.yaml`;

const maxFiles = 10_000;
/** Folders that are copied, and dependencies that are looked for: links and charts may name each other again and again. */
const maxVisits = 500;
const maxNesting = 8;
/** It becomes the name of a folder. */
const dependencyName = /^(?!\.{1,2}$)[-.\w]{1,200}$/u;

/** Every file that a render of the chart reads: the chart, its dependencies beside it, and the value files. */
export async function filesForHelm(snapshot: Snapshot, request: ChartRequest): Promise<ChartFiles> {
  const copy = new ChartCopy(snapshot, request.repositories);
  await copy.addChart(request.path, copyOfChart);
  for (const [index, file] of request.valueFiles.entries()) await copy.addValues(file, copyOfValues(index));
  return copy;
}

class ChartCopy implements ChartFiles {
  readonly files: ChartFile[] = [];
  readonly problems: Problem[] = [];
  readonly wanted: WantedChart[] = [];
  readonly #snapshot: Snapshot;
  readonly #repositories: ChartRequest["repositories"];
  #visits = 0;

  constructor(snapshot: Snapshot, repositories: ChartRequest["repositories"]) {
    this.#snapshot = snapshot;
    this.#repositories = repositories;
  }

  async addChart(from: string, to: string, depth = 0): Promise<void> {
    await this.#addFolder(from, to);
    // Charts of the first generation keep their dependencies in a file of their own.
    for (const file of ["Chart.yaml", "requirements.yaml"] as const) {
      const path = joinPath(from, file) ?? file;
      if (!this.#snapshot.entries.has(path)) continue;
      // Syntax errors are for Helm to explain.
      const { documents } = await this.#snapshot.decode(path);
      for (const document of documents) await this.#addDependencies(document, { from, to, depth, file });
    }
  }

  async addValues({ path, at }: ValueFile, to: string): Promise<void> {
    try {
      const { mode, oid } = await this.#snapshot.resolve(path);
      if (mode !== "folder") this.#add({ to, from: path, oid });
      else this.#problem("values-file-missing", `${path} is a folder, not a file of values`, at);
    } catch (cause) {
      const error = DroverError.from(cause);
      if (error.code !== "not_found") throw error;
      this.#problem("values-file-missing", `there is no file ${path} in the repository`, at);
    }
  }

  async #addFolder(from: string, to: string, depth = 0): Promise<void> {
    const at = { file: from, line: 1, column: 1 };
    this.#visit(at);
    if (depth > maxNesting) throw new DroverError("document_invalid", `links below ${from} lead in a circle`, { at });
    const prefix = from === "" ? "" : `${from}/`;
    for (const entry of this.#snapshot.entries.values()) {
      if (!entry.path.startsWith(prefix)) continue;
      if (entry.mode === "submodule") {
        const message = `${entry.path} is a submodule, whose files are in another repository`;
        throw new DroverError("document_invalid", message, { at: { file: entry.path, line: 1, column: 1 } });
      }
      const below = `${to}/${entry.path.slice(prefix.length)}`;
      const target = entry.mode === "symlink" ? await this.#snapshot.resolve(entry.path) : entry;
      if (target.mode === "folder") await this.#addFolder(target.path, below, depth + 1);
      else this.#add({ to: below, from: entry.path, oid: target.oid });
    }
  }

  #add(file: ChartFile): void {
    this.files.push(file);
    if (this.files.length <= maxFiles) return;
    const at = { file: file.from, line: 1, column: 1 };
    throw new DroverError("input_too_large", `the chart has more than ${maxFiles} files`, { at });
  }

  #visit(at: Position): void {
    this.#visits += 1;
    if (this.#visits <= maxVisits) return;
    throw new DroverError("input_too_large", `the chart has more than ${maxVisits} folders and dependencies`, { at });
  }

  async #addDependencies(document: YamlDocument, chart: Place): Promise<void> {
    for (const [index, dependency] of listAt(document.value, "dependencies").entries()) {
      const name = textAt(dependency, "name");
      const at = document.positionOf(["dependencies", index]);
      this.#visit(at);
      if (!isRecord(dependency) || name === undefined || (await this.#isVendored(name, chart.to))) continue;
      if (!dependencyName.test(name)) throw new DroverError("document_invalid", "this is no name of a chart", { at });
      const repository = textAt(dependency, "repository") ?? "";
      if (repository.startsWith("file://")) await this.#addLocal({ name, path: repository.slice(7), at }, chart);
      else await this.#want({ document, index, at }, chart);
    }
  }

  /** One that is elsewhere is fetched before the chart is rendered, and is then in the folder `charts`. */
  async #want(
    { document, index, at }: { readonly document: YamlDocument; readonly index: number; readonly at: Position },
    { from, file }: Place,
  ): Promise<void> {
    const path = joinPath(from, dependencyFiles[file]) ?? "";
    const lock = this.#snapshot.entries.has(path) ? (await this.#snapshot.decode(path)).documents[0] : undefined;
    const chart = { chart: document.value, file, lock: lock?.value, repositories: this.#repositories };
    const found = lockedChart(chart, index);
    if ("ref" in found) this.wanted.push({ ref: found.ref, path: joinPath(from, `charts/${found.file}`) ?? "", at });
    else this.#problem("helm-dependency-missing", found.message, at, found.hint);
  }

  /** A chart elsewhere in the repository needs no copy in `charts`. */
  async #addLocal(local: { readonly name: string; readonly path: string; readonly at: Position }, chart: Place) {
    const { name, at } = local;
    const path = local.path.startsWith("/") ? undefined : joinPath(chart.from, local.path);
    if (path === undefined || chart.depth >= maxNesting) {
      const message = `the dependency ${name} leads out of the repository or in a circle`;
      this.#problem("helm-dependency-missing", message, at);
    } else if (!this.#snapshot.entries.has(joinPath(path, "Chart.yaml") ?? "")) {
      this.#problem("helm-dependency-missing", `there is no chart in ${path}, which is to be ${name}`, at);
    } else if (this.files.some((file) => `${file.to}/`.startsWith(`${chart.to}/charts/${name}/`))) {
      this.#problem("helm-dependency-missing", `charts/${name} is there already, and is not the chart ${name}`, at);
    } else await this.addChart(path, `${chart.to}/charts/${name}`, chart.depth + 1);
  }

  async #isVendored(name: string, chart: string): Promise<boolean> {
    for (const { to, from, oid } of this.files) {
      if (!to.startsWith(`${chart}/charts/`)) continue;
      const below = to.slice(`${chart}/charts/`.length);
      if (/^[^/]+\/Chart\.yaml$/u.test(below) && chartName(await this.#snapshot.read(from)) === name) return true;
      if (isArchive(`charts/${below}`) && (await openArchive(this.#snapshot, { to, from, oid })).name === name)
        return true;
    }
    return false;
  }

  #problem(code: string, message: string, at: Position, hint?: string): void {
    this.problems.push({ code, severity: "error", message, at, ...(hint === undefined ? {} : { hint }) });
  }
}

interface Place {
  readonly from: string;
  readonly to: string;
  readonly depth: number;
  readonly file: DependencyFile;
}

/** `scanArchive`, with the place in what it throws. */
export async function openArchive(snapshot: Snapshot, { from, oid }: ChartFile): Promise<Archive> {
  try {
    // Whoever can make two contents with one id reaches no other repository.
    return await scanArchive(`${snapshot.repository} ${oid}`, () => snapshot.read(from));
  } catch (cause) {
    const { code, message } = DroverError.from(cause);
    throw new DroverError(code, `${from}: ${message}`, { at: { file: from, line: 1, column: 1 }, cause });
  }
}
