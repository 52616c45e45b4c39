import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { loadAccess } from "@drover/agent/kube/access";
import type { KubeApi } from "@drover/agent/kube/api";
import { createKubeApi } from "@drover/agent/kube/client";
import { startCluster } from "@drover/cluster/cluster";
import { systemClock } from "@drover/shared/clock";
import { recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { describe, expect, it, vi } from "vitest";

import { startControlPlane } from "../rig/control-plane.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { mulberry32 } from "../rig/random.ts";
import { createHubStandIn, type HubStandIn } from "./hub-stand-in.ts";
import { startMortalAgent, type Death, type Delivered, type MortalAgent } from "./mortal-agent.ts";

/** How many crash points on each kind of server; the whole proof is `DROVER_CRASH_POINTS=1000`. */
const wanted = process.env["DROVER_CRASH_POINTS"];
const points = Number(wanted ?? 40);
const realPoints = Number(wanted ?? 12);
const timeout = 7_200_000;
const pointsPerServer = 20;
/** Requests of one transition; an agent that has fewer to send ends without dying. */
const requestsOfATransition = 50;
const patience = { timeout: 60_000, interval: 5 } as const;
const never = AbortSignal.timeout(2 ** 31 - 1);

/** The names of one point: nothing of it meets another point's objects in the same cluster. */
interface Names {
  readonly namespace: string;
  readonly group: string;
  readonly from: string;
  readonly to: string;
}

type Contents = Readonly<Record<string, readonly KubeObject[]>>;

function object(kind: string, name: string, rest: object, namespace?: string): KubeObject {
  const [apiVersion = "", type = ""] = kind.split(" ");
  return { apiVersion, kind: type, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, ...rest };
}

/** What is assigned before, and what after: something stays, changes, comes, goes, moves, and is made anew. */
function contentsOf({ namespace, group, from, to }: Names): { readonly before: Contents; readonly after: Contents } {
  const map = (name: string, a: string): KubeObject => object("v1 ConfigMap", name, { data: { a } }, namespace);
  const fixed = (a: string): KubeObject => {
    const made = object("v1 ConfigMap", "fixed", { data: { a }, immutable: true }, namespace);
    return { ...made, metadata: { ...made.metadata, annotations: { "drover.dev/recreate": "true" } } };
  };
  const web = (replicas: number): KubeObject => {
    const template = {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "web", image: "nginx:1" }] },
    };
    const spec = { replicas, selector: { matchLabels: { app: "web" } }, template };
    return object("apps/v1 Deployment", "web", { spec }, namespace);
  };
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  const definition = object("apiextensions.k8s.io/v1 CustomResourceDefinition", `widgets.${group}`, {
    spec: {
      group,
      scope: "Namespaced",
      names: { kind: "Widget", plural: "widgets", singular: "widget", listKind: "WidgetList" },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  });
  const widget = (size: number): KubeObject => object(`${group}/v1 Widget`, "one", { spec: { size } }, namespace);
  const shared = [object("v1 Namespace", namespace, {}), definition, map("kept", "1")];
  const moved = map("moved", "1");
  return {
    before: {
      [from]: [
        ...shared,
        map("changed", "1"),
        fixed("1"),
        web(1),
        widget(1),
        map("gone", "1"),
        map("gone-too", "1"),
        moved,
      ],
      [to]: [map("other", "1")],
    },
    after: {
      [from]: [...shared, map("changed", "2"), fixed("2"), web(2), widget(2), map("new", "1")],
      [to]: [map("other", "1"), moved],
    },
  };
}

/** Objects whose identity has to survive everything. */
const lasting = ["kept", "changed", "moved", "web", "one", "other"];

interface Live {
  readonly id: string;
  readonly application: string;
  readonly uid: string;
  readonly body: JsonRecord;
}

/** Everything in the namespace that carries an application's label. */
async function listOwned(kube: KubeApi, { namespace, group }: Names): Promise<readonly Live[]> {
  const paths = [
    `/api/v1/namespaces/${namespace}/configmaps`,
    `/apis/apps/v1/namespaces/${namespace}/deployments`,
    `/apis/${group}/v1/namespaces/${namespace}/widgets`,
  ];
  const lists = await Promise.all(
    paths.map((path) => kube.request({ method: "GET", path: `${path}?labelSelector=drover.dev/application` }, never)),
  );
  return lists.flatMap((answer) =>
    (answer.kind === "ok" ? recordsAt(answer.body, "items") : []).map((body) => ({
      id: textAt(body, "metadata", "name") ?? "",
      application: textAt(body, "metadata", "labels", "drover.dev/application") ?? "",
      uid: textAt(body, "metadata", "uid") ?? "",
      body,
    })),
  );
}

class Point implements AsyncDisposable {
  readonly #kube: KubeApi;
  readonly #names: Names;
  readonly #folder: string;
  readonly #hub: HubStandIn = createHubStandIn();
  readonly #contents: { readonly before: Contents; readonly after: Contents };
  readonly #delivered: Delivered[] = [];
  #agent: MortalAgent | undefined;
  #disk: string;
  #lives = 0;

  constructor(kube: KubeApi, seed: number, folder: string) {
    this.#kube = kube;
    this.#names = { namespace: `p${seed}`, group: `p${seed}.test`, from: `from-${seed}`, to: `to-${seed}` };
    this.#contents = contentsOf(this.#names);
    this.#folder = folder;
    this.#disk = join(folder, "0");
  }

  /** Starts an agent on the disk that the last one left, and waits until it has died or `goal` holds. */
  async live(goal: () => void, death?: Death): Promise<void> {
    await this.#stop();
    this.#lives += 1;
    const remains = join(this.#folder, String(this.#lives));
    await mkdir(this.#disk, { recursive: true });
    this.#hub.setConnected(false);
    const { namespace } = this.#names;
    const agent = startMortalAgent({
      hub: this.#hub,
      kube: this.#kube,
      disk: this.#disk,
      namespace: `${namespace}-agent`,
      remains,
      ...(death === undefined ? {} : { death }),
    });
    this.#agent = agent;
    this.#hub.setConnected(true);
    let hasDied = false;
    void agent.died.then(() => (hasDied = true));
    await vi.waitFor(() => hasDied || goal(), patience);
    if (!hasDied) return;
    await this.#stop();
    this.#disk = remains;
  }

  assign(which: "before" | "after"): void {
    this.#hub.assignTogether(this.#contents[which]);
  }

  /** Both applications report to be as assigned, with nothing left to prune. */
  converged(which: "before" | "after"): () => void {
    const since = this.#hub.reports.length;
    return () => {
      for (const [name, objects] of Object.entries(this.#contents[which])) {
        const report = this.#hub.reports.slice(since).findLast(({ application }) => application === name);
        expect(report).toMatchObject({ phase: "applied", applied: report?.bundle });
        expect(report?.objects.map((entry) => entry.apply)).toEqual(objects.map(() => "applied"));
      }
    };
  }

  async list(): Promise<readonly Live[]> {
    return listOwned(this.#kube, this.#names);
  }

  /** Nothing is there that should not be, nothing is missing, and each is what and whose it has to be. */
  async expectExactly(which: "before" | "after"): Promise<void> {
    const live = await this.list();
    const wanted = Object.entries(this.#contents[which]).flatMap(([application, objects]) =>
      objects
        .filter(({ metadata }) => metadata.namespace !== undefined)
        .map(({ metadata, data, spec }) => ({
          id: metadata.name,
          application,
          body: data === undefined ? { spec } : { data },
        })),
    );
    const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);
    expect(live.map(({ id }) => id).toSorted()).toEqual(wanted.map(({ id }) => id).toSorted());
    expect(live.toSorted(byId)).toMatchObject(wanted.toSorted(byId));
  }

  /** The deletions that the server carried out, by path. */
  deletions(): readonly string[] {
    return [...this.#delivered, ...(this.#agent?.delivered ?? [])]
      .filter(
        ({ request, ok }) => ok && request.method === "DELETE" && request.path.includes(`/${this.#names.namespace}/`),
      )
      .map(({ request }) => request.path.split("?")[0]?.split("/").at(-1) ?? "");
  }

  /** A new agent on the same disk finds everything in order: it sends no write. */
  async expectQuiet(which: "before" | "after"): Promise<void> {
    await this.#stop();
    const before = this.#delivered.length;
    await this.live(this.converged(which));
    await this.#stop();
    const writes = this.#delivered.slice(before).filter(({ request }) => request.method !== "GET");
    expect(writes.map(({ request }) => `${request.method} ${request.path}`)).toEqual([]);
  }

  async #stop(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.stop();
    if (agent !== undefined) this.#delivered.push(...agent.delivered);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** One crash, or two in a row, somewhere in the first apply or in the change after it; then all has to be right. */
async function crashAt(kube: KubeApi, seed: number): Promise<void> {
  const random = mulberry32(seed);
  const draw = (): Death => ({
    request: 1 + Math.floor(random() * requestsOfATransition),
    moment: random() < 0.5 ? "before" : "after",
  });
  await using point = new Point(kube, seed, await mkdtemp(join(tmpdir(), "drover-crash-")));
  const duringFirst = random() < 0.3;
  point.assign("before");
  if (duringFirst) await point.live(point.converged("before"), draw());
  await point.live(point.converged("before"));
  const uids = new Map((await point.list()).map(({ id, uid }) => [id, uid]));
  point.assign("after");
  if (!duringFirst) await point.live(point.converged("after"), draw());
  if (random() < 0.25) await point.live(point.converged("after"), draw());
  await point.live(point.converged("after"));
  await point.expectExactly("after");
  for (const { id, uid } of await point.list())
    if (lasting.includes(id)) expect({ id, uid }).toEqual({ id, uid: uids.get(id) });
  expect(point.deletions().toSorted()).toEqual(["fixed", "gone", "gone-too"]);
  await point.expectQuiet("after");
}

async function openKube(kubeconfig: string): Promise<KubeApi> {
  const folder = await mkdtemp(join(tmpdir(), "drover-kubeconfig-"));
  const path = join(folder, "kubeconfig");
  await writeFile(path, kubeconfig);
  const access = await loadAccess({ kind: "kubeconfig", path, context: "" });
  await rm(folder, { recursive: true });
  return createKubeApi({ access, clock: systemClock, userAgent: "drover-agent/test" });
}

describe("case 51: E52: an agent killed at any request leaves nothing behind and loses nothing", () => {
  it(`at ${points} points on embedded clusters`, { timeout }, async () => {
    for (let seed = 1; seed <= points; seed += 1) {
      await using cluster = await startCluster({ name: "crash" });
      await using kube = await openKube(cluster.kubeconfig());
      await crashAt(kube, seed).catch((cause: unknown) => {
        throw new Error(`crash point ${seed}`, { cause });
      });
    }
  });
});

describeWithRig("kube-apiserver", "etcd")("case 51: an agent killed at any request of a real API server", () => {
  it(`at ${realPoints} points`, { timeout }, async () => {
    // Each point brings a definition, and a server gets slower with all that it has ever had.
    for (let first = 1; first <= realPoints; first += pointsPerServer) {
      await using plane = await startControlPlane({ name: "crash" });
      await using kube = await openKube(plane.kubeconfig);
      for (let seed = first; seed < Math.min(first + pointsPerServer, realPoints + 1); seed += 1) {
        await crashAt(kube, seed).catch((cause: unknown) => {
          throw new Error(`crash point ${seed}`, { cause });
        });
      }
    }
  });
});
