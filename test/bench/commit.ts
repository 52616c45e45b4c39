import { join } from "node:path";
import { cpuUsage } from "node:process";
import { parseArgs } from "node:util";

import { createMirror, type Commit, type Mirror } from "@drover/hub/source/git/mirror";

import { mustRun } from "../rig/command.ts";
import { startGitHttp } from "../rig/git-http.ts";
import { createWorkTree, plainGit, type FileChanges } from "../rig/git.ts";
import { program } from "../rig/programs.ts";
import { temporaryFolder } from "../rig/watchdog.ts";
import { application, configMap, deployment, placement } from "../system/fixtures.ts";
import { startLoop } from "../system/loop.ts";
import { printFigures, quantile } from "./report.ts";

const applications = 100;
const filesOfEach = 50;

type Hub = Awaited<ReturnType<typeof startLoop>>;

/**
 * What one changed file costs in a repository of 5,000 files over HTTP, of 100 applications: from the look at the server
 * to the commit in the mirror, and from there to the new bundles in the store. The reference is `git fetch` of the same
 * commit from the same server, in turns first and last.
 */
export async function run(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({ args: [...args], options: { commits: { type: "string", default: "40" } } });
  await using remote = await startGitHttp();
  await using folder = await temporaryFolder("bench-commit");
  await using tree = await createWorkTree({ files: repositoryFiles() });
  const repository = await remote.createRepository("config.git");
  await tree.push(repository.path);
  const clone = join(folder.path, "clone.git");
  const git = async (...words: readonly string[]): Promise<unknown> =>
    mustRun(program("git"), words, { env: plainGit });
  await git("clone", "--quiet", "--bare", repository.url, clone);
  const mirror = timed(createMirror({ folder: join(folder.path, "mirrors") }));
  await using hub = await startLoop(folder.path, { path: repository.url }, { mirror });
  await settled(hub);
  const commits = Number(values.commits);
  const samples = {
    fetch: [] as number[],
    byGit: [] as number[],
    bundled: [] as number[],
    work: [] as number[],
    settled: [] as number[],
  };
  for (let n = 0; n < commits; n += 1) {
    const app = nameOf(n % applications);
    const id = await tree.commit(`Commit ${n}`, { [`apps/${app}/file-7.yaml`]: configMap("file-7", { n: `${n}` }) });
    await tree.push(repository.path);
    const byGit = async (): Promise<void> => {
      const startedAt = performance.now();
      await git("--git-dir", clone, "fetch", "--quiet", "origin", "main");
      samples.byGit.push(performance.now() - startedAt);
    };
    if (n % 2 === 0) await byGit();
    hub.loop.wake.source("config");
    await until(() => hub.store.targetsOf(app).some(({ commit }) => commit === id));
    const bundledAt = performance.now();
    const { user, system } = cpuUsage(mirror.last.cpu);
    await settled(hub);
    samples.fetch.push(mirror.last.tookMs);
    samples.bundled.push(bundledAt - mirror.last.endedAt);
    samples.work.push((user + system) / 1000);
    samples.settled.push(performance.now() - mirror.last.endedAt);
    if (n % 2 === 1) await byGit();
  }
  const byGitMs = quantile(samples.byGit, 0.5);
  const fetchMs = quantile(samples.fetch, 0.5);
  const reference = { name: "git fetch", value: byGitMs };
  return printFigures("commit", [
    { name: "commits", value: commits, unit: "count" },
    { name: "fetch, median", value: fetchMs, unit: "ms", reference },
    { name: "fetch over git fetch, medians", value: fetchMs / byGitMs, unit: "ratio", target: { most: 2 } },
    { name: "fetched to bundled, median", value: quantile(samples.bundled, 0.5), unit: "ms", target: { most: 100 } },
    { name: "fetched to bundled, p90", value: quantile(samples.bundled, 0.9), unit: "ms" },
    { name: "of it the hub at work, median", value: quantile(samples.work, 0.5), unit: "ms" },
    { name: "fetched to idle, median", value: quantile(samples.settled, 0.5), unit: "ms" },
  ]);
}

function repositoryFiles(): FileChanges {
  const files: Record<string, string> = {};
  for (let n = 0; n < applications; n += 1) {
    const app = nameOf(n);
    const folder = `apps/${app}`;
    files[`${folder}/drover.yaml`] = application(app, app) + placement(app, { env: n % 2 === 0 ? "dev" : "prod" });
    files[`${folder}/web.yaml`] = deployment("web", "nginx:1.30");
    for (let file = 2; file < filesOfEach; file += 1) {
      files[`${folder}/file-${file}.yaml`] = configMap(`file-${file}`, { app, file: `${file}` });
    }
  }
  return files;
}

function nameOf(n: number): string {
  return `app-${n}`;
}

interface LastFetch {
  readonly tookMs: number;
  readonly endedAt: number;
  /** What the process had used by then. */
  readonly cpu: NodeJS.CpuUsage;
}

/** Remembers the last fetch that brought news. */
function timed(mirror: Mirror): Mirror & { readonly last: LastFetch } {
  let last: LastFetch = { tookMs: 0, endedAt: 0, cpu: cpuUsage() };
  let newest: Commit | undefined;
  return {
    ...mirror,
    get last() {
      return last;
    },
    async fetch(source, signal) {
      const startedAt = performance.now();
      const commit = await mirror.fetch(source, signal);
      const endedAt = performance.now();
      if (commit.id !== newest?.id) last = { tookMs: endedAt - startedAt, endedAt, cpu: cpuUsage() };
      newest = commit;
      return commit;
    },
  };
}

/** Until every application is assigned and nothing is left to do. */
async function settled({ store, loop }: Hub): Promise<void> {
  await until(() => store.applications().length === applications && loop.controllers.every(({ busy }) => busy === 0));
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1));
}
