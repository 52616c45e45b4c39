import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { startControlPlane, type ControlPlane } from "../../rig/control-plane.ts";
import { freePort } from "../../rig/ports.ts";
import { temporaryFolder } from "../../rig/watchdog.ts";
import { startProgram, type Program } from "../../system/program.ts";
import { bundle } from "../bundles.ts";
import { issueIdentities } from "../fleet/identities.ts";
import { connectBare, must, workOff, type BareClient } from "./bare-client.ts";
import { benchCluster, startBenchHub, type BenchHub } from "./hub.ts";
import { rolledOut } from "./objects.ts";

/** An API server with etcd, the shipped agent as a process of its own, and a hub in this one. */
export interface Stage extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly hub: BenchHub;
  readonly agent: Program;
  /** A client that is neither the agent nor kubectl. */
  readonly bare: BareClient;
  /** Requests of the agent so far by verb, as it counts them itself. */
  requests(): Promise<Requests>;
  createNamespace(name: string): Promise<void>;
  /** Does to the Deployments of a namespace what a controller would: their rollouts are through. */
  rollOut(namespace: string, names: readonly string[]): Promise<void>;
}

export interface Requests {
  /** Watches apart: they are opened again by the clock. */
  readonly all: number;
  readonly writes: number;
}

/** What the image sets (deploy/agent.Dockerfile). */
const nodeArgs = ["--disable-proto=delete", "--max-old-space-size=384", "--min-semi-space-size=4"];

export async function startStage(): Promise<Stage> {
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder("bench-agent"));
  const plane = parts.use(await startControlPlane({ name: "bench" }));
  const hub = parts.use(await startBenchHub(join(folder, "keys")));
  const dataDir = join(folder, "data");
  await mkdir(dataDir, { mode: 0o700 });
  const [identity] = await issueIdentities(hub.keys, [benchCluster]);
  await writeFile(join(dataDir, "identity.json"), JSON.stringify({ identity, tokenId: "" }), { mode: 0o600 });
  const probes = `127.0.0.1:${await freePort()}`;
  const account = await writeServiceAccount(join(folder, "account"), plane);
  const args = ["--data-dir", dataDir, "--hub-address", hub.address, "--service-account-dir", account.folder];
  const agent = parts.use(
    startProgram({
      file: bundle("agent"),
      env: account.env,
      nodeArgs: [...nodeArgs, ...extraNodeArgs()],
      args: [...args, "--probe-port", probes.split(":")[1] ?? "", "--log-level", "warn"],
      logFile: join(folder, "agent.log"),
      probes,
    }),
  );
  await agent.ready();
  const bare = parts.use(await connectBare(plane));
  const createNamespace = (name: string): Promise<void> =>
    must(bare, { method: "POST", path: "/api/v1/namespaces", body: JSON.stringify({ metadata: { name } }) });
  await createNamespace("drover-system");
  const owned = parts.move();
  return {
    plane,
    hub,
    agent,
    bare,
    requests: async () => countRequests(await (await fetch(`http://${probes}/metrics`)).text()),
    createNamespace,
    rollOut: (namespace, names) =>
      workOff(names, 16, (name) => must(bare, statusUpdate({ namespace, name, note: "rolled out" }))),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What a pod finds: the agent runs as in its cluster, without the library that reads kubeconfigs. */
async function writeServiceAccount(folder: string, { url, caPem, token }: ControlPlane) {
  await mkdir(folder, { mode: 0o700 });
  await writeFile(join(folder, "ca.crt"), caPem);
  await writeFile(join(folder, "token"), token, { mode: 0o600 });
  const { hostname, port } = new URL(url);
  return { folder, env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port } };
}

/** For profiles: `DROVER_BENCH_NODE_ARGS="--cpu-prof --cpu-prof-dir=/tmp/profile"`. */
function extraNodeArgs(): readonly string[] {
  return (process.env["DROVER_BENCH_NODE_ARGS"] ?? "").split(" ").filter((flag) => flag !== "");
}

export function statusUpdate(about: { readonly namespace: string; readonly name: string; readonly note: string }) {
  return {
    method: "PATCH",
    path: `/apis/apps/v1/namespaces/${about.namespace}/deployments/${about.name}/status?fieldManager=controller`,
    contentType: "application/merge-patch+json",
    body: JSON.stringify(rolledOut(about.note)),
  };
}

function countRequests(metrics: string): Requests {
  let all = 0;
  let writes = 0;
  for (const line of metrics.split("\n")) {
    const verb = /^drover_agent_kube_requests_total\{verb="(?<verb>\w+)"/u.exec(line)?.groups?.["verb"];
    if (verb === undefined || verb === "WATCH") continue;
    const count = Number(line.slice(line.lastIndexOf(" ") + 1));
    all += count;
    if (verb !== "GET") writes += count;
  }
  return { all, writes };
}
