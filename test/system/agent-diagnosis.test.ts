import type { JsonRecord } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { afterAll, beforeAll, expect, it } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { workloadPrograms } from "../rig/programs.ts";
import { deployment } from "./agent-objects.ts";
import { startLoneAgent, type LoneAgent } from "./lone-agent.ts";

/** A Deployment of one replica whose pods have these fields besides their container. */
function withPods(name: string, pod: JsonRecord): KubeObject {
  const object = deployment(name, 1);
  const spec = object["spec"] as { readonly template: { readonly metadata: object; readonly spec: object } };
  const { template } = spec;
  return { ...object, spec: { ...spec, template: { ...template, spec: { ...template.spec, ...pod } } } };
}

/** Only controllers, a scheduler and a kubelet say why pods do not come; the embedded cluster has none of them. */
describeWithRig(...workloadPrograms)("a workload that does not get ready, by what real controllers say", () => {
  let agent: LoneAgent;
  beforeAll(async () => {
    agent = await startLoneAgent("real", { controllers: true });
  }, 120_000);
  afterAll(() => agent[Symbol.asyncDispose]());

  const probe = { httpGet: { path: "/", port: 9 }, periodSeconds: 1 };
  const claim = { name: "data", persistentVolumeClaim: { claimName: "nowhere" } };
  it.each<[string, JsonRecord, { readonly reason: string; readonly says: RegExp }]>([
    ["no node fits", { nodeSelector: { disk: "none" } }, { reason: "Unschedulable", says: /didn't match/u }],
    [
      "a claim is missing",
      { volumes: [claim] },
      { reason: "Unschedulable", says: /persistentvolumeclaim "nowhere" not found/u },
    ],
    [
      "its service account is missing",
      { serviceAccountName: "nobody" },
      { reason: "FailedCreate", says: /the service account nobody does not exist/u },
    ],
    [
      "a probe fails",
      { containers: [{ name: "web", image: "nginx:1", readinessProbe: probe }] },
      { reason: "ProbeFailed", says: /container web: its readiness probe/u },
    ],
  ])("is explained when %s", async (what, pod, { reason, says }) => {
    const app = what.replaceAll(" ", "-");
    agent.hub.assign(app, [withPods(app, pod)]);
    const told = { reason, message: expect.stringMatching(says) };
    await agent.untilReported(app, { objects: [told] });
  });
});
