import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createExplanations } from "@drover/hub/backend/explanations";
import { createViews } from "@drover/hub/backend/views";
import { createAgents } from "@drover/hub/controllers/agents";
import { createBlobs } from "@drover/hub/controllers/blobs";
import { createEventLog } from "@drover/hub/controllers/event-log";
import { createInspections } from "@drover/hub/controllers/inspections";
import { createNews } from "@drover/hub/controllers/news";
import { Quarantine } from "@drover/hub/controllers/quarantine";
import { World } from "@drover/hub/controllers/world";
import { createLoop } from "@drover/hub/loop";
import { createMirror, type Mirror } from "@drover/hub/source/git/mirror";
import { createHelm } from "@drover/hub/source/programs/helm";
import { createKustomize } from "@drover/hub/source/programs/kustomize";
import { createPackages } from "@drover/hub/source/published/packages";
import { openSqliteStore } from "@drover/hub/store/sqlite";
import { clusterDefaults, sourceDefaults } from "@drover/hub/store/store";
import { systemClock, type Clock } from "@drover/shared/clock";
import { features } from "@drover/shared/link/features";
import { noFacts, type Assignments, type Hello, type HubMessage } from "@drover/shared/link/link";
import { decodeAssignments } from "@drover/shared/link/wire-assignments";
import { silentLog } from "@drover/shared/log";
import { runAll } from "@drover/shared/service";
import { afterEach, expect, vi } from "vitest";

import { createWorkTree, type FileChanges, type WorkTree } from "../rig/git.ts";
import { rigNetworks } from "./rig-networks.ts";

interface LoopOptions {
  readonly clock?: Clock;
  readonly mirror?: Mirror;
}

/** The hub's loop over a real work tree and a real store; the link only remembers what it was given. */
export async function startLoop(
  folder: string,
  tree: Pick<WorkTree, "path">,
  {
    clock = systemClock,
    mirror = createMirror({ folder: join(folder, "mirrors"), networks: rigNetworks }),
  }: LoopOptions = {},
) {
  const store = openSqliteStore(join(folder, "hub.db"));
  const now = (): number => clock.now();
  const events = createEventLog(store, now);
  const world = new World(store, events, now);
  const sent = new Map<string, Assignments[]>();
  const link = {
    send: (cluster: string, message: HubMessage): boolean => {
      if (message.kind !== "assignments") return false;
      const list = sent.get(cluster) ?? [];
      list.push(decodeAssignments(message.signed.payload));
      sent.set(cluster, list);
      return true;
    },
  };
  const sign = (payload: Uint8Array) => ({ payload, signature: new Uint8Array(), keyId: "test" });
  if (store.source("config") === undefined) {
    store.putSource({ ...sourceDefaults, name: "config", url: tree.path });
    for (const [name, env] of [
      ["dev-1", "dev"],
      ["prod-1", "prod"],
    ] as const) {
      store.putCluster({ ...clusterDefaults, name, uid: name, labels: { env } });
    }
  }
  const hello: Hello = { ...noFacts, agentVersion: "1", clusterUid: "", epoch: "", generation: 0, features };
  for (const { name } of store.clusters()) world.connections.set(name, { hello, sinceMs: 0, refusal: undefined });
  const environment = process.env;
  const programs = { kustomize: createKustomize({ environment }), helm: createHelm({ environment }) };
  const blobs = createBlobs(store);
  const loop = createLoop({
    store,
    world,
    events,
    inspections: createInspections(link, clock),
    mirror,
    quarantine: new Quarantine({ before: "", write: () => undefined }),
    packages: createPackages({
      folder: join(folder, "packages"),
      credentialFor: () => undefined,
      pins: store.pins,
      networks: rigNetworks,
    }),
    link,
    sign,
    beats: { send: () => undefined },
    news: createNews(blobs),
    clock,
    random: Math.random,
    log: silentLog,
    programs,
  });
  const nobody = (): Promise<never> => Promise.reject(new Error("nobody joins here"));
  const agents = createAgents({
    store,
    world,
    blobs,
    inspections: createInspections(link, clock),
    enrollment: { admit: () => undefined, holds: () => true, enroll: nobody, renew: nobody },
    events,
    clock,
    log: silentLog,
    send: (name) => loop.wake.clusters([name]),
    listNamed: (digest) => loop.wake.apiList(digest),
    factsChanged: loop.wake.facts,
    left: () => undefined,
    rolling: loop.wake.rollouts,
  });
  const stop = new AbortController();
  const run = runAll(loop.services, stop.signal);
  return {
    store,
    world,
    events,
    loop,
    /** To be told what agents say. */
    agents,
    sent,
    views: createViews({ store, world, clock }),
    explanations: createExplanations({ store, world, ...programs }),
    newest: (cluster: string) => sent.get(cluster)?.at(-1),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await run;
      store.close();
    },
  };
}

export const web = (replicas: number): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec: { replicas: ${replicas} }
`;
export const application = (name: string): string => `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: ${name} }
spec:
  source: { path: apps/${name} }
`;
export const placement = (name: string, env: string): string => `apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: ${name} }
spec:
  applications: [${name}]
  selector:
    matchLabels: { env: ${env} }
`;
export const files: FileChanges = {
  "apps/web/drover.yaml": `${application("web")}---\n${placement("web", "prod")}`,
  "apps/web/web.yaml": web(1),
  "apps/api/drover.yaml": `${application("api")}---\n${placement("api", "dev")}`,
  "apps/api/api.yaml": web(1),
};

/** To be called within `describe`: what tests begin is closed in reverse order after each of them. */
export function loopSuite() {
  afterEach(async () => {
    // Each test leaves what it opened here, to be closed in reverse order.
    for (const close of closers.splice(0).toReversed()) await close();
  });
  const closers: (() => Promise<void>)[] = [];

  const begin = async (clock?: Clock) => {
    const folder = await mkdtemp(join(tmpdir(), "drover-loop-"));
    const tree = await createWorkTree({ files });
    closers.push(
      async () => tree[Symbol.asyncDispose](),
      async () => rm(folder, { recursive: true, force: true }),
    );
    const start = async () => {
      const loop = await startLoop(folder, tree, clock === undefined ? {} : { clock });
      closers.push(async () => loop[Symbol.asyncDispose]());
      return loop;
    };
    const hub = await start();
    await vi.waitFor(() => {
      expect(hub.newest("prod-1")?.targets.map((target) => target.application)).toEqual(["web"]);
      expect(hub.newest("dev-1")?.targets.map((target) => target.application)).toEqual(["api"]);
    }, 5_000);
    return { tree, hub, folder };
  };
  return { begin, closers };
}
