import { encodeBundle } from "@drover/shared/bundle";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { annotated, argo, createJobs, helm, job, jobPath, patience } from "./agent-jobs.ts";
import { configMap, mapPath } from "./agent-objects.ts";
import { startLoneAgent, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";

function suite(server: Server): void {
  let agent: LoneAgent;
  beforeAll(async () => {
    agent = await startLoneAgent(server);
  }, 60_000);
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });
  let count = 0;
  const fresh = (): string => `removal-${(count += 1)}`;
  const { uidOf, untilThere, untilGone, end } = createJobs(() => agent);
  const untilApplied = async (app: string, objects: Parameters<LoneAgent["hub"]["assign"]>[1]): Promise<void> => {
    const { bundle } = agent.hub.assign(app, objects);
    await agent.untilApplied(app, bundle);
  };
  const heldDigest = (app: string): string => agent.hub.report(app)?.heldPrune?.digest ?? "none";

  it("E58: runs hooks by weight before anything is deleted and after all is gone, and leaves none behind", async () => {
    const app = fresh();
    const [drain, stop, note] = [`${app}-drain`, `${app}-stop`, `${app}-note`];
    await untilApplied(app, [
      job(stop, helm("pre-delete", { "helm.sh/hook-weight": "1" })),
      job(drain, argo("PreDelete")),
      job(note, helm("post-delete")),
      configMap(app, {}),
    ]);
    expect(await agent.get(jobPath(drain))).toBeUndefined();
    agent.hub.bury(app);
    await untilThere(drain);
    expect(await agent.get(jobPath(stop))).toBeUndefined();
    await end(drain);
    await untilThere(stop);
    expect(await agent.get(mapPath(app))).toBeDefined();
    await end(stop);
    await untilThere(note);
    expect(await agent.get(mapPath(app))).toBeUndefined();
    expect(await agent.get(jobPath(drain))).toBeUndefined();
    await end(note);
    await agent.untilReported(app, { phase: "removed" });
    await untilGone(jobPath(note));
    expect(await agent.get(jobPath(stop))).toBeUndefined();
  });

  it("keeps the namespace that a hook is made in until the hook has ended", async () => {
    const app = fresh();
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: app } };
    const hook = annotated(configMap(app, {}, app), helm("post-delete"));
    await untilApplied(app, [namespace, configMap("inside", {}, app), hook]);
    agent.takeRequests();
    agent.hub.bury(app);
    const writes: string[] = [];
    await vi.waitFor(() => {
      writes.push(...writesOf(agent.takeRequests()).map((request) => request.replace(/\?.*/u, "")));
      expect(writes.filter((request) => !request.includes("drover-inventory"))).toEqual([
        `DELETE ${mapPath("inside", app)}`,
        `PATCH ${mapPath(app, app)}`,
        `DELETE ${mapPath(app, app)}`,
        `DELETE /api/v1/namespaces/${app}`,
      ]);
    }, patience);
  });

  it.each(["while the hook runs", "after it has ended", "after it has failed"])(
    "neither repeats nor skips a hook when the agent is started again %s",
    async (moment) => {
      const app = fresh();
      await untilApplied(app, [
        job(app, helm("pre-delete")),
        job(`${app}-after`, helm("post-delete")),
        configMap(app, {}),
      ]);
      agent.hub.bury(app);
      const uid = await untilThere(app);
      await agent.stop();
      if (moment === "while the hook runs") agent.start();
      await end(app, moment === "after it has failed" ? "Failed" : "Complete");
      agent.takeRequests();
      if (moment !== "while the hook runs") agent.start();
      if (moment === "after it has failed") {
        await agent.untilReported(app, { phase: "removing", reason: "HookFailed" });
        await agent.restart();
        await agent.untilReported(app, { phase: "removing", reason: "HookFailed" });
        expect(await uidOf(jobPath(app))).toBe(uid);
        expect(await agent.get(mapPath(app))).toBeDefined();
        return;
      }
      await untilThere(`${app}-after`);
      const created = writesOf(agent.takeAnswered()).filter((request) => request.startsWith(`PATCH ${jobPath(app)}?`));
      expect(created).toHaveLength(1);
      await agent.restart();
      await end(`${app}-after`);
      await agent.untilReported(app, { phase: "removed" });
      expect(await agent.get(jobPath(app))).toBeUndefined();
    },
  );

  it("is held by a hook that fails, and goes on when another run of it is confirmed and succeeds", async () => {
    const app = fresh();
    await untilApplied(app, [job(app, helm("pre-delete")), configMap(app, {})]);
    agent.hub.bury(app);
    const first = await untilThere(app);
    await end(app, "Failed");
    const held = { phase: "removing", reason: "HookFailed", heldPrune: { objects: 1, reason: "HookFailed" } } as const;
    await agent.untilReported(app, held);
    expect(agent.hub.report(app)?.message).toContain(
      `Job default/${app}: BackoffLimitExceeded: it gave up; it holds the removal`,
    );
    expect(await agent.get(mapPath(app))).toBeDefined();
    const digest = heldDigest(app);
    agent.hub.bury(app, { confirmPrune: digest });
    const second = await untilThere(app, first);
    await end(app, "Failed");
    await vi.waitFor(() => {
      expect(agent.hub.report(app)).toMatchObject(held);
      expect(heldDigest(app)).not.toBe(digest);
    }, patience);
    agent.hub.bury(app, { confirmPrune: heldDigest(app) });
    await untilThere(app, second);
    await end(app);
    await agent.untilReported(app, { phase: "removed" });
    expect(await agent.get(mapPath(app))).toBeUndefined();
    await untilGone(jobPath(app));
  });

  it("deletes a hook that failed when it says so, and is held all the same", async () => {
    const app = fresh();
    const policy = { "helm.sh/hook-delete-policy": "hook-failed" };
    await untilApplied(app, [job(app, helm("pre-delete", policy)), configMap(app, {})]);
    agent.hub.bury(app);
    await untilThere(app);
    await end(app, "Failed");
    await untilGone(jobPath(app));
    await agent.untilReported(app, { phase: "removing", reason: "HookFailed" });
    expect(await agent.get(mapPath(app))).toBeDefined();
  });

  it("costs an application without such hooks no request", async () => {
    const app = fresh();
    await untilApplied(app, [annotated(configMap(`${app}-hook`, {}), helm("pre-install")), configMap(app, {})]);
    agent.takeRequests();
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removed" });
    const requests = agent.takeRequests().filter((request) => !request.startsWith("WATCH "));
    expect(requests.map((request) => request.replace(/\?.*/u, "")).toSorted()).toEqual([
      `DELETE ${mapPath(app)}`,
      `DELETE ${mapPath(`${app}-hook`)}`,
      expect.stringMatching(/^DELETE .*drover-inventory/u),
      `GET ${mapPath(app)}`,
      `GET ${mapPath(`${app}-hook`)}`,
    ]);
  });

  it("runs none when the application is detached", async () => {
    const app = fresh();
    await untilApplied(app, [job(app, helm("pre-delete,post-delete")), configMap(app, {})]);
    agent.hub.bury(app, { detach: true });
    await agent.untilReported(app, { phase: "removed" });
    expect(await agent.get(jobPath(app))).toBeUndefined();
    expect(await agent.get(mapPath(app))).toBeDefined();
  });

  it("runs none when only the inventory is known, and says so", async () => {
    const app = fresh();
    await untilApplied(app, [job(app, helm("pre-delete")), configMap(app, {})]);
    await agent.stop();
    agent.hub.bury(app);
    await agent.restart({ loseDisk: true });
    await agent.untilReported(app, { phase: "removed" });
    expect(await agent.get(jobPath(app))).toBeUndefined();
    expect(await agent.get(mapPath(app))).toBeUndefined();
    expect(agent.hub.report(app)).toMatchObject({
      reason: "HooksUnknown",
      message: expect.stringContaining("without its hooks"),
    });
  });

  it("says nothing of hooks where none can have been: never applied, or let go of", async () => {
    const [never, detached] = [fresh(), fresh()];
    await untilApplied(detached, [job(detached, helm("pre-delete")), configMap(detached, {})]);
    agent.hub.withheld.add(encodeBundle([configMap(never, {})]).bundle.digest);
    agent.hub.assign(never, [configMap(never, {})]);
    await agent.untilReported(never, { reason: "WaitingForBundle" });
    agent.hub.bury(never);
    await agent.untilReported(never, { phase: "removed", reason: "Removed" });
    await agent.stop();
    agent.hub.bury(detached, { detach: true });
    await agent.restart({ loseDisk: true });
    await agent.untilReported(detached, { phase: "removed", reason: "Removed" });
    expect(await agent.get(mapPath(detached))).toBeDefined();
  });

  it("runs them again for another removal after one that was taken back", async () => {
    const app = fresh();
    const objects = [job(app, helm("pre-delete")), configMap(app, {})];
    await untilApplied(app, objects);
    agent.hub.bury(app);
    const first = await untilThere(app);
    await agent.untilReported(app, { phase: "removing" });
    await untilApplied(app, objects);
    await end(app);
    agent.hub.bury(app);
    await untilThere(app, first);
    expect(await agent.get(mapPath(app))).toBeDefined();
    await end(app);
    await agent.untilReported(app, { phase: "removed" });
  });
}

describe("agent runs the hooks of a removal on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent runs the hooks of a removal on the real API server", () => {
  suite("real");
});
