import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { loadAccess } from "@drover/agent/kube/access";
import type { KubeApi, KubeRequest } from "@drover/agent/kube/api";
import { createKubeApi } from "@drover/agent/kube/client";
import { startCluster } from "@drover/cluster/cluster";
import { systemClock } from "@drover/shared/clock";
import { textAt } from "@drover/shared/json";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { helm, job, jobPath } from "./agent-jobs.ts";
import { configMap, mapPath } from "./agent-objects.ts";
import { createHubStandIn } from "./hub-stand-in.ts";
import { startMortalAgent, type Death } from "./mortal-agent.ts";

const patience = { timeout: 20_000, interval: 5 } as const;
const never = AbortSignal.timeout(2 ** 31 - 1);
/** Requests of a removal with two hooks; an agent that has fewer to send ends without dying. */
const requests = 24;

/** What was done to the cluster: Jobs by uid, and what was deleted. */
interface Done {
  readonly runs: string[];
  readonly order: string[];
}

/** Jobs end as soon as they are made, before their maker learns that they are. */
function endingJobs(kube: KubeApi, { runs, order }: Done): KubeApi {
  const end = async (path: string): Promise<void> => {
    const now = new Date().toISOString().replace(/\.\d+/u, "");
    const condition = { type: "Complete", status: "True", lastProbeTime: now, lastTransitionTime: now };
    const status = { startTime: now, completionTime: now, conditions: [condition] };
    const body = JSON.stringify({ status });
    const contentType = "application/merge-patch+json";
    await kube.request({ method: "PATCH", path: `${path}/status`, contentType, body }, never);
  };
  return {
    stream: (path, accept, signal) => kube.stream(path, accept, signal),
    [Symbol.asyncDispose]: () => Promise.resolve(),
    async request(request: KubeRequest, signal) {
      const answer = await kube.request(request, signal);
      const [path = ""] = request.path.split("?");
      if (answer.kind !== "ok") return answer;
      if (request.method === "DELETE") order.push(`DELETE ${path}`);
      if (request.method !== "PATCH" || !path.includes("/jobs/")) return answer;
      const uid = textAt(answer.body, "metadata", "uid") ?? "";
      if (runs.includes(`${path} ${uid}`)) return answer;
      runs.push(`${path} ${uid}`);
      order.push(`RUN ${path}`);
      await end(path);
      return answer;
    },
  };
}

describe("a removal with hooks, killed in the middle", () => {
  const parts = new AsyncDisposableStack();
  let api: KubeApi;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "drover-hooks-"));
    parts.defer(async () => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    const cluster = parts.use(await startCluster({ name: "hooks" }));
    const path = join(folder, "kubeconfig");
    await writeFile(path, cluster.kubeconfig());
    const access = await loadAccess({ kind: "kubeconfig", path, context: "" });
    api = parts.use(createKubeApi({ access, clock: systemClock, userAgent: "drover-agent/test" }));
  }, 60_000);
  afterAll(async () => parts.disposeAsync());

  /** Lives on the disk that the last agent left until the application is as `phase`, or until death. */
  async function live(
    kube: KubeApi,
    { hub, disk, remains, phase, death }: Readonly<Life>,
  ): Promise<{ readonly died: boolean }> {
    await mkdir(disk, { recursive: true });
    const agent = startMortalAgent({
      hub,
      kube,
      disk,
      remains,
      namespace: "drover-system",
      ...(death === undefined ? {} : { death }),
    });
    hub.setConnected(true);
    const since = hub.reports.length;
    const reached = (): void => expect(hub.reports.slice(since).some((report) => report.phase === phase)).toBe(true);
    const died = await Promise.race([agent.died.then(() => true), vi.waitFor(reached, patience).then(() => false)]);
    await agent.stop();
    hub.setConnected(false);
    return { died };
  }

  interface Life {
    readonly hub: ReturnType<typeof createHubStandIn>;
    readonly disk: string;
    readonly remains: string;
    readonly phase: string;
    readonly death?: Death;
  }

  const points = Array.from({ length: requests }, (_, index) => index + 1);
  it.each(points.flatMap((request) => [{ request, moment: "before" } as const, { request, moment: "after" } as const]))(
    "E58: runs each hook once, in its place, although it dies $moment request $request",
    async (death) => {
      const app = `dying-${death.request}-${death.moment}`;
      const done: Done = { runs: [], order: [] };
      const kube = endingJobs(api, done);
      const hub = createHubStandIn();
      const [disk, remains] = [join(folder, app), join(folder, `${app}-remains`)];
      hub.assign(app, [
        job(`${app}-first`, helm("pre-delete")),
        job(`${app}-last`, helm("post-delete", { "helm.sh/hook-delete-policy": "hook-succeeded" })),
        configMap(app, {}),
      ]);
      await live(kube, { hub, disk, remains, phase: "applied" });
      hub.bury(app);
      const { died } = await live(kube, { hub, disk, remains, phase: "removed", death });
      if (died) await live(kube, { hub, disk: remains, remains: `${remains}-2`, phase: "removed" });
      const [first, last] = [jobPath(`${app}-first`), jobPath(`${app}-last`)];
      const told = [`RUN ${first}`, `DELETE ${mapPath(app)}`, `RUN ${last}`, `DELETE ${last}`];
      expect(done.order.filter((line) => told.includes(line))).toEqual(told);
      expect(done.runs).toHaveLength(2);
    },
  );
});
