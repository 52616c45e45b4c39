import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { loadAccess } from "@drover/agent/kube/access";
import type { KubeAnswer, KubeApi } from "@drover/agent/kube/api";
import { createKubeApi } from "@drover/agent/kube/client";
import { startCluster } from "@drover/cluster/cluster";
import { systemClock } from "@drover/shared/clock";
import { recordsAt, textAt } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { configMap } from "./agent-objects.ts";
import { createHubStandIn, type HubStandIn } from "./hub-stand-in.ts";
import { startMortalAgent } from "./mortal-agent.ts";

/** Objects of the bundle, and each request of its apply at which an agent is killed. */
const size = 6;
const moments = ["before", "after"] as const;
const patience = { timeout: 20_000, interval: 5 } as const;
const never = AbortSignal.timeout(2 ** 31 - 1);

let parts: AsyncDisposableStack;
let folder: string;
let kube: KubeApi;
beforeAll(async () => {
  parts = new AsyncDisposableStack();
  folder = await mkdtemp(join(tmpdir(), "drover-partial-"));
  parts.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const cluster = parts.use(await startCluster({ name: "partial" }));
  const path = join(folder, "kubeconfig");
  await writeFile(path, cluster.kubeconfig());
  const access = await loadAccess({ kind: "kubeconfig", path, context: "" });
  kube = parts.use(createKubeApi({ access, clock: systemClock, userAgent: "drover-agent/test" }));
});
afterAll(() => parts[Symbol.asyncDispose]());

const bundleOf = (app: string, version: string): readonly KubeObject[] =>
  Array.from({ length: size }, (_, index) => configMap(`${app}-${index}`, { version }));

/** How many objects of the application are at each version. */
async function liveVersions(app: string): Promise<Readonly<Record<string, number>>> {
  const path = `/api/v1/namespaces/default/configmaps?labelSelector=drover.dev/application=${app}`;
  const answer = await kube.request({ method: "GET", path }, never);
  if (answer.kind !== "ok") throw new Error("the cluster does not answer");
  const versions = recordsAt(answer.body, "items").map((item) => textAt(item, "data", "version") ?? "");
  const count = (version: string): number => versions.filter((one) => one === version).length;
  return { 1: count("1"), 2: count("2") };
}

/** Refuses every write from now on, as a server does whose disk is full: what is reported is what was found. */
function readOnly(api: KubeApi): KubeApi {
  const refusal = { status: 500, reason: "InternalError", message: "no room", about: "", causes: [] };
  const refused = (): Promise<KubeAnswer> => Promise.resolve({ kind: "refused", refusal });
  return {
    request: (request, signal) => (request.method === "GET" ? api.request(request, signal) : refused()),
    stream: (path, accept, signal) => api.stream(path, accept, signal),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface Life {
  readonly hub: HubStandIn;
  readonly disk: string;
}

/** An agent that dies at that request of the second bundle; whether it did, or was done before. */
async function killAt(life: Life, remains: string, death: { request: number; moment: "before" | "after" }) {
  const { hub, disk } = life;
  const agent = startMortalAgent({ hub, kube, disk, namespace: "partial-agent", remains, death });
  let hasDied = false;
  void agent.died.then(() => (hasDied = true));
  await vi.waitFor(() => expect(hasDied || isDone(hub)).toBe(true), patience);
  await agent.stop();
  return hasDied;
}

const isDone = (hub: HubStandIn): boolean => {
  const report = hub.reports.at(-1);
  return report?.phase === "applied" && report.applied === report.bundle;
};

async function oneKill(app: string, death: { request: number; moment: "before" | "after" }): Promise<boolean> {
  const hub = createHubStandIn();
  const disk = join(folder, app);
  await mkdir(disk, { recursive: true });
  const first = hub.assign(app, bundleOf(app, "1")).bundle;
  await killAt({ hub, disk }, join(folder, `${app}-first`), { request: 1_000_000, moment: "before" });
  hub.setConnected(false);
  const second = hub.assign(app, bundleOf(app, "2")).bundle;
  const { length } = hub.reports;
  hub.setConnected(true);
  const remains = join(folder, `${app}-remains`);
  const hasDied = await killAt({ hub, disk }, remains, death);
  const versions = await liveVersions(app);
  const claims = hub.reports.slice(length).filter(({ applied }) => applied === second);
  if (versions[2] !== size) expect(claims).toEqual([]);
  if (!hasDied) return false;
  // What is left says the same for itself, with no chance to finish.
  const again = hub.reports.length;
  hub.setConnected(false);
  const agent = startMortalAgent({
    hub,
    kube: readOnly(kube),
    disk: remains,
    namespace: "partial-agent",
    remains: join(folder, `${app}-end`),
  });
  hub.setConnected(true);
  await vi.waitFor(() => expect(hub.reports.slice(again).map(({ bundle }) => bundle)).toContain(second), patience);
  await agent.stop();
  const said = hub.reports.slice(again);
  if (versions[2] !== size) expect(said.filter(({ applied }) => applied === second)).toEqual([]);
  expect(said.every(({ applied }) => [first, second, ""].includes(applied))).toBe(true);
  return true;
}

it("R5: an agent killed at any request of an apply has never said that it was done, nor does the one that comes after it", async () => {
  let kills = 0;
  for (let request = 1, hasDied = true; hasDied; request += 1) {
    for (const moment of moments) {
      hasDied = await oneKill(`part-${request}-${moment}`, { request, moment });
      if (hasDied) kills += 1;
    }
  }
  expect(kills).toBeGreaterThan(2 * size);
});
