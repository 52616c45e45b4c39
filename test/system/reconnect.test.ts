import { digestOf, type Digest } from "@drover/shared/digest";
import { noFacts, type Hello, type Report } from "@drover/shared/link/link";
import { digestOfReports } from "@drover/shared/link/reported";
import { describe, expect, it, vi } from "vitest";

import { loopSuite, startLoop, web } from "./loop.ts";

type Hub = Awaited<ReturnType<typeof startLoop>>;

const cluster = "prod-1";
const said = digestOf("what the agent says of web");

/** What goes over the wire when an agent comes back, by a real loop and a real store. */
describe("an agent that comes back", () => {
  const { begin, closers } = loopSuite();

  it("E66: with what the hub has assigned and heard is sent nothing and asked for nothing", async () => {
    const { hub } = await begin();
    report(hub);
    const before = sent(hub);
    expect(comeBack(hub, { accepted: acceptedOf(hub), reported: digestOfReports([["web", said]]) })).toBe(true);
    await idle(hub);
    expect(sent(hub)).toBe(before);
    expect(hub.views.target("web", cluster)?.state).toBe("current");
  });

  it("E66: is known to a hub that was restarted meanwhile, by what it has written down", async () => {
    const { hub, tree, folder } = await begin();
    report(hub);
    const accepted = acceptedOf(hub);
    await hub[Symbol.asyncDispose]();
    closers.pop();
    const again = await startLoop(folder, tree, {});
    closers.push(async () => again[Symbol.asyncDispose]());
    expect(comeBack(again, { accepted, reported: digestOfReports([["web", said]]) })).toBe(true);
    await idle(again);
    expect(sent(again)).toBe(0);
  });

  it("E67: with other content than it has reported says everything again, and is sent nothing", async () => {
    const { hub } = await begin();
    report(hub);
    const before = sent(hub);
    const other = digestOf("other content");
    expect(comeBack(hub, { accepted: acceptedOf(hub), reported: digestOfReports([["web", other]]) })).toBe(false);
    await idle(hub);
    expect(sent(hub)).toBe(before);
  });

  it("E67: after it accepted the same generation of another hub is sent nothing, and its hub says so", async () => {
    const { hub } = await begin();
    report(hub);
    const before = sent(hub);
    comeBack(hub, { accepted: digestOf("what another hub counted on to"), reported: digestOfReports([["web", said]]) });
    await idle(hub);
    expect(sent(hub)).toBe(before);
    expect(hub.world.aheadOf(cluster)).toContain("has accepted another generation");
  });

  it("E62: after what was decided meanwhile is sent it once, however much that was", async () => {
    const { hub, tree } = await begin();
    report(hub);
    const accepted = acceptedOf(hub);
    hub.agents.disconnected(cluster, { graceful: false, reason: "a test" });
    const before = sent(hub);
    for (const replicas of [2, 3, 4]) {
      const head = await tree.commit(`scale to ${replicas}`, { "apps/web/web.yaml": web(replicas) });
      hub.loop.wake.source("config");
      await vi.waitFor(() => expect(hub.store.target({ app: "web", cluster })?.commit).toBe(head), 5_000);
    }
    expect(comeBack(hub, { accepted, reported: digestOfReports([["web", said]]) })).toBe(true);
    await vi.waitFor(() => expect(sent(hub)).toBe(before + 1), 5_000);
    await idle(hub);
    expect(sent(hub)).toBe(before + 1);
    expect(hub.newest(cluster)?.generation).toBe(hub.store.cluster(cluster)?.generation);
  });

  it("E62: of an earlier version, which says neither, is sent the whole and says everything again", async () => {
    const { hub } = await begin();
    report(hub);
    const before = sent(hub);
    expect(comeBack(hub, {})).toBe(false);
    await vi.waitFor(() => expect(sent(hub)).toBe(before + 1), 5_000);
  });
});

function sent(hub: Hub): number {
  return hub.sent.get(cluster)?.length ?? 0;
}

function acceptedOf(hub: Hub): Digest {
  const [accepted] = hub.newest(cluster)?.history ?? [];
  if (accepted === undefined) throw new Error("nothing was sent");
  return accepted;
}

/** Whether the hub has what the agent has reported. */
function comeBack(hub: Hub, knows: Pick<Hello, "accepted" | "reported">): boolean {
  const { epoch } = hub.store.era;
  const generation = hub.newest(cluster)?.generation ?? 0;
  hub.agents.disconnected(cluster, { graceful: false, reason: "a test" });
  return hub.agents.connected(cluster, { ...noFacts, clusterUid: cluster, epoch, generation, ...knows }).reportsKnown;
}

function report(hub: Hub): void {
  const bundle = hub.store.target({ app: "web", cluster })?.bundle ?? "";
  const assigned = { bundle, applied: bundle, commit: "", epoch: hub.store.era.epoch, generation: 1, sequence: 1 };
  const well = { phase: "applied", health: "Current", reason: "", message: "", objects: [] } as const;
  const web: Report = { application: "web", ...assigned, ...well, receivedAtMs: 1, appliedAtMs: 2, digest: said };
  hub.agents.reported(cluster, web);
}

async function idle({ loop }: Hub): Promise<void> {
  await vi.waitFor(
    () => expect(loop.controllers.map(({ busy }) => busy)).toEqual(loop.controllers.map(() => 0)),
    5_000,
  );
}
