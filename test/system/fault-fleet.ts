import { join } from "node:path";

import { createKubeApi } from "@drover/agent/kube/client";
import type { Target } from "@drover/shared/api/types";
import { systemClock } from "@drover/shared/clock";
import { at } from "@drover/shared/json";
import { afterAll, beforeAll, expect, vi } from "vitest";

import type { ClusterAccess } from "../rig/kubeconfig.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet, type FleetOptions } from "./fleet.ts";

/**
 * A fault proves something only while what it must not stop goes on: so many repairs, or commits, have to come through
 * before it ends. A test waits for them within the fault, so that one below the floor fails.
 */
export const floor = 3;

/** A fleet that runs one small application while something is wrong, and what a test asks of it meanwhile. */
export interface FaultFleet {
  readonly fleet: Fleet;
  /** What the newest commit says. */
  readonly round: string;
  commit(): Promise<string>;
  /** Somebody changes what Git has said. */
  edit(cluster: string): Promise<void>;
  untilRound(cluster: string, round: string): Promise<void>;
  /** Something drifts, and its agent undoes it, as often as the floor says. */
  heal(cluster: string, round: string): Promise<void>;
  untilState(cluster: string, state: string): Promise<Target>;
  /** Who the objects are: nothing was deleted or made anew between two equal answers. */
  uids(): Promise<readonly unknown[]>;
  /** What each agent took, in order. */
  generations(cluster: string): Promise<readonly number[]>;
  /** How often an agent has lost its hub. */
  losses(cluster: string): Promise<number>;
}

export const patience = { timeout: 30_000, interval: 30 } as const;
export const signal = AbortSignal.timeout(170_000);
const everywhere = { fleet: "all" };
const source = (...path: readonly string[]): string => join(import.meta.dirname, ...path);
/** A hub that notices silence soon, and an agent as it is. */
const programs = { hub: source("brief-silence-hub.ts"), agent: source("..", "..", "agent", "src", "main.ts") };
const files = (round: string) => ({
  "apps/shop/drover.yaml": application("shop", "shop") + placement("shop", everywhere),
  "apps/shop/shop.yaml": [configMap("shop", { round }), configMap("keep", { a: "1" })].join("---\n"),
});

/** Starts the fleet before the tests of the suite that calls this, and ends it after them. */
export function shareFaultFleet(
  names: readonly string[],
  options: () => Partial<FleetOptions> = () => ({}),
): () => FaultFleet {
  let shared: (FaultFleet & AsyncDisposable) | undefined;
  beforeAll(async () => {
    const clusters = Object.fromEntries(names.map((name) => [name, everywhere]));
    const fleet = await startFleet({ servers: "embedded", programs, files: files("0"), clusters, ...options() });
    shared = watch(fleet, names);
    await fleet.settle(
      (await fleet.tree.git("rev-parse", "HEAD")).trim(),
      names.map((name) => `shop@${name}`),
    );
  });
  afterAll(() => shared?.[Symbol.asyncDispose]());
  return () => {
    if (shared === undefined) throw new Error("the fleet has not started");
    return shared;
  };
}

function watch(fleet: Fleet, names: readonly string[]): FaultFleet & AsyncDisposable {
  const apis = new Map(names.map((name) => [name, mapsOf(fleet.cluster(name).access)]));
  const maps = (name: string) => {
    const api = apis.get(name);
    if (api === undefined) throw new Error(`the fleet has no cluster ${name}`);
    return api;
  };
  const untilRound = (name: string, to: string): Promise<void> =>
    vi.waitFor(async () => expect(at(await maps(name).get("shop"), "data", "round")).toBe(to), patience);
  const log = (name: string): Promise<string> => fleet.cluster(name).agent.log();
  let round = 0;
  return {
    fleet,
    get round() {
      return String(round);
    },
    commit: () => fleet.tree.commit(`round ${(round += 1)}`, files(String(round))),
    edit: (name) => maps(name).drift(),
    untilRound,
    async heal(name, to) {
      for (let n = 0; n < floor; n += 1) {
        await maps(name).drift();
        await untilRound(name, to);
      }
    },
    untilState: (name, state) =>
      vi.waitFor(async () => {
        const cluster = await fleet.client.clusters.get(name, signal);
        const target = await fleet.client.targets.get({ app: "shop", cluster: name }, signal);
        expect([cluster.connected, target.state]).toEqual([state !== "offline", state]);
        return target;
      }, patience),
    uids: () =>
      Promise.all(
        names.flatMap((name) => ["shop", "keep"].map(async (map) => at(await maps(name).get(map), "metadata", "uid"))),
      ),
    generations: async (name) =>
      (await log(name))
        .split("\n")
        .filter((line) => line.includes('"accepted"'))
        .map((line) => (JSON.parse(line) as { readonly generation: number }).generation),
    losses: async (name) => (await log(name)).split('"disconnected from the hub"').length - 1,
    async [Symbol.asyncDispose]() {
      for (const api of apis.values()) await api[Symbol.asyncDispose]();
      await fleet[Symbol.asyncDispose]();
    },
  };
}

/** The ConfigMaps of the application, as somebody else than the agent sees and edits them. */
function mapsOf({ url, caPem, token }: ClusterAccess) {
  const authorize = () => Promise.resolve({ authorization: `Bearer ${token}` });
  const access = { url: new URL(url), tls: { ca: caPem }, authorize };
  const api = createKubeApi({ access, clock: systemClock, userAgent: "kubectl/test" });
  const path = (name: string): string => `/api/v1/namespaces/shop/configmaps/${name}`;
  return {
    async get(name: string): Promise<unknown> {
      const answer = await api.request({ method: "GET", path: path(name) }, signal);
      return answer.kind === "ok" ? answer.body : undefined;
    },
    async drift(): Promise<void> {
      const contentType = "application/merge-patch+json";
      const body = JSON.stringify({ data: { round: "drift" } });
      const patch = { method: "PATCH", path: `${path("shop")}?fieldManager=kubectl-edit`, contentType, body } as const;
      const answer = await api.request(patch, signal);
      if (answer.kind === "refused") throw new Error(answer.refusal.message);
    },
    [Symbol.asyncDispose]: async () => api[Symbol.asyncDispose](),
  };
}

/** Nothing was sent twice: what came twice would have been taken twice, or refused. */
export async function expectEachTakenOnce({ generations }: FaultFleet, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const taken = await generations(name);
    expect(taken.length).toBeGreaterThan(0);
    expect(taken).toEqual([...new Set(taken)].toSorted((a, b) => a - b));
  }
}
