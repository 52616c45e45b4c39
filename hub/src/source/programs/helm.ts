import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { canonicalJson, digestOf } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import type { Problem } from "@drover/shared/problems";

import type { ChartOutput, ChartRequest } from "../../core/render/chart.ts";
import { explainHelm } from "../../core/render/helm-complaint.ts";
import { maxPrintedBytes } from "../../core/render/limits.ts";
import { findLooks, looksAtNothing, mergeLooks, type Looks, type Question } from "../../core/render/looks.ts";
import { isRevisionFault } from "../../core/render/revision-fault.ts";
import { SizedCache } from "../sized-cache.ts";
import type { Snapshot } from "../snapshot.ts";
import { runBounded, withoutNetwork, type BoundedResult } from "./bounded-process.ts";
import {
  copyOfChart,
  copyOfValues,
  filesForHelm,
  openArchive,
  type ChartFile,
  type ChartFiles,
  type WantedChart,
} from "./chart-files.ts";
import { isArchive, mergeScans, scanFile, type Scan } from "./chart-scan.ts";
import { createOwnApis } from "./helm-own-apis.ts";
import { isExecutable, pathFolders, rigTools, type ProgramEnvironment } from "./programs.ts";

export interface HelmOptions {
  readonly environment: ProgramEnvironment;
  readonly limits?: Partial<typeof defaultLimits>;
}

export interface Helm {
  /** Equal when a render would read nothing else than before: files, values, parameters and the program. */
  key(snapshot: Snapshot, request: ChartRequest): Promise<string>;
  /** Archives that the chart depends on and that are to be in the snapshot before it is rendered. */
  wanted(snapshot: Snapshot, request: ChartRequest): Promise<readonly WantedChart[]>;
  /** What the chart looks at of its cluster; nothing where its files are faulty, which a render says. */
  looks(snapshot: Snapshot, request: ChartRequest): Promise<Looks>;
  /**
   * Renders a chart of the snapshot. Throws `program_missing`, `timeout`, and for what the repository is to blame for
   * `document_invalid` and `input_too_large`.
   */
  template(snapshot: Snapshot, request: ChartRequest, signal: AbortSignal): Promise<ChartOutput>;
}

const maxInputBytes = 64 * 1024 * 1024;
/** Helm needs 700 MiB of addresses to start; with these it keeps up to 512 MiB (security-reliability §1.4). */
const maxAddressKiB = 1_800_000;
const defaultLimits = { timeoutMs: 60_000, cpuSeconds: 60, maxOutputBytes: maxPrintedBytes, maxAddressKiB };

/**
 * Runs the real program on a copy of the files that it needs, and of no others, as `createKustomize` does. Nothing here
 * asks for a network: dependencies are in the snapshot, and no schema is fetched.
 */
export function createHelm({ environment, limits }: HelmOptions): Helm {
  const filesOf = createFileMemory();
  const ownApis = createOwnApis();
  return {
    looks: createLooks(filesOf),
    wanted: async (snapshot, request) => wantedBy(filesOf, snapshot, request),
    async key(snapshot, request) {
      const program = await programIdentity(environment);
      // A chart whose files cannot even be told is rendered, which says why, once a commit.
      const files = await filesOf(snapshot, request).catch(() => ({ digest: snapshot.commit.id }));
      const { capabilities, ...rest } = request;
      return digestOf(
        canonicalJson([program, rest, capabilities.kubeVersion, capabilities.apis?.digest, files.digest]),
      );
    },
    async template(snapshot, request, signal) {
      const { files, wanted, problems } = await filesOf(snapshot, request);
      const fileOf = createFileOf(files, request.path);
      if (problems.length > 0) return { printed: [], problems, fileOf };
      if (wanted.length > 0) throw new DroverError("source_missing", "dependencies of the chart were not fetched");
      const program = await findHelm(environment);
      const folder = await mkdtemp(join(tmpdir(), "drover-helm-"));
      try {
        const copied = await writeCopy(snapshot, files, { folder, signal });
        const { scan } = copied;
        const values = await writeValues(request, folder);
        const inBounds = async (...words: readonly string[]): Promise<BoundedResult> => {
          const command = [...(await withoutNetwork()), program, ...words];
          return runBounded({ command, workFolder: folder, ...defaultLimits, ...limits }, signal);
        };
        const assumed = await assumedApis(copied, request, async () => {
          const own = join(folder, "own");
          const identity = await programIdentity(environment);
          return ownApis.of(identity, own, async () => {
            const { output, failed } = await inBounds("template", "own", own);
            return failed ? undefined : output;
          });
        });
        const warnings = [...copied.warnings, ...assumed];
        const printed: Uint8Array[] = [];
        const times = scan.chance || scanFile("values.yaml", values).chance ? 2 : 1;
        for (let time = 0; time < times; time += 1) {
          const { output, complaint, failed } = await inBounds(...templateArguments(request, folder, scan));
          if (failed) {
            const said = complaint.replaceAll(`${folder}/`, "").replaceAll(folder, ".");
            const problem = explainHelm(said, { fileOf, chart: fileOf("Chart.yaml") });
            return { printed: [], problems: [...warnings, problem], fileOf };
          }
          printed.push(output);
        }
        return { printed, problems: warnings, fileOf };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

async function wantedBy(
  filesOf: FileMemory,
  snapshot: Snapshot,
  request: ChartRequest,
): Promise<readonly WantedChart[]> {
  try {
    const { problems, wanted } = await filesOf(snapshot, request);
    // They would be fetched for nothing.
    return problems.length > 0 ? [] : wanted;
  } catch (cause) {
    if (!isRevisionFault(cause)) throw cause;
    return [];
  }
}

function createLooks(filesOf: FileMemory): Helm["looks"] {
  // What files look at is told by themselves, so it holds for every commit that has them.
  const known = new SizedCache<Looks>(10_000);
  const looksOf = async (snapshot: Snapshot, { files, digest }: RememberedFiles): Promise<Looks> => {
    const name = `${snapshot.repository} ${digest}`;
    const remembered = known.get(name);
    if (remembered !== undefined) return remembered;
    const found: Looks[] = [];
    for await (const { file, bytes, scan } of readAll(snapshot, files)) {
      found.push(scan.looks);
      // Helm asks it of the chart alone, not of those in it.
      const isChart = file.to === `${copyOfChart}/Chart.yaml`;
      if (isChart && new TextDecoder().decode(bytes).includes("kubeVersion"))
        found.push({ version: true, apis: false });
    }
    const looks = mergeLooks(found);
    known.set(name, looks, 1);
    return looks;
  };
  return async (snapshot, request) => {
    try {
      const ofFiles = await looksOf(snapshot, await filesOf(snapshot, request));
      return mergeLooks([ofFiles, findLooks(JSON.stringify(request.values))]);
    } catch (cause) {
      if (!isRevisionFault(cause)) throw cause;
      return looksAtNothing;
    }
  };
}

interface RememberedFiles extends ChartFiles {
  /** Equal for equal files and problems. */
  readonly digest: string;
}

type FileMemory = (snapshot: Snapshot, request: ChartRequest) => Promise<RememberedFiles>;

/** The variants of an application read the same files: they are looked for once a snapshot. */
function createFileMemory(): FileMemory {
  const known = new WeakMap<Snapshot, Map<string, RememberedFiles>>();
  return async (snapshot, request) => {
    const charts = known.get(snapshot) ?? new Map<string, RememberedFiles>();
    known.set(snapshot, charts);
    const name = canonicalJson([request.path, request.valueFiles, request.repositories]);
    const remembered = charts.get(name);
    if (remembered !== undefined) return remembered;
    const { files, problems, wanted } = await filesForHelm(snapshot, request);
    const found = { files, problems, wanted, digest: digestOf(canonicalJson([files, problems])) };
    charts.set(name, found);
    return found;
  };
}

function templateArguments(request: ChartRequest, folder: string, scan: Scan): readonly string[] {
  const { releaseName, namespace, includeCRDs, skipTests, capabilities } = request;
  const { kubeVersion, apis } = capabilities;
  const valueFiles = [...request.valueFiles, ...request.values].map((_file, index) => copyOfValues(index));
  return [
    "template",
    releaseName,
    join(folder, copyOfChart),
    `--namespace=${namespace}`,
    ...valueFiles.map((file) => `--values=${join(folder, file)}`),
    ...(includeCRDs ? ["--include-crds"] : []),
    ...(skipTests ? ["--skip-tests"] : []),
    ...(scan.outer.length > 0 ? ["--skip-schema-validation"] : []),
    ...(kubeVersion === undefined ? [] : [`--kube-version=${kubeVersion}`]),
    ...(apis?.versions ?? []).map((version) => `--api-versions=${version}`),
  ];
}

/** Values from the application are files for Helm, the strongest ones; returns all of them as text. */
async function writeValues({ valueFiles, values }: ChartRequest, folder: string): Promise<Uint8Array> {
  for (const [index, layer] of values.entries()) {
    const file = join(folder, copyOfValues(valueFiles.length + index));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, asYaml(layer));
  }
  return new TextEncoder().encode(JSON.stringify(values));
}

/** JSON is YAML but for characters that YAML takes for breaks of lines, or not at all. */
function asYaml(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u007F-\u009F\u2028\u2029\uFEFF]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

interface Copied {
  readonly scan: Scan;
  readonly warnings: readonly Problem[];
  readonly questions: readonly Asked[];
}

interface Asked extends Question {
  readonly file: string;
}

/** Links become the files that they lead to, so that the program follows nothing. */
async function writeCopy(
  snapshot: Snapshot,
  files: readonly ChartFile[],
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<Copied> {
  const scans: Scan[] = [];
  const warnings: Problem[] = [];
  const questions: Asked[] = [];
  for await (const { file, bytes, scan } of readAll(snapshot, files)) {
    const { to, from } = file;
    signal.throwIfAborted();
    const packed = isArchive(to);
    scans.push(scan);
    warnings.push(...warn(scan, from, packed));
    questions.push(...scan.questions.map(({ api, line }) => ({ api, line: packed ? 1 : line, file: from })));
    await writeInto(folder, file, bytes);
  }
  return { scan: mergeScans(scans), warnings, questions };
}

interface ReadFile {
  readonly file: ChartFile;
  readonly bytes: Uint8Array;
  readonly scan: Scan;
}

async function* readAll(snapshot: Snapshot, files: readonly ChartFile[]): AsyncGenerator<ReadFile, void> {
  let bytesLeft = maxInputBytes;
  for (const file of files) {
    const bytes = await snapshot.read(file.from);
    bytesLeft -= bytes.length;
    if (bytesLeft < 0) throw new DroverError("input_too_large", "the files of the chart are more than 64 MiB");
    yield { file, bytes, scan: isArchive(file.to) ? await openArchive(snapshot, file) : scanFile(file.to, bytes) };
  }
}

async function writeInto(folder: string, { to, from }: ChartFile, bytes: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(join(folder, to)), { recursive: true });
    await writeFile(join(folder, to), bytes);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    if (!["EEXIST", "EISDIR", "ENAMETOOLONG", "ENOTDIR"].includes(code)) throw cause;
    const at = { file: from, line: 1, column: 1 };
    throw new DroverError("document_invalid", `${from} is a file and a folder, or its path is too long`, { at, cause });
  }
}

const maxLookups = 3;
const maxAssumed = 10;

function warn({ lookups, outer }: Scan, file: string, packed: boolean): readonly Problem[] {
  const warning = (code: string, message: string, line: number): Problem => {
    return { code, severity: "warning", message, at: { file, line, column: 1 } };
  };
  const lines = packed ? lookups.slice(0, 1).map(() => 1) : lookups.slice(0, maxLookups);
  return [
    ...lines.map((line) => warning("helm-lookup", "lookup finds nothing here: a render asks no cluster", line)),
    ...outer.map((reference) => {
      const message = `the values are not checked: their schema refers to ${reference}, which is not in it`;
      return warning("helm-schema-outside", message, 1);
    }),
  ];
}

/** A chart that asks for what Helm takes for granted is told yes, also where the cluster lacks it. */
async function assumedApis(
  { questions }: Copied,
  { capabilities: { apis } }: ChartRequest,
  ownApis: () => Promise<ReadonlySet<string>>,
): Promise<readonly Problem[]> {
  if (apis === undefined) return [];
  const served = new Set(apis.versions);
  const lacking = questions.filter(({ api }) => !served.has(api));
  if (lacking.length === 0) return [];
  const own = await ownApis();
  return lacking
    .filter(({ api }) => own.has(api))
    .slice(0, maxAssumed)
    .map(({ api, file, line }) => {
      const message = `the cluster does not serve ${api}, but Helm tells the chart that it does`;
      const hint = "ask for the version that replaced it first";
      return { code: "helm-api-assumed", severity: "warning", message, at: { file, line, column: 1 }, hint };
    });
}

/** Helm names files by charts and not by folders; a packed chart's files are the archive. */
function createFileOf(files: readonly ChartFile[], path: string): (name: string) => string {
  const byCopy = new Map(files.map(({ to, from }) => [to, from]));
  const chart = path === "" ? "Chart.yaml" : `${path}/Chart.yaml`;
  const archives = files.filter(({ to }) => isArchive(to));
  return (name) => {
    const copy = `${copyOfChart}/${name.slice(name.indexOf("/") + 1)}`;
    const own = byCopy.get(name) ?? byCopy.get(copy);
    if (own !== undefined) return own;
    const archive = archives.find(({ to }) => copy.startsWith(`${to.replace(/(?:-v?\d[^/]*)?\.tgz$/u, "")}/`));
    if (archive !== undefined) return archive.from;
    // An alias, or a chart that is called otherwise than its folder.
    const ending = copy.slice(copy.lastIndexOf("/templates/"));
    const alike = files.filter(({ to }) => to.startsWith(`${copyOfChart}/charts/`) && to.endsWith(ending));
    return (alike.length === 1 ? alike[0]?.from : undefined) ?? chart;
  };
}

/** The rig's has a known version. */
async function findHelm(environment: ProgramEnvironment): Promise<string> {
  const folders = [rigTools(environment), ...pathFolders(environment)];
  for (const folder of folders) if (await isExecutable(join(folder, "helm"))) return join(folder, "helm");
  throw new DroverError("program_missing", "the chart cannot be rendered: helm is not on the hub's PATH", {
    hint: "install helm where the hub runs, or commit what the chart renders as plain YAML",
  });
}

/** Another when the program is replaced; cheaper than asking it for its version. */
async function programIdentity(environment: ProgramEnvironment): Promise<unknown> {
  try {
    const program = await findHelm(environment);
    const { size, mtimeMs } = await stat(program);
    return [program, size, mtimeMs];
  } catch {
    return undefined;
  }
}
