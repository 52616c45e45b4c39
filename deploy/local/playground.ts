import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { createClient, type Client } from "@drover/shared/api/client";
import { writeContext } from "@drover/shared/api/contexts";
import type { Target } from "@drover/shared/api/types";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import { Children, type LostChild } from "./children.ts";
import { startClusters, type PlaygroundCluster } from "./clusters.ts";
import { prepareDemo } from "./demo.ts";
import { lockFile, lockFolder } from "./lock.ts";
import { choosePort } from "./ports.ts";
import type { Screen } from "./screen.ts";
import { formatSummary, here } from "./summary.ts";

export interface PlaygroundOptions {
  readonly screen: Screen;
  readonly clock: Clock;
  /** Forget everything of earlier runs first. */
  readonly fresh: boolean;
  /** Where the state (`.drover`) and the sample repository (`drover-demo`) are. */
  readonly folder: string;
}

/** How long targets may stay as they are, not all of them current, before the playground says that it is up. */
const patienceMs = 20_000;
const root = join(import.meta.dirname, "..", "..");

/** Brings the whole playground up, tells about it, and takes it down when the signal aborts. */
export async function startPlayground(options: PlaygroundOptions, signal: AbortSignal): Promise<void> {
  const { screen } = options;
  const state = join(options.folder, ".drover");
  const demo = join(options.folder, "drover-demo");
  makeFolder(join(state, "logs"));
  using held = new DisposableStack();
  held.use(lockFolder(state));
  if (options.fresh) forget(state, demo);
  const lost = new AbortController();
  const children = new Children((child) => lost.abort(explainLoss(child)));
  const stop = AbortSignal.any([signal, lost.signal]);
  await using clusters = await screen.step("clusters", async () => {
    const started = await startClusters(join(state, "clusters"));
    return { value: started, text: `${started.names.join(" ")} (embedded API servers)` };
  });
  try {
    await bringUp({ ...options, state, demo, children, clusters: clusters.all }, stop);
    await aborted(stop);
  } finally {
    await children.stop();
  }
  if (!signal.aborted) throw lost.signal.reason;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new DroverError("config_invalid", `the folder ${folder} cannot be made`, {
      hint: "give another one: npm start -- --folder /tmp/drover",
      cause,
    });
  }
}

/** Everything of earlier runs but the lock, which this run holds. */
function forget(state: string, demo: string): void {
  const old = readdirSync(state).filter((name) => !name.startsWith(lockFile));
  for (const folder of [demo, ...old.map((name) => join(state, name))]) {
    rmSync(folder, { recursive: true, force: true });
  }
  makeFolder(join(state, "logs"));
}

function explainLoss({ name, how, lastWords, logFile }: LostChild): DroverError {
  const said = lastWords === "" ? "" : `:\n${lastWords}`;
  return new DroverError("internal", `${name} ${how}, so everything was stopped${said}`, {
    hint: `its log is ${here(logFile)}; npm start goes on from here`,
  });
}

interface Running extends PlaygroundOptions {
  readonly state: string;
  readonly demo: string;
  readonly children: Children;
  readonly clusters: readonly PlaygroundCluster[];
}

async function bringUp(running: Running, signal: AbortSignal): Promise<void> {
  const { screen, clusters, demo } = running;
  const hub = await screen.step("hub", async () => {
    const started = await startHub(running, signal);
    return { value: started, text: `${started.url} (token stored in context "local")` };
  });
  const { client } = hub;
  await screen.step("agents", async () => {
    for (const cluster of clusters) await startAgent(running, { hub, cluster }, signal);
    return { value: undefined, text: `${clusters.length} processes, one for each cluster` };
  });
  await screen.step("repo", async () => {
    const made = prepareDemo(demo);
    const { items } = await client.sources.list({}, signal);
    if (!items.some((source) => source.name === "drover-demo")) {
      await client.sources.add({ name: "drover-demo", url: demo }, signal);
    }
    return {
      value: undefined,
      text: `${here(demo)} (${made ? "two applications, one override each" : "as you left it"})`,
    };
  });
  const targets = await screen.step("sync", async () => {
    const settled = await waitForTargets(client, running.clock, signal);
    const current = settled.filter((target) => target.state === "current").length;
    const incomplete = current < settled.length;
    return { value: settled, text: `${current}/${settled.length} targets current`, incomplete };
  });
  screen.print(formatSummary({ ...running, targets, took: screen.total() }));
}

interface RunningHub {
  readonly url: string;
  /** Where agents connect. */
  readonly link: string;
  readonly client: Client;
}

async function startHub({ children, clock, state }: Running, signal: AbortSignal): Promise<RunningHub> {
  const apiPort = await choosePort(7474);
  const link = `127.0.0.1:${await choosePort(7475)}`;
  const dataDir = join(state, "hub");
  children.start("hub", {
    file: join(root, "hub", "src", "main.ts"),
    args: ["--data-dir", dataDir, "--api-address", `127.0.0.1:${apiPort}`, "--link-address", link],
    logFile: join(state, "logs", "hub.log"),
  });
  const url = `http://127.0.0.1:${apiPort}`;
  await poll(clock, signal, "the hub did not become ready within 20 s", async () => {
    const response = await fetch(`${url}/readyz`).catch(() => undefined);
    return response?.ok === true ? true : undefined;
  });
  const token = readFileSync(join(dataDir, "admin-token"), "utf8").trim();
  await writeContext("local", { server: url, token }, { current: true });
  return { url, link, client: createClient({ url, token }) };
}

async function startAgent(
  { children, state }: Running,
  { hub, cluster }: { readonly hub: RunningHub; readonly cluster: PlaygroundCluster },
  signal: AbortSignal,
): Promise<void> {
  const { client } = hub;
  const dataDir = join(state, "agents", cluster.name);
  const { items } = await client.clusters.list({}, signal);
  const joined =
    existsSync(join(dataDir, "identity.json")) && items.some((item) => item.name === cluster.name && item.uid !== "");
  // An agent that has joined has its own certificate and the hub's address; only a new one needs a token.
  const { name, labels } = cluster;
  const invitation = joined ? undefined : await client.clusters.join({ name, labels: { ...labels } }, signal);
  children.start(`agent ${name}`, {
    file: join(root, "agent", "src", "main.ts"),
    args: [
      "--data-dir",
      dataDir,
      "--hub-address",
      hub.link,
      "--kubeconfig",
      cluster.kubeconfig,
      ...(invitation === undefined ? [] : ["--join-token", invitation.token]),
    ],
    logFile: join(state, "logs", `agent-${name}.log`),
  });
}

/** Waits until all targets are current, or until nothing has moved for a while: then what there is will do. */
async function waitForTargets(client: Client, clock: Clock, signal: AbortSignal): Promise<readonly Target[]> {
  let face = "";
  let movedAt = clock.now();
  return poll(clock, signal, "no target appeared within 30 s; what the hub says: npx drover get sources", async () => {
    const { items } = await client.targets.list({}, signal);
    const states = items.map((target) => `${target.app}@${target.cluster} ${target.state} ${target.reason}`).join("\n");
    if (states !== face) [face, movedAt] = [states, clock.now()];
    const settled = items.every((target) => target.state === "current") || clock.now() - movedAt > patienceMs;
    return items.length > 0 && settled ? items : undefined;
  });
}

async function poll<T>(
  clock: Clock,
  signal: AbortSignal,
  late: string,
  look: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = clock.now() + 30_000;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (clock.now() > deadline) throw new DroverError("timeout", late);
    await clock.sleep(50, signal);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
