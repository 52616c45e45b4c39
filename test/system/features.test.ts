import { features } from "@drover/shared/link/features";
import { noFacts, type Hello } from "@drover/shared/link/link";
import { describe, expect, it, vi } from "vitest";

import { application, loopSuite, placement, type startLoop } from "./loop.ts";

type Hub = Awaited<ReturnType<typeof startLoop>>;

const cluster = "prod-1";
const patience = { timeout: 5_000, interval: 10 };
/** What an agent says that is older than the list. */
const old = {};
const needing = `${application("web")}  sync: { serviceAccount: deployer }
---
${placement("web", "prod")}`;

/** A real loop and a real store; what the agent says of itself is all that differs. */
describe("E72: an agent that does not know what an application asks for", () => {
  const { begin } = loopSuite();

  it("is not sent it, keeps what it has, and the target says what to do; all else goes on", async () => {
    const { hub, tree } = await begin();
    const before = hub.newest(cluster)?.targets.find(({ application: name }) => name === "web")?.bundle;
    expect(before).toBeDefined();
    comeBack(hub, old);
    const other = `${application("other")}---\n${placement("other", "prod")}`;
    await commit(hub, tree, {
      "apps/web/drover.yaml": needing,
      "apps/other/drover.yaml": other,
      "apps/other/o.yaml": map,
    });
    await vi.waitFor(() => expect(namesOf(hub)).toEqual(["other"]), patience);
    // Nothing says that it is to go.
    expect(hub.newest(cluster)?.tombstones).toEqual([]);
    expect(hub.views.target("web", cluster)).toMatchObject({
      state: "pending",
      reason: "AgentTooOld",
      message: expect.stringMatching(/does not know sync\.serviceAccount .*: upgrade the agent of prod-1$/u),
    });
    expect(hub.views.target("other", cluster)?.reason).not.toBe("AgentTooOld");
  });

  it("is sent it under a higher generation once it is upgraded, also when it has accepted all that was sent before", async () => {
    const { hub, tree } = await begin();
    comeBack(hub, old);
    await commit(hub, tree, { "apps/web/drover.yaml": needing });
    await vi.waitFor(() => expect(namesOf(hub)).toEqual([]), patience);
    const held = generation(hub);
    comeBack(hub, { features });
    await vi.waitFor(() => expect(namesOf(hub)).toEqual(["web"]), patience);
    expect(generation(hub)).toBeGreaterThan(held);
    expect(hub.newest(cluster)?.targets[0]?.sync.serviceAccount).toBe("deployer");
    expect(hub.views.target("web", cluster)?.reason).not.toBe("AgentTooOld");
    // Said once more, it changes nothing.
    const sent = generation(hub);
    comeBack(hub, { features });
    expect(hub.store.cluster(cluster)?.generation).toBe(sent);
  });

  it("is sent it no more after a downgrade, under a higher generation, so that no generation means two things", async () => {
    const { hub, tree } = await begin();
    comeBack(hub, { features });
    await commit(hub, tree, { "apps/web/drover.yaml": needing });
    await vi.waitFor(() => expect(hub.newest(cluster)?.targets[0]?.sync.serviceAccount).toBe("deployer"), patience);
    const sent = generation(hub);
    comeBack(hub, { features: features.filter((name) => name !== "sync.serviceAccount") });
    await vi.waitFor(() => expect(namesOf(hub)).toEqual([]), patience);
    expect(generation(hub)).toBeGreaterThan(sent);
    expect(hub.views.target("web", cluster)).toMatchObject({ state: "pending", reason: "AgentTooOld" });
  });
});

const map = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: o }\n`;

function namesOf(hub: Hub): readonly string[] | undefined {
  return hub.newest(cluster)?.targets.map((target) => target.application);
}

function generation(hub: Hub): number {
  return hub.newest(cluster)?.generation ?? 0;
}

async function commit(hub: Hub, tree: { commit: Commit }, changes: Parameters<Commit>[1]): Promise<void> {
  await tree.commit("asks for more", changes);
  hub.loop.wake.source("config");
}
type Commit = (message: string, changes: Readonly<Record<string, string | undefined>>) => Promise<string>;

/** It has accepted all that was sent. */
function comeBack(hub: Hub, says: Pick<Hello, "features">): void {
  const [accepted] = hub.newest(cluster)?.history ?? [];
  const { epoch } = hub.store.era;
  const took = { epoch, generation: generation(hub), ...(accepted === undefined ? {} : { accepted }) };
  hub.agents.disconnected(cluster, { graceful: false, reason: "a test" });
  hub.agents.connected(cluster, { ...noFacts, clusterUid: cluster, ...took, ...says });
}
