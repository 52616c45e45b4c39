import { noFacts, type Hello, type Standing } from "@drover/shared/link/link";
import { expect, it, vi } from "vitest";

import { createWorkTree } from "../rig/git.ts";
import { temporaryFolder } from "../rig/watchdog.ts";
import { files, startLoop } from "./loop.ts";

it("R6: an agent that is stale or frozen is shown so, and gets again what it refused while it was frozen", async () => {
  await using tree = await createWorkTree({ files });
  await using folder = await temporaryFolder("standing");
  await using hub = await startLoop(folder.path, tree);
  await vi.waitFor(() => expect(hub.newest("prod-1")?.targets).toHaveLength(1), 10_000);
  const say = (standing: Standing): void => {
    const hello: Hello = { ...noFacts, clusterUid: "prod-1", epoch: "", generation: 0, standing };
    hub.agents.introduced("prod-1", hello);
  };
  const told = (): readonly string[] =>
    hub.store
      .events()
      .flatMap(({ type, cluster }) => (cluster === "prod-1" && /stale|fresh|frozen/u.test(type) ? [type] : []));
  const fine = { staleSinceMs: 0, policy: "", frozen: false };
  say({ ...fine, staleSinceMs: 5 });
  expect(hub.views.cluster("prod-1")?.standing).toEqual({ staleSince: 5, policy: "", frozen: false });
  say({ ...fine, staleSinceMs: 5 });
  say(fine);
  expect(told()).toEqual(["stale", "fresh"]);
  say({ ...fine, policy: "sha256:p", frozen: true });
  const { generation = 0 } = hub.newest("prod-1") ?? {};
  const refusal = { code: "cluster_frozen", message: "the cluster's policy says freeze" };
  hub.agents.acknowledged("prod-1", { epoch: hub.store.era.epoch, generation, refusal });
  expect(hub.views.target("web", "prod-1")).toMatchObject({ state: "paused", reason: "Frozen" });
  expect(hub.views.cluster("prod-1")?.standing).toMatchObject({ policy: "sha256:p", frozen: true });
  const before = hub.sent.get("prod-1")?.length ?? 0;
  say({ ...fine, policy: "sha256:p" });
  await vi.waitFor(() => expect(hub.sent.get("prod-1")?.length).toBeGreaterThan(before), 5_000);
  expect(told()).toEqual(["stale", "fresh", "frozen", "unfrozen"]);
});
