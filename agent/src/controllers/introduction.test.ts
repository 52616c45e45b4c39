import { FakeClock } from "@drover/shared/clock";
import { apiListOf, type ApiList } from "@drover/shared/kube/api-list";
import { features } from "@drover/shared/link/features";
import { noStanding, type Hello } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import { afterEach, describe, expect, it } from "vitest";

import type { KubeAnswer } from "../kube/api.ts";
import { fetchCluster } from "../kube/facts.ts";
import { answered, createScriptedApi, refused } from "../kube/scripted-api.ts";
import { createIntroduction } from "./introduction.ts";

const node = (region: string) => ({
  metadata: { labels: { "topology.kubernetes.io/region": region } },
  spec: { providerID: "aws:///x/i-1" },
});
const nodes = (count: number): KubeAnswer =>
  answered({
    kind: "NodeList",
    metadata: { resourceVersion: "1", remainingItemCount: count - 1 },
    items: [node("eu-west-1")],
  });

describe("introduction", () => {
  let stop = new AbortController();
  afterEach(() => {
    stop.abort();
    stop = new AbortController();
  });

  async function start() {
    const server = { "/version": answered({ gitVersion: "v1.35.0" }), "/api/v1/nodes?limit=10": nodes(3) };
    const kube = createScriptedApi({
      request: ({ path }) =>
        path.endsWith("/kube-system")
          ? answered({ metadata: { uid: "u" } })
          : (server[path as keyof typeof server] ?? refused(404)),
    });
    const clock = new FakeClock();
    const said: Hello[] = [];
    const link = { connected: true };
    const acceptance = { epoch: "e", digest: "", generation: 1 };
    const apis: { current: ApiList | undefined } = { current: undefined };
    const introduction = createIntroduction({
      kube,
      apis,
      cluster: await fetchCluster(kube, stop.signal),
      acceptance,
      standing: () => noStanding,
      run: "run-1",
      send: (message) => {
        if (link.connected && message.kind === "hello") said.push(message.hello);
      },
      clock,
      random: () => 0.5,
      log: silentLog,
    });
    const first = introduction.hello();
    introduction.connected();
    void introduction.run(stop.signal);
    const look = () => clock.advance(30_000);
    return { server, kube, apis, said, link, acceptance, introduction, first, look };
  }

  it("names the list of APIs when it has become known or another, between two connections too", async () => {
    const { apis, said, first, introduction } = await start();
    expect(first.apis).toBeUndefined();
    const [one, other] = [apiListOf(["v1"]), apiListOf(["v1", "apps/v1"])];
    apis.current = one;
    introduction.again();
    expect(introduction.hello().apis).toBe(one.digest);
    apis.current = other;
    introduction.connected();
    introduction.hello();
    introduction.connected();
    expect(said.map((hello) => hello.apis)).toEqual([one.digest, other.digest]);
  });

  it("E72: says with every hello which features it understands: all that there are", async () => {
    const { first, introduction } = await start();
    expect(first.features).toEqual(features);
    expect(introduction.hello().features).toEqual(features);
  });

  it("says where a cluster runs, and nothing more while nothing changes", async () => {
    const { kube, said, first, look } = await start();
    expect(first).toMatchObject({ clusterUid: "u", kubernetesVersion: "v1.35.0", epoch: "e", generation: 1 });
    expect(first).toMatchObject({ provider: "aws", region: "eu-west-1", nodes: 3 });
    await look();
    await look();
    expect(said).toEqual([]);
    const once = ["GET /version", "GET /api/v1/nodes?limit=10"];
    expect(kube.calls.slice(3)).toEqual([...once, ...once]);
  });

  it("says another hello when nodes came and when the control plane was upgraded", async () => {
    const { server, said, acceptance, first, look } = await start();
    server["/api/v1/nodes?limit=10"] = nodes(5);
    await look();
    expect(said).toEqual([{ ...first, nodes: 5 }]);
    server["/version"] = answered({ gitVersion: "v1.36.0" });
    acceptance.generation = 7;
    await look();
    expect(said.slice(1)).toEqual([{ ...first, nodes: 5, kubernetesVersion: "v1.36.0", generation: 7 }]);
  });

  it("says with the next connection what changed while there was none, and once", async () => {
    const { server, said, link, introduction, first, look } = await start();
    link.connected = false;
    server["/api/v1/nodes?limit=10"] = nodes(5);
    await look();
    expect(introduction.hello()).toEqual({ ...first, nodes: 5 });
    link.connected = true;
    introduction.connected();
    expect(said).toEqual([]);
  });

  it("says once the hub has taken the hello what changed since the hello", async () => {
    const { server, said, link, introduction, first, look } = await start();
    link.connected = false;
    introduction.hello();
    server["/api/v1/nodes?limit=10"] = nodes(5);
    await look();
    link.connected = true;
    introduction.connected();
    expect(said).toEqual([{ ...first, nodes: 5 }]);
  });

  it.each([
    ["refuses", refused(403)],
    ["is in trouble", refused(503)],
    ["is something in between", answered("<html>")],
    ["answers with another kind", answered({ kind: "Status" })],
  ])("keeps what it knows when the server %s", async (_name, answer) => {
    const { server, said, look } = await start();
    server["/version"] = answer;
    server["/api/v1/nodes?limit=10"] = answer;
    await look();
    expect(said).toEqual([]);
  });
});
