import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createAgent } from "@drover/agent/agent";
import { createFingerprint } from "@drover/agent/fingerprint";
import { loadAccess } from "@drover/agent/kube/access";
import type { KubeAnswer, KubeApi, KubeRequest } from "@drover/agent/kube/api";
import { createKubeApi } from "@drover/agent/kube/client";
import type { Disk } from "@drover/agent/store/disk";
import { systemClock, type Clock } from "@drover/shared/clock";
import { decodeYaml } from "@drover/shared/decode";
import { at, type JsonRecord } from "@drover/shared/json";
import { canonicalize } from "@drover/shared/kube/canonical";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { createLog, silentLog, type Logger } from "@drover/shared/log";
import { expect, vi } from "vitest";

import { formatKubeconfig, type ClusterAccess } from "../rig/kubeconfig.ts";
import { createHubStandIn, standInCluster, type HubStandIn } from "./hub-stand-in.ts";
import { startLoneServer, type LoneServerOptions, type Server } from "./lone-server.ts";

export type { Server } from "./lone-server.ts";

/** A real or embedded API server, an agent in this process, and a hub that does as the test says. */
export interface LoneAgent extends AsyncDisposable {
  readonly hub: HubStandIn;
  /** Calls the API server as somebody else than the agent. */
  call(request: KubeRequest): Promise<KubeAnswer>;
  /** undefined when there is none. */
  get(path: string): Promise<JsonRecord | undefined>;
  /** As `kubectl edit` would: a merge patch under another field manager. */
  edit(path: string, patch: unknown): Promise<JsonRecord>;
  create(path: string, object: unknown): Promise<JsonRecord>;
  remove(path: string): Promise<void>;
  /** Requests of the agent since the last call of this, as `VERB path`; its looks at the cluster are not among them. */
  takeRequests(): readonly string[];
  /** Runs before each request of the agent that follows: what happens just in time. */
  beforeRequest(hook: (request: KubeRequest) => Promise<void>): void;
  /** Those of them that the API server has answered with success. */
  takeAnswered(): readonly string[];
  /** Waits until the newest report of the application is about this bundle, with everything applied. */
  untilApplied(application: string, bundle: string): Promise<void>;
  /** Waits until the newest report of the application matches. */
  untilReported(application: string, expected: object): Promise<void>;
  /** Ends the agent and starts another one with the same disk. */
  restart(options?: RestartOptions): Promise<void>;
  stop(): Promise<void>;
  /** Writes another policy; the agent reads it within seconds. */
  setPolicy(text: string | undefined): Promise<void>;
  start(): void;
  /** What the running agent tells of itself, as on `/metrics`. */
  metrics(): string;
  /** The files of a folder in the agent's data folder, by name. */
  readFiles(folder: string): Promise<ReadonlyMap<string, string>>;
  /** Ends the API server and starts it again: objects stay, connections and the history of changes do not. */
  restartServer(): Promise<void>;
}

export interface LoneAgentOptions extends LoneServerOptions {
  /** Takes every line that the agent logs, those for debugging too. */
  readonly log?: string[];
  /** Starts what is to stand between the agent and its API server. The test's own calls go past it. */
  readonly between?: (target: ClusterAccess) => Promise<Pick<ClusterAccess, "url" | "caPem"> & AsyncDisposable>;
  /** Time as the agent's client of the API server has it: time limits of requests, pings. */
  readonly clientClock?: Clock;
  /** Time as the agent itself has it. */
  readonly clock?: Clock;
  /** The folder on the agent's disk, if it is to be a particular one. */
  readonly dataDir?: string;
  /** Default: this machine's. */
  readonly disk?: Disk;
  /** The policy that the cluster sets its agent. */
  readonly policy?: string;
}

export interface RestartOptions {
  readonly loseDisk?: boolean;
  /** Service account, `namespace/name`, that the agent is from now on; it was the administrator before. */
  readonly account?: string;
  readonly defaultServiceAccount?: string;
}

/** What takes seconds by its back-off takes several times as long on a machine that is busy. */
const patience = { timeout: 60_000, interval: 10 } as const;
const never = AbortSignal.timeout(2 ** 31 - 1);

export async function startLoneAgent(server: Server, options: LoneAgentOptions = {}): Promise<LoneAgent> {
  await using parts = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "drover-agent-"));
  parts.defer(async () => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const api = parts.use(await startLoneServer(server, options));
  const between = options.between === undefined ? undefined : parts.use(await options.between(api.access));
  const load = async (name: string, access: ClusterAccess) => {
    const path = join(folder, name);
    await writeFile(path, formatKubeconfig(access));
    return loadAccess({ kind: "kubeconfig", path, context: "" });
  };
  const { clientClock: clock = systemClock } = options;
  const access = await load("drover-agent", { ...api.access, ...pickAccess(between) });
  const direct = await load("kubectl", api.access);
  const own = parts.use(createKubeApi({ access, clock, userAgent: "drover-agent/test" }));
  const other = parts.use(createKubeApi({ access: direct, clock: systemClock, userAgent: "kubectl/test" }));
  const hub = createHubStandIn();
  const requests: string[] = [];
  let hook: (request: KubeRequest) => Promise<void> = () => Promise.resolve();
  const answered: string[] = [];
  const recorded = (api: KubeApi): KubeApi => record(api, { requests, answered, before: (request) => hook(request) });
  let kube = recorded(own);
  let running: Running | undefined;
  let defaultServiceAccount = "";
  const { dataDir = join(folder, "data") } = options;
  const start = (): void => {
    running = run({ ...options, hub, kube, dataDir, defaultServiceAccount });
  };
  const stop = async (): Promise<void> => {
    await running?.stop();
    running = undefined;
  };
  const setPolicy = (text: string | undefined): Promise<void> =>
    text === undefined ? rm(policyFile(dataDir), { force: true }) : writeFile(policyFile(dataDir), text);
  await setPolicy(options.policy);
  start();
  parts.defer(stop);
  const owned = parts.move();
  const send = async (request: KubeRequest): Promise<JsonRecord> => {
    const answer = await other.request(request, never);
    if (answer.kind === "refused") throw new Error(`${request.method} ${request.path}: ${answer.refusal.message}`);
    return answer.body as JsonRecord;
  };
  return {
    hub,
    call: (request) => other.request(request, never),
    async get(path) {
      const answer = await other.request({ method: "GET", path }, never);
      return answer.kind === "ok" ? (answer.body as JsonRecord) : undefined;
    },
    edit: (path, patch) =>
      send({
        method: "PATCH",
        path: `${path}?fieldManager=kubectl-edit`,
        contentType: "application/merge-patch+json",
        body: JSON.stringify(patch),
      }),
    create: (path, object) => send({ method: "POST", path, body: JSON.stringify(object) }),
    remove: async (path) => void (await send({ method: "DELETE", path })),
    takeRequests: () => requests.splice(0),
    beforeRequest: (next) => void (hook = next),
    takeAnswered: () => answered.splice(0),
    untilApplied: async (application, bundle) => {
      await vi.waitFor(() => {
        const report = hub.report(application);
        const objects = report?.objects.filter((object) => object.apply !== "applied") ?? [];
        expect({ ...pick(report), objects }).toMatchObject({ phase: "applied", applied: bundle, objects: [] });
      }, patience);
    },
    untilReported: async (application, expected) => {
      await vi.waitFor(() => expect(hub.report(application)).toMatchObject(expected), patience);
    },
    async restart({ loseDisk = false, account, ...others } = {}) {
      await stop();
      ({ defaultServiceAccount = defaultServiceAccount } = others);
      if (account !== undefined) {
        const authorization = `Bearer ${await requestToken(send, account)}`;
        const limited = { ...access, authorize: () => Promise.resolve({ authorization }) };
        kube = recorded(owned.use(createKubeApi({ access: limited, clock, userAgent: "drover-agent/test" })));
      }
      if (loseDisk) await rm(dataDir, { recursive: true, force: true });
      start();
    },
    stop,
    setPolicy,
    start,
    metrics: () => running?.metrics() ?? "",
    async readFiles(name) {
      const path = join(dataDir, name);
      // The agent writes them within a second.
      const files = await vi.waitFor(() => readdir(path), { timeout: 5_000, interval: 50 });
      return new Map(
        await Promise.all(files.map(async (file) => [file, await readFile(join(path, file), "utf8")] as const)),
      );
    },
    restartServer: () => api.restart(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function pickAccess(between: Pick<ClusterAccess, "url" | "caPem"> | undefined) {
  return between === undefined ? {} : { url: between.url, caPem: between.caPem };
}

function pick(report: ReturnType<HubStandIn["report"]>) {
  return { phase: report?.phase, applied: report?.applied, reason: report?.reason, message: report?.message };
}

interface Running {
  metrics(): string;
  stop(): Promise<void>;
}

interface RunOptions extends Omit<LoneAgentOptions, "dataDir"> {
  readonly hub: HubStandIn;
  readonly kube: KubeApi;
  readonly dataDir: string;
  readonly defaultServiceAccount: string;
}

function run({ dataDir, defaultServiceAccount, ...options }: RunOptions): Running {
  const stop = new AbortController();
  const agent = createAgent(
    { dataDir, namespace: "drover-system", defaultServiceAccount, policy: policyFile(dataDir) },
    {
      link: options.hub.link,
      kube: options.kube,
      cluster: () => standInCluster,
      fingerprint: createFingerprint(btoa("lone")),
      verify: options.hub.verify,
      verifyBeat: options.hub.verifyBeat,
      clock: options.clock ?? systemClock,
      random: Math.random,
      log: logTo(options.log),
      ...(options.disk === undefined ? {} : { disk: options.disk }),
    },
  );
  const ended = agent.run(stop.signal).catch((cause: unknown) => {
    if (!stop.signal.aborted) throw cause;
  });
  return {
    metrics: () => agent.metrics.render(),
    async stop() {
      stop.abort(new Error("the test stops the agent"));
      await ended;
    },
  };
}

/** Beside the data folder, which may be lost. */
function policyFile(dataDir: string): string {
  return `${dataDir}-policy.yaml`;
}

function logTo(lines: string[] | undefined): Logger {
  if (lines !== undefined) return createLog("agent", "debug", { write: (line) => void lines.push(line) });
  return process.env["DROVER_TEST_LOG"] === "debug" ? createLog("agent", "debug") : silentLog;
}

/** As `kubectl create token` does. */
async function requestToken(send: (request: KubeRequest) => Promise<JsonRecord>, account: string): Promise<string> {
  const [namespace = "", name = ""] = account.split("/");
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const body = JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} });
  return String(at(await send({ method: "POST", path, body }), "status", "token"));
}

/** Notes what the agent asks of the API server. */
interface Notes {
  readonly requests: string[];
  readonly answered: string[];
  before(request: KubeRequest): Promise<void>;
}

/** How an agent looks at its cluster, twice a minute and whatever happens. */
const look = /^GET \/(?:version|readyz|apis?|api\/v1\/nodes\?limit=\d+)$/u;

function record(kube: KubeApi, { requests, answered, before }: Notes): KubeApi {
  return {
    async request(request, signal) {
      const line = `${request.method} ${request.path}`;
      if (!look.test(line)) requests.push(line);
      await before(request);
      const answer = await kube.request(request, signal);
      if (answer.kind === "ok") answered.push(line);
      return answer;
    },
    stream(path, accept, signal) {
      requests.push(`WATCH ${path}`);
      return kube.stream(path, accept, signal);
    },
    [Symbol.asyncDispose]: () => kube[Symbol.asyncDispose](),
  };
}

/** Only what may change something. */
export function writesOf(requests: readonly string[]): readonly string[] {
  return requests.filter((request) => !request.startsWith("GET ") && !request.startsWith("WATCH "));
}

/** The Kubernetes objects in a folder of YAML files, in the form that a hub hands out. */
export async function readManifests(folder: string): Promise<readonly KubeObject[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml")).toSorted();
  const files = await Promise.all(
    names.map(async (name) => decodeYaml(name, await readFile(join(folder, name))).documents),
  );
  return files.flat().map((document) => canonicalize(document.value as KubeObject));
}

/** A field of an object that was got, deep down. */
export function field(object: JsonRecord | undefined, ...path: readonly string[]): unknown {
  return at(object, ...path);
}
