import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { createClient, type Client } from "@drover/shared/api/client";
import { stringify } from "yaml";

import { startGitHttp } from "../../rig/git-http.ts";
import { freePort } from "../../rig/ports.ts";
import { temporaryFolder } from "../../rig/watchdog.ts";
import { eventually } from "../../system/eventually.ts";
import { application, configMap, placement } from "../../system/fixtures.ts";
import { startProgram, type Program } from "../../system/program.ts";
import { bundle } from "../bundles.ts";
import { prepareHub, startSimulators } from "../fleet/simulators.ts";
import { peakMiB } from "../memory.ts";
import type { Figure } from "../report.ts";
import { largeObject } from "./objects.ts";
import { commitTo } from "./repository.ts";

const patienceMs = 900_000;
const hubMiB = { most: 500 };

/**
 * A hub with one application of 20,000 objects, each in a file of a repository over HTTP, for 20 clusters whose bundles
 * differ in one object: read and rendered, fetched by all clusters at once, changed, and read again by a new process.
 */
export async function measureLargeHub(size: {
  readonly objects: number;
  readonly clusters: number;
}): Promise<readonly Figure[]> {
  const about = `${size.objects.toLocaleString("en")} objects`;
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder("bench-large"));
  const git = parts.use(await startGitHttp());
  const remote = await git.createRepository("config.git");
  await commitTo(remote.path, "start", filesOf(size.objects));
  const { dataDir, names, keys } = await prepareHub(folder, { count: size.clusters, url: remote.url });
  const api = `127.0.0.1:${await freePort()}`;
  const link = `127.0.0.1:${await freePort()}`;
  const args = ["--data-dir", dataDir, "--api-address", api, "--link-address", link, "--log-level", "info"];
  const options = { file: bundle("hub"), args, nodeArgs: nodeArgs(), logFile: join(folder, "hub.log"), probes: api };
  const startedMs = Date.now();
  const hub = parts.use(startProgram(options));
  await hub.ready();
  const token = (await readFile(join(dataDir, "admin-token"), "utf8")).trim();
  const client = createClient({ url: `http://${api}`, token });
  await assigned(client, size.clusters);
  const renderedMs = Date.now() - startedMs;
  const renderedMiB = await told("rendered", hub);

  const order = { hub: link, keys, clusters: names.map((cluster) => ({ cluster })) };
  const agents = parts.use(startSimulators(order));
  const fetched = agents.next("applied", size.clusters, patienceMs);
  await agents.connect();
  const connectedMs = Date.now();
  await fetched;
  const fetchedMs = Date.now() - connectedMs;
  const fetchedMiB = await told("fetched", hub);

  const changed = agents.next("applied", size.clusters, patienceMs);
  await commitTo(remote.path, "change", one("now ${cluster.name}"));
  const committedMs = Date.now();
  await changed;
  const changedMs = Date.now() - committedMs;
  const changedMiB = await told("changed", hub);

  await hub.stop();
  hub.start();
  await hub.ready();
  const reapplied = agents.next("applied", size.clusters, patienceMs);
  const again = await commitTo(remote.path, "again", one("${cluster.name}"));
  await reapplied;
  await current(client, again, size.clusters);
  const restartedMiB = await told("restarted", hub);
  return [
    { name: `hub, start to ${about} assigned`, value: renderedMs / 1000, unit: "s" },
    { name: "its peak RSS, until then", value: renderedMiB, unit: "MiB", target: hubMiB },
    { name: `all blobs to ${size.clusters} clusters at once`, value: fetchedMs / 1000, unit: "s" },
    { name: "its peak RSS, until then", value: fetchedMiB, unit: "MiB", target: hubMiB },
    { name: "commit that changes one object, until all clusters have it", value: changedMs / 1000, unit: "s" },
    { name: "its peak RSS, until then", value: changedMiB, unit: "MiB", target: hubMiB },
    { name: "peak RSS of its next process, with another commit", value: restartedMiB, unit: "MiB", target: hubMiB },
  ];
}

async function told(what: string, { pid }: Program): Promise<number> {
  const peak = await peakMiB(pid);
  console.log(`${what}: peak of the hub ${Math.round(peak)} MiB`);
  return peak;
}

/** The one object that is another one on each cluster. */
function one(cluster: string): Readonly<Record<string, string>> {
  return { "apps/large/one.yaml": configMap("one", { cluster }) };
}

function filesOf(objects: number): Readonly<Record<string, string>> {
  const declared = application("large", "large").replace("spec:\n", "spec:\n  substitute: true\n");
  const files: Record<string, string> = {
    "apps/large/drover.yaml": declared + placement("large", { fleet: "all" }),
    ...one("${cluster.name}"),
  };
  for (let n = 1; n < objects; n += 1) {
    files[`apps/large/objects/${Math.floor(n / 100)}/object-${n}.yaml`] = stringify(largeObject(n));
  }
  return files;
}

async function assigned(client: Client, clusters: number): Promise<void> {
  await eventually(
    async () => {
      const signal = AbortSignal.timeout(30_000);
      const { total } = await client.targets.list({ limit: 1 }, signal);
      // Abusers of other benches are registered as well.
      if (total >= clusters) return;
      const { items } = await client.applications.list({ limit: 1 }, signal);
      throw new Error(`${total} of ${clusters} are assigned: ${items[0]?.reason}`);
    },
    { timeoutMs: patienceMs, intervalMs: 500 },
  );
}

async function current(client: Client, commit: string, clusters: number): Promise<void> {
  await eventually(
    async () => {
      const targets = await Array.fromAsync(client.targets.all({ state: "current" }, AbortSignal.timeout(30_000)));
      const there = targets.filter((target) => target.appliedRevision === commit).length;
      if (there !== clusters) throw new Error(`${there} of ${clusters} are current`);
    },
    { timeoutMs: patienceMs, intervalMs: 500 },
  );
}

/** What the image sets (deploy/hub.Dockerfile), and what `DROVER_BENCH_NODE_ARGS` adds for profiles. */
function nodeArgs(): readonly string[] {
  const extra = (process.env["DROVER_BENCH_NODE_ARGS"] ?? "").split(" ").filter((flag) => flag !== "");
  return ["--disable-proto=delete", ...extra];
}
