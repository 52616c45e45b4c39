import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startCluster } from "@drover/cluster/cluster";
import { createClient, type Client } from "@drover/shared/api/client";
import type { Target } from "@drover/shared/api/types";

import { startControlPlane } from "../rig/control-plane.ts";
import { createWorkTree, type FileChanges, type WorkTree } from "../rig/git.ts";
import { formatKubeconfig, type ClusterAccess } from "../rig/kubeconfig.ts";
import { createKubectl, type Kubectl } from "../rig/kubectl.ts";
import { type Nats, startNats } from "../rig/nats.ts";
import type { Network } from "../rig/network.ts";
import { freePort } from "../rig/ports.ts";
import { bundle } from "./bundle.ts";
import { eventually } from "./eventually.ts";
import { startProgram, type Program } from "./program.ts";
import { rigNetworkList } from "./rig-networks.ts";

/** What stands behind the agents: both have to behave alike. */
export type Servers = "embedded" | "real";

export interface FleetOptions {
  readonly servers: Servers;
  readonly clusters: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Of embedded clusters, by name: the version of Kubernetes that they say they are. */
  readonly versions?: Readonly<Record<string, string>>;
  /** First commit of the configuration repository. */
  readonly files: FileChanges;
  /** Real servers only: controllers and hollow kubelets, so that workloads really roll out. */
  readonly nodes?: number;
  /** Applies each cluster's join manifest and gives the agent no more than the rights in it. Default: an administrator's. */
  readonly joinByManifest?: boolean;
  /** How agents reach the hub. Over NATS its own port is not told to them. Default: grpc. */
  readonly link?: "grpc" | "nats";
  /** Default: the bundles, which are what is shipped. */
  readonly programs?: Programs;
  /** Where the hub has its data; default: in a folder of the fleet's. */
  readonly hubFolder?: string;
  /** Where agents look for the hub besides, `host:port` each. Default: nowhere. */
  readonly otherLinks?: readonly string[];
  /** Where hub and agents run, and reach each other; default: where the test does. Without a broker. */
  readonly network?: Network;
  /** More flags of the hub. */
  readonly hubArgs?: readonly string[];
}

export interface Programs {
  readonly hub: string;
  readonly agent: string;
}

export interface FleetCluster {
  readonly name: string;
  readonly access: ClusterAccess;
  readonly kubectl: Kubectl;
  /** Runs kubectl and returns what it printed; a non-zero exit is an error here. */
  readonly run: (...args: readonly string[]) => Promise<string>;
  /** What an object looks like; undefined when there is none. */
  readonly get: (namespace: string, object: string) => Promise<KubeResult | undefined>;
  readonly agent: Program;
  /** What the agent was started with. */
  readonly agentArgs: readonly string[];
  /** Requests of the agent that could have changed something, up to now. */
  readonly writes: () => Promise<number>;
}

/** The parts of an object that suites look at. */
export interface KubeResult {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Record<string, string>;
  };
  readonly spec: Record<string, unknown>;
  readonly data?: Record<string, string>;
  readonly status?: Record<string, unknown>;
}

export interface Fleet extends AsyncDisposable {
  readonly tree: WorkTree;
  readonly hub: Program;
  /** Undefined unless agents are linked by it. */
  readonly broker: Nats | undefined;
  /** `host:port` where agents reach the hub without a broker. */
  readonly link: string;
  readonly hubFolder: string;
  readonly client: Client;
  readonly url: string;
  readonly token: string;
  readonly cluster: (name: string) => FleetCluster;
  readonly targets: () => Promise<readonly Target[]>;
  /** Waits until these targets, and no others, are there and current at this commit, as this hub says; default: the fleet's. */
  readonly settle: (commit: string, targets: readonly string[], of?: Client) => Promise<void>;
}

const shipped: Programs = { hub: bundle("hub"), agent: bundle("agent") };
const never = AbortSignal.timeout(2 ** 31 - 1);
const settleMs = 60_000;

/** A hub process, an agent process for each cluster, the clusters, and a work tree that is registered as `config`. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  await using parts = new AsyncDisposableStack();
  const programs = options.programs ?? shipped;
  const folder = await mkdtemp(join(tmpdir(), "drover-fleet-"));
  parts.defer(async () => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const tree = parts.use(await createWorkTree({ files: options.files }));
  const { hub, client, url, token, link, broker } = await startHub(folder, programs.hub, options, parts);
  const clusters = new Map<string, FleetCluster>();
  await Promise.all(
    Object.entries(options.clusters).map(async ([name, labels]) => {
      const server = await startServer(name, { ...options, folder }, parts);
      const joined = await client.clusters.join({ name, labels: { ...labels }, link: options.link ?? "grpc" }, never);
      const kubeconfig =
        options.joinByManifest === true ? await joinByManifest(folder, server, joined.manifest) : server.kubeconfig;
      const dataDir = join(folder, `agent-${name}`);
      const probePort = await freePort();
      const way =
        options.link === "nats"
          ? ["--link", "nats", "--broker-access", joined.brokerAccess]
          : ["--hub-address", [link, ...(options.otherLinks ?? [])].join(",")];
      const common = ["--data-dir", dataDir, "--kubeconfig", kubeconfig, "--join-token", joined.token];
      const args = [...common, ...way, "--probe-port", String(probePort), "--log-level", "debug"];
      await options.network?.letOut(Number(new URL(server.access.url).port));
      const agent = startProgram({
        enter: options.network?.enter ?? [],
        file: programs.agent,
        args,
        logFile: `${dataDir}.log`,
        probes: `127.0.0.1:${probePort}`,
      });
      parts.use(agent);
      clusters.set(name, describeCluster(name, server, { agent, agentArgs: args }));
    }),
  );
  await client.sources.add({ name: "config", url: tree.path, intervalSeconds: 1 }, never);
  const targets = async (of = client): Promise<readonly Target[]> => Array.fromAsync(of.targets.all({}, never));
  const settle = async (commit: string, wanted: readonly string[], of = client): Promise<void> => {
    await eventually(
      async () => {
        const found = (await targets(of)).map(
          (t) => `${t.app}@${t.cluster} ${t.state} ${t.appliedRevision} ${t.message}`,
        );
        const expected = wanted.map((target) => `${target} current ${commit} `);
        if (found.toSorted().join("\n") !== expected.toSorted().join("\n")) {
          throw new Error(`expected\n${expected.join("\n")}\nfound\n${found.join("\n")}\n${await explain(of)}`);
        }
      },
      { timeoutMs: settleMs, intervalMs: 50 },
    );
  };
  const resources = parts.move();
  return {
    tree,
    hub,
    broker,
    link,
    hubFolder: options.hubFolder ?? join(folder, "hub"),
    client,
    url,
    token,
    cluster(name) {
      const cluster = clusters.get(name);
      if (cluster === undefined) throw new Error(`the fleet has no cluster ${name}`);
      return cluster;
    },
    targets,
    settle,
    [Symbol.asyncDispose]: async () => resources.disposeAsync(),
  };
}

async function startHub(folder: string, file: string, options: FleetOptions, parts: AsyncDisposableStack) {
  const dataDir = options.hubFolder ?? join(folder, "hub");
  const api = `127.0.0.1:${await freePort()}`;
  const link = `127.0.0.1:${await freePort()}`;
  const networks = ["--source-networks", rigNetworkList];
  const natsPort = options.link === "nats" ? await freePort() : undefined;
  // The rig's is Debian's, which is old.
  const oldBroker = ["--nats-old-broker", "accept"];
  const nats = natsPort === undefined ? [] : ["--nats-url", `nats://127.0.0.1:${natsPort}`, ...oldBroker];
  const args = [
    "--data-dir",
    dataDir,
    "--api-address",
    api,
    "--link-address",
    link,
    "--log-level",
    "debug",
    ...networks,
    ...nats,
    ...(options.hubArgs ?? []),
  ];
  const enter = options.network?.enter ?? [];
  const hub = parts.use(startProgram({ enter, file, args, logFile: join(folder, "hub.log"), probes: api }));
  await options.network?.letIn(Number(new URL(`http://${api}`).port));
  await hub.ready();
  // The hub has to be there first: it writes what makes a broker know it.
  const config = natsPort === undefined ? "" : await readFile(join(dataDir, "nats.conf"), "utf8");
  const broker = natsPort === undefined ? undefined : parts.use(await startNats({ port: natsPort, config }));
  const url = `http://${api}`;
  const token = (await readFile(join(dataDir, "admin-token"), "utf8")).trim();
  return { hub, broker, url, link, token, client: createClient({ url, token }) };
}

/** As `drover join NAME | kubectl apply -f -` does, and then acts as the manifest's service account, from outside. */
async function joinByManifest(folder: string, { access, kubectl }: Server, manifest: string): Promise<string> {
  const applied = await kubectl(["apply", "-f", "-"], { stdin: manifest });
  if (applied.code !== 0) throw new Error(`the join manifest was refused: ${applied.stderr}`);
  const token = await kubectl(["create", "token", "drover-agent", "--namespace", "drover-system"]);
  if (token.code !== 0) throw new Error(`no token for the agent's account: ${token.stderr}`);
  const file = join(folder, `agent-${access.name}.kubeconfig`);
  await writeFile(file, formatKubeconfig({ ...access, token: token.stdout.trim() }));
  return file;
}

interface Server {
  readonly access: ClusterAccess;
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  readonly writes: () => Promise<number>;
}

async function startServer(
  name: string,
  { folder, servers, nodes = 0, versions = {} }: FleetOptions & { readonly folder: string },
  parts: AsyncDisposableStack,
): Promise<Server> {
  if (servers === "real") {
    const plane = parts.use(await startControlPlane({ name, nodes }));
    const writes = async (): Promise<number> => countWrites((await plane.kubectl(["get", "--raw", "/metrics"])).stdout);
    return { access: plane, kubeconfig: plane.kubeconfigPath, kubectl: plane.kubectl, writes };
  }
  let writes = 0;
  const gitVersion = versions[name];
  const cluster = await startCluster({
    name,
    ...(gitVersion === undefined ? {} : { gitVersion }),
    onRequest: ({ method, userAgent }) => {
      if (method !== "GET" && userAgent.startsWith("drover-agent")) writes += 1;
    },
  });
  parts.use(cluster);
  const home = join(folder, `home-${name}`);
  await mkdir(home, { recursive: true });
  const kubeconfig = join(home, "kubeconfig");
  await writeFile(kubeconfig, cluster.kubeconfig());
  const kubectl = createKubectl({ kubeconfigPath: kubeconfig, home });
  return { access: cluster, kubeconfig, kubectl, writes: async () => writes };
}

/** Of the server's own metrics: writes to kinds that only agents and people write in these suites. */
function countWrites(metrics: string): number {
  let count = 0;
  for (const line of metrics.split("\n")) {
    if (!line.startsWith("apiserver_request_total{")) continue;
    const verb = /verb="(?<verb>[A-Z]+)"/u.exec(line)?.groups?.["verb"] ?? "";
    const resource = /resource="(?<resource>\w*)"/u.exec(line)?.groups?.["resource"] ?? "";
    const isWrite = ["APPLY", "PATCH", "POST", "PUT", "DELETE"].includes(verb);
    if (isWrite && ["deployments", "services", "configmaps", "secrets"].includes(resource)) {
      count += Number(line.slice(line.lastIndexOf(" ") + 1));
    }
  }
  return count;
}

function describeCluster(
  name: string,
  server: Server,
  started: Pick<FleetCluster, "agent" | "agentArgs">,
): FleetCluster {
  const { access, kubectl, writes } = server;
  return {
    name,
    access,
    kubectl,
    ...started,
    writes,
    async run(...args) {
      const result = await kubectl(args);
      if (result.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${result.stderr}`);
      return result.stdout;
    },
    async get(namespace, object) {
      const result = await kubectl(["get", "--namespace", namespace, object, "--output", "json", "--ignore-not-found"]);
      if (result.code !== 0) throw new Error(`kubectl get ${object}: ${result.stderr}`);
      return result.stdout.trim() === "" ? undefined : (JSON.parse(result.stdout) as KubeResult);
    },
  };
}

/** What the hub says about why things are as they are: goes into the failure of a wait. */
async function explain(client: Client): Promise<string> {
  const sources = await Array.fromAsync(client.sources.all({}, never));
  const apps = await Array.fromAsync(client.applications.all({}, never));
  return [...sources, ...apps].map((item) => `${item.name} ${item.state} ${item.reason}`).join("\n");
}
