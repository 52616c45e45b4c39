import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll } from "vitest";

import { startControlPlane } from "../../rig/control-plane.ts";
import { describeWithRig } from "../../rig/describe-with-rig.ts";
import { createKubectl, type Kubectl } from "../../rig/kubectl.ts";
import { temporaryFolder } from "../../rig/watchdog.ts";
import { startCluster } from "../cluster.ts";
import { kubectl } from "./kubectl.ts";

type Running = AsyncDisposable & { readonly kubectl: Kubectl };

function suiteOver(start: () => Promise<Running>): void {
  let running: Running | undefined;
  beforeAll(async () => {
    running = await start();
  });
  afterAll(async () => {
    await running?.[Symbol.asyncDispose]();
  });
  kubectl(() => {
    if (running === undefined) throw new Error("the server has not started yet");
    return running.kubectl;
  });
}

const describeReal = describeWithRig("etcd", "kube-apiserver", "kube-controller-manager", "kubemark", "kubectl");

describeReal("kubectl on the real server", () => {
  suiteOver(() => startControlPlane({ name: "kubectl", nodes: 1 }));
});

describeWithRig("kubectl")("kubectl on the embedded cluster", () => {
  suiteOver(startEmbedded);
});

async function startEmbedded(): Promise<Running> {
  await using parts = new AsyncDisposableStack();
  const { path: home } = parts.use(await temporaryFolder("kubectl"));
  const cluster = parts.use(await startCluster({ name: "kubectl" }));
  const kubeconfigPath = join(home, "kubeconfig");
  await writeFile(kubeconfigPath, cluster.kubeconfig());
  const owned = parts.move();
  return {
    kubectl: createKubectl({ kubeconfigPath, home }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
