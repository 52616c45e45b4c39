import type { KubeObject } from "@drover/shared/kube/manifest";
import { describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { annotated, argo, createJobs, helm, job, jobPath, patience } from "./agent-jobs.ts";
import { configMap, mapPath } from "./agent-objects.ts";
import { field, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";
import { shareAgent } from "./shared-agent.ts";

function suite(server: Server): void {
  let agent: LoneAgent;
  const { fresh } = shareAgent(server, { prefix: "hooks", started: (running) => void (agent = running) });
  const { uidOf, untilThere, untilGone, end, removeJob } = createJobs(() => agent);
  const writesTo = (name: string): readonly string[] =>
    writesOf(agent.takeRequests()).filter((request) => new RegExp(`/${name}(?:\\?|$)`, "u").test(request));

  it("runs what comes before, then the rest, and what comes after once all of that is ready", async () => {
    const app = fresh();
    const [before, load, after] = [`${app}-before`, `${app}-load`, `${app}-after`];
    const { bundle } = agent.hub.assign(app, [
      job(after, helm("post-install,post-upgrade")),
      job(before, argo("PreSync")),
      job(load),
      configMap(app, { a: "1" }),
    ]);
    await untilThere(before);
    await agent.untilReported(app, { phase: "applying" });
    expect(await agent.get(mapPath(app))).toBeUndefined();
    await end(before);
    await untilThere(load);
    await vi.waitFor(async () => expect(await agent.get(mapPath(app))).toBeDefined(), patience);
    expect(await agent.get(jobPath(after))).toBeUndefined();
    await end(load);
    await untilThere(after);
    expect(agent.hub.report(app)?.applied).toBe("");
    await end(after);
    await agent.untilApplied(app, bundle);
    expect(agent.hub.report(app)?.health).toBe("Current");
  });

  it("holds the rest back when what comes before fails, says why, and tries again with the next bundle", async () => {
    const app = fresh();
    const hook = `${app}-migrate`;
    const objects = (a: string): readonly KubeObject[] => [
      job(hook, helm("pre-install,pre-upgrade")),
      configMap(app, { a }),
    ];
    const first = agent.hub.assign(app, objects("1"));
    await untilThere(hook);
    await end(hook);
    await agent.untilApplied(app, first.bundle);
    agent.hub.assign(app, [...objects("2"), configMap(`${app}-new`, {})]);
    const failing = await untilThere(hook, await uidOf(jobPath(hook)));
    await end(hook, "Failed");
    await agent.untilReported(app, { phase: "failed", reason: "HookFailed" });
    expect(agent.hub.report(app)?.message).toContain("BackoffLimitExceeded: it gave up");
    expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "1" });
    expect(await agent.get(mapPath(`${app}-new`))).toBeUndefined();
    const third = agent.hub.assign(app, objects("3"));
    await untilThere(hook, failing);
    await end(hook);
    await agent.untilApplied(app, third.bundle);
    expect(field(await agent.get(mapPath(app)), "data")).toEqual({ a: "3" });
  });

  it("prunes nothing while what comes before has not ended, or has failed", async () => {
    const app = fresh();
    const hook = `${app}-migrate`;
    const hooked = job(hook, helm("pre-install,pre-upgrade"));
    const first = agent.hub.assign(app, [hooked, configMap(`${app}-old`, {})]);
    await untilThere(hook);
    await end(hook);
    await agent.untilApplied(app, first.bundle);
    const before = await uidOf(jobPath(hook));
    agent.hub.assign(app, [hooked, configMap(`${app}-new`, {})]);
    await untilThere(hook, before);
    await end(hook, "Failed");
    await agent.untilReported(app, { phase: "failed", reason: "HookFailed" });
    expect(await agent.get(mapPath(`${app}-old`))).toBeDefined();
  });

  it.each(["another commit", "a request to sync", "a restart", "a restart without the disk"])(
    "E58: a hook runs once for a bundle, whatever happens: %s",
    async (event) => {
      const app = fresh();
      const [kept, dropped] = [`${app}-kept`, `${app}-dropped`];
      const objects = [
        job(kept, helm("pre-install,pre-upgrade")),
        job(dropped, argo("PostSync", { "argocd.argoproj.io/hook-delete-policy": "HookSucceeded" })),
        configMap(app, { a: "1" }),
      ];
      const { bundle } = agent.hub.assign(app, objects);
      const uid = await untilThere(kept);
      await end(kept);
      await untilThere(dropped);
      await end(dropped);
      await agent.untilApplied(app, bundle);
      await untilGone(jobPath(dropped));
      await vi.waitFor(() => expect(writesOf(agent.takeRequests())).toEqual([]), patience);
      if (event === "another commit") agent.hub.assign(app, objects, { commit: "1".repeat(40) });
      if (event === "a request to sync") agent.hub.assign(app, objects, { syncRequest: 7 });
      if (event.startsWith("a restart")) await agent.restart({ loseDisk: event.endsWith("disk") });
      // Something else that has to be done shows that the agent has come past it.
      await agent.remove(mapPath(app));
      await vi.waitFor(async () => expect(await agent.get(mapPath(app))).toBeDefined(), patience);
      await agent.untilApplied(app, bundle);
      expect(await uidOf(jobPath(kept))).toBe(uid);
      expect(await agent.get(jobPath(dropped))).toBeUndefined();
      expect(writesTo(dropped)).toEqual([]);
    },
  );

  it("runs hooks once per bundle even if they are unchanged, and those of the first bundle only with that", async () => {
    const app = fresh();
    const [always, once] = [`${app}-always`, `${app}-once`];
    const objects = (a: string): readonly KubeObject[] => [
      job(always, helm("pre-install,pre-upgrade")),
      job(once, helm("pre-install", { "helm.sh/hook-weight": "1" })),
      configMap(app, { a }),
    ];
    const first = agent.hub.assign(app, objects("1"));
    const run = await untilThere(always);
    await end(always);
    const only = await untilThere(once);
    await end(once);
    await agent.untilApplied(app, first.bundle);
    agent.takeRequests();
    const second = agent.hub.assign(app, objects("2"));
    await untilThere(always, run);
    await end(always);
    await agent.untilApplied(app, second.bundle);
    expect(await uidOf(jobPath(once))).toBe(only);
  });

  it("runs lower weights first, each to its end, and deletes what is not to stay when the stage is over", async () => {
    const app = fresh();
    const policy = { "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded" };
    const hooks = [
      annotated(configMap(`${app}-settings`, {}), helm("pre-install", { "helm.sh/hook-weight": "-10", ...policy })),
      job(`${app}-one`, helm("pre-install", { "helm.sh/hook-weight": "-1", ...policy })),
      job(`${app}-two`, helm("pre-install", policy)),
    ];
    const { bundle } = agent.hub.assign(app, [...hooks, configMap(app, {})]);
    await untilThere(`${app}-one`);
    expect(await agent.get(mapPath(`${app}-settings`))).toBeDefined();
    expect(await agent.get(jobPath(`${app}-two`))).toBeUndefined();
    await end(`${app}-one`);
    await untilThere(`${app}-two`);
    expect(await agent.get(jobPath(`${app}-one`))).toBeDefined();
    expect(await agent.get(mapPath(`${app}-settings`))).toBeDefined();
    await end(`${app}-two`);
    await agent.untilApplied(app, bundle);
    await untilGone(mapPath(`${app}-settings`));
    await untilGone(jobPath(`${app}-one`));
    await untilGone(jobPath(`${app}-two`));
    expect(agent.hub.report(app)?.health).toBe("Current");
  });

  it("deletes a hook that failed when it says so", async () => {
    const app = fresh();
    agent.hub.assign(app, [
      job(app, argo("PreSync", { "argocd.argoproj.io/hook-delete-policy": "HookFailed" })),
      configMap(app, {}),
    ]);
    await untilThere(app);
    await end(app, "Failed");
    await untilGone(jobPath(app));
    await agent.untilReported(app, { phase: "failed", reason: "HookFailed" });
    expect(await agent.get(mapPath(app))).toBeUndefined();
  });

  it("gives a failed hook another run when somebody asks for it", async () => {
    const app = fresh();
    const objects = [job(app, argo("PreSync")), configMap(app, {})];
    agent.hub.assign(app, objects);
    const failed = await untilThere(app);
    await end(app, "Failed");
    await agent.untilReported(app, { phase: "failed", reason: "HookFailed" });
    const { bundle } = agent.hub.assign(app, objects, { syncRequest: 1 });
    await untilThere(app, failed);
    await end(app);
    await agent.untilApplied(app, bundle);
  });

  it("applies no tests and nothing that says Skip", async () => {
    const app = fresh();
    const { bundle } = agent.hub.assign(app, [
      job(`${app}-test`, helm("test")),
      job(`${app}-skip`, argo("Skip")),
      configMap(app, {}),
    ]);
    await agent.untilApplied(app, bundle);
    expect(agent.hub.report(app)?.objects).toHaveLength(1);
    expect(await agent.get(jobPath(`${app}-test`))).toBeUndefined();
    expect(await agent.get(jobPath(`${app}-skip`))).toBeUndefined();
  });

  it("leaves a hook alone while it runs, and makes it again when somebody deletes it before its end", async () => {
    const app = fresh();
    const { bundle } = agent.hub.assign(app, [job(app, argo("PreSync")), configMap(app, {})]);
    const uid = await untilThere(app);
    await agent.untilReported(app, { phase: "applying" });
    agent.takeRequests();
    await agent.edit(jobPath(app), { metadata: { annotations: { "argocd.argoproj.io/hook": null } } });
    await removeJob(app);
    await untilThere(app, uid);
    expect(writesTo(app)).toHaveLength(1);
    await end(app);
    await agent.untilApplied(app, bundle);
  });

  it("runs what is for a failure when a bundle cannot be applied", async () => {
    const app = fresh();
    const alarm = job(app, argo("SyncFail"));
    const good = agent.hub.assign(app, [alarm, configMap(app, {})]);
    await agent.untilApplied(app, good.bundle);
    expect(await agent.get(jobPath(app))).toBeUndefined();
    agent.hub.assign(app, [alarm, configMap(app, { "no key": "1" })]);
    await untilThere(app);
    await end(app);
    await agent.untilReported(app, { phase: "failed", reason: "Invalid" });
  });

  it("case 35: a Job that has ended and is removed is not run again for the same bundle, and is no drift", async () => {
    const app = fresh();
    const { bundle } = agent.hub.assign(app, [job(app), configMap(app, {})]);
    await untilThere(app);
    await end(app);
    await agent.untilApplied(app, bundle);
    await agent.untilReported(app, { health: "Current" });
    agent.takeRequests();
    await removeJob(app);
    await agent.remove(mapPath(app));
    await vi.waitFor(async () => expect(await agent.get(mapPath(app))).toBeDefined(), patience);
    await agent.untilApplied(app, bundle);
    expect(writesTo(app)).toEqual([expect.stringContaining("configmaps")]);
    const reported = agent.hub.report(app)?.objects.find(({ key }) => key.kind === "Job");
    expect(reported).toMatchObject({ apply: "applied", health: "Current" });
    expect(reported?.drift).toBeUndefined();
    await agent.restart({ loseDisk: true });
    await agent.remove(mapPath(app));
    await vi.waitFor(async () => expect(await agent.get(mapPath(app))).toBeDefined(), patience);
    await agent.untilApplied(app, bundle);
    expect(await agent.get(jobPath(app))).toBeUndefined();
  });

  it("case 35: a Job with another spec is a new run, one with another label is not", async () => {
    const app = fresh();
    const first = agent.hub.assign(app, [job(app)]);
    await untilThere(app);
    await end(app);
    await agent.untilApplied(app, first.bundle);
    await agent.untilReported(app, { health: "Current" });
    await removeJob(app);
    const second = agent.hub.assign(app, [job(app, { note: "other" }), configMap(app, {})]);
    await agent.untilApplied(app, second.bundle);
    expect(await agent.get(jobPath(app))).toBeUndefined();
    agent.hub.assign(app, [job(app, {}, { backoffLimit: 1 })]);
    await untilThere(app);
  });

  it("case 35: a Job with a time to live that ended while nobody watched is not run again", async () => {
    const app = fresh();
    const { bundle } = agent.hub.assign(app, [job(app, {}, { ttlSecondsAfterFinished: 3600 }), configMap(app, {})]);
    await untilThere(app);
    await agent.untilReported(app, { phase: "applied" });
    await agent.stop();
    await removeJob(app);
    agent.start();
    await agent.untilReported(app, { health: "Current" });
    await agent.untilApplied(app, bundle);
    expect(await agent.get(jobPath(app))).toBeUndefined();
  });

  it.each([
    ["has not ended", undefined],
    ["has failed", "Failed"],
  ] as const)("a Job that %s and is deleted is made again", async (_, outcome) => {
    const app = fresh();
    agent.hub.assign(app, [job(app)]);
    const uid = await untilThere(app);
    await agent.untilReported(app, { phase: "applied" });
    if (outcome !== undefined) {
      await end(app, outcome);
      await agent.untilReported(app, { health: "Failed" });
    }
    await removeJob(app);
    await untilThere(app, uid);
  });
}

describe("agent runs hooks and Jobs on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent runs hooks and Jobs on the real API server", () => {
  suite("real");
});
