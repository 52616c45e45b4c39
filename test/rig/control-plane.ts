import { generateKeyPairSync } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import {
  apiServer,
  controllerManager,
  etcd,
  hollowKubelet,
  type Layout,
  nodeObject,
  scheduler,
} from "./control-plane-programs.ts";
import { type HttpsAnswer, httpsCall } from "./https-call.ts";
import { type ClusterAccess, formatKubeconfig } from "./kubeconfig.ts";
import { createKubectl, type Kubectl } from "./kubectl.ts";
import { freePort } from "./ports.ts";
import { type RigProcess, StartError, startProcess, untilReady } from "./rig-process.ts";
import { temporaryFolder } from "./watchdog.ts";

export interface ControlPlaneOptions {
  /** Name of the context in the kubeconfig. */
  readonly name?: string;
  /** Runs the real controllers: deletion of namespaces, garbage collection, rollouts, PVC binding by host paths. */
  readonly controllers?: boolean;
  /** Hollow kubelets; any makes the scheduler and the controllers run too. */
  readonly nodes?: number;
  /** etcd waits for the disk. Off unless durability is under test. */
  readonly fsync?: boolean;
  readonly apiServerFlags?: readonly string[];
}

/** A real Kubernetes control plane on loopback. Everything of it is gone after dispose. */
export interface ControlPlane extends ClusterAccess, AsyncDisposable {
  readonly kubeconfig: string;
  readonly kubeconfigPath: string;
  readonly etcdUrl: string;
  readonly kubectl: Kubectl;
  /** Running processes by program name (hollow kubelets: by node name), to measure, stop or kill one of them. */
  processes(): ReadonlyMap<string, RigProcess>;
  /** Kills the API server (etcd and the controllers go on) and waits until a new one is ready on the same port. */
  restartApiServer(signal?: AbortSignal): Promise<void>;
  /**
   * Lets etcd forget every revision before the current one: continue tokens from before get 410. Watches get it only
   * after `restartApiServer`, which has them until then in its cache.
   */
  compact(): Promise<void>;
  stop(): Promise<void>;
}

const startAttempts = 3;
const startTimeoutMs = 90_000;

/** Starts etcd and kube-apiserver, and the rest as asked for; resolves once the server is ready for clients. */
export async function startControlPlane(
  options: ControlPlaneOptions = {},
  signal: AbortSignal = AbortSignal.timeout(startTimeoutMs),
): Promise<ControlPlane> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options, signal);
    } catch (error) {
      // The port that was free a moment ago may be somebody else's by now.
      if (!(error instanceof StartError) || attempt === startAttempts || signal.aborted) throw error;
    }
  }
}

async function startOnce(options: ControlPlaneOptions, signal: AbortSignal): Promise<ControlPlane> {
  const { name = "rig", nodes = 0 } = options;
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder(name));
  const layout: Layout = {
    folder,
    etcdPort: await freePort(),
    etcdPeerPort: await freePort(),
    apiPort: await freePort(),
    fsync: options.fsync ?? false,
    controllers: (options.controllers ?? false) || nodes > 0,
    apiServerFlags: options.apiServerFlags ?? [],
  };
  const token = await writeCredentials(folder);
  const processes = new Map<string, RigProcess>();
  const run = async (options: Parameters<typeof startProcess>[0]): Promise<RigProcess> => {
    const process = await startProcess(options);
    processes.set(process.name, process);
    return process;
  };
  parts.defer(async () => {
    await Promise.all([...processes.values()].map((process) => process.stop()));
  });
  const url = `https://127.0.0.1:${layout.apiPort}`;
  const [store, server] = await Promise.all([run(etcd(layout)), run(apiServer(layout))]);
  await untilServing({ server, store, url, token, folder }, signal);
  const caPem = await readFile(join(folder, "certs/apiserver.crt"), "utf8");
  const access = { name, url, caPem, token };
  const kubeconfig = formatKubeconfig(access);
  const kubeconfigPath = join(folder, "kubeconfig");
  await Promise.all([writeFile(kubeconfigPath, kubeconfig), writeFile(join(folder, "ca.pem"), caPem)]);
  if (layout.controllers) await startControllers({ layout, nodes, access, run }, signal);
  const owned = parts.move();
  const stop = (): Promise<void> => owned.disposeAsync();
  return {
    ...access,
    kubeconfig,
    kubeconfigPath,
    etcdUrl: `http://127.0.0.1:${layout.etcdPort}`,
    kubectl: createKubectl({ kubeconfigPath, home: folder }),
    processes: () => processes,
    async restartApiServer(signal = AbortSignal.timeout(startTimeoutMs)) {
      await processes.get("kube-apiserver")?.stop();
      const server = await run(apiServer(layout));
      await untilServing({ server, store, url, token, folder }, signal);
    },
    compact: () => compactEtcd(`http://127.0.0.1:${layout.etcdPort}`),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function compactEtcd(url: string): Promise<void> {
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(url + path, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`etcd refused ${path}: ${await response.text()}`);
    return response.json();
  };
  const { header } = (await post("/v3/kv/range", { key: "AA==", limit: 1 })) as { header: { revision: string } };
  await post("/v3/kv/compaction", { revision: header.revision, physical: true });
}

/** Writes the key for service account tokens and the admin's token; returns the latter. */
async function writeCredentials(folder: string): Promise<string> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const token = "rig-admin-token";
  await Promise.all([
    writeFile(join(folder, "service-account.pem"), privateKey.export({ type: "sec1", format: "pem" })),
    writeFile(join(folder, "tokens.csv"), `${token},rig-admin,rig-admin,"system:masters"\n`),
  ]);
  return token;
}

interface StartingServer {
  readonly server: RigProcess;
  readonly store: RigProcess;
  readonly url: string;
  readonly token: string;
  readonly folder: string;
}

/** Ready for clients means more than /readyz: the first objects of a test go to `default`. */
async function untilServing({ server, store, url, token, folder }: StartingServer, signal: AbortSignal): Promise<void> {
  const get = async (path: string): Promise<HttpsAnswer> => {
    const caPem = await readFile(join(folder, "certs/apiserver.crt"), "utf8");
    return httpsCall({ url: url + path, caPem, token });
  };
  const probe = async (): Promise<boolean> => {
    if (!store.running()) throw new StartError(`etcd ended with ${await store.ended}\n${await store.logTail()}`);
    try {
      for (const path of ["/readyz", "/api/v1/namespaces/default"]) if ((await get(path)).status !== 200) return false;
      return true;
    } catch {
      return false;
    }
  };
  await untilReady(server, probe, signal);
}

interface ControllersToStart {
  readonly layout: Layout;
  readonly nodes: number;
  readonly access: ClusterAccess;
  readonly run: (options: Parameters<typeof startProcess>[0]) => Promise<RigProcess>;
}

async function startControllers(
  { layout, nodes, access, run }: ControllersToStart,
  signal: AbortSignal,
): Promise<void> {
  const call = (path: string, body?: unknown): Promise<HttpsAnswer> =>
    httpsCall({ url: access.url + path, caPem: access.caPem, token: access.token, body });
  const manager = await run(controllerManager(layout));
  if (nodes > 0) await run(scheduler(layout));
  for (let number = 1; number <= nodes; number += 1) {
    const { status, body } = await call("/api/v1/nodes", nodeObject(number));
    if (status !== 201) throw new Error(`node ${number} was refused: ${body}`);
    const kubelet = hollowKubelet(layout, number, [await freePort(), await freePort()]);
    await mkdir(kubelet.folder, { recursive: true });
    await run(kubelet);
  }
  // Pods are refused until the default service account has its token.
  await untilReady(
    manager,
    async () => {
      const { status, body } = await call("/api/v1/namespaces/default/serviceaccounts/default");
      return status === 200 && body.includes('"secrets"');
    },
    signal,
  );
}
