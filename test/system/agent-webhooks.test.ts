import type { KubeObject } from "@drover/shared/kube/manifest";
import type { ObjectReport } from "@drover/shared/link/link";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { startWebhook, type Webhook, type WebhookAnswer } from "../rig/webhook.ts";
import { configMap, definition, deployment, described, mapPath } from "./agent-objects.ts";
import { startLoneAgent, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";

const patience = { timeout: 30_000, interval: 10 } as const;
const configurations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const hook = "guard.drover.dev";

/** Every order of the items. */
function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}

/** A ConfigMap that the webhook of the same name is asked about. */
function guarded(name: string, webhook: string, data: Readonly<Record<string, string>> = {}): KubeObject {
  return described(configMap(name, data), { labels: { guarded: webhook } });
}

function suite(server: Server): void {
  let agent: LoneAgent;
  let webhook: Webhook;
  beforeAll(async () => {
    webhook = await startWebhook();
    agent = await startLoneAgent(server);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await webhook[Symbol.asyncDispose]();
  });
  let count = 0;
  const fresh = (): string => `hook-${(count += 1)}`;
  const apply = async (app: string, objects: readonly KubeObject[]): Promise<void> => {
    await agent.untilApplied(app, agent.hub.assign(app, objects).bundle);
  };
  const reportOf = (app: string, name: string): ObjectReport | undefined =>
    agent.hub.report(app)?.objects.find(({ key }) => key.name === name);
  const configuration = (name: string, rules: object = { resources: ["configmaps"], apiGroups: [""] }): KubeObject => ({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name },
    webhooks: [
      {
        name: hook,
        clientConfig: webhook.clientConfig,
        rules: [{ apiVersions: ["v1"], operations: ["*"], ...rules }],
        objectSelector: { matchLabels: { guarded: name } },
        failurePolicy: "Fail",
        sideEffects: "None",
        timeoutSeconds: 1,
        admissionReviewVersions: ["v1"],
      },
    ],
  });
  /** Waits until the server asks the webhook about what is guarded by it. */
  const untilAsked = (name: string): Promise<void> =>
    vi.waitFor(async () => {
      const path = "/api/v1/namespaces/default/configmaps?dryRun=All";
      await agent.call({ method: "POST", path, body: JSON.stringify(guarded(`${name}-probe`, name)) });
      expect(webhook.takeRequests()).not.toEqual([]);
    }, patience);
  /** Somebody else puts the webhook in front of what is guarded by it. */
  const install = async (name: string, answer: Parameters<Webhook["script"]>[0]): Promise<() => Promise<void>> => {
    webhook.script(answer);
    await agent.create(configurations, configuration(name));
    const remove = async (): Promise<void> => {
      await agent.call({ method: "DELETE", path: `${configurations}/${name}` });
      webhook.script(() => ({ kind: "allow" }));
    };
    onTestFinished(remove);
    await untilAsked(name);
    return remove;
  };

  it("case 43: the configuration of a webhook is applied after everything that its backend may need", async () => {
    const app = fresh();
    agent.takeRequests();
    agent.takeAnswered();
    await apply(app, [
      configuration(app),
      guarded(app, app),
      deployment(app, 1),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: app } },
      configMap("inside", {}, app),
    ]);
    onTestFinished(() => agent.hub.bury(app));
    const isWrite = (request: string): boolean => request.startsWith("PATCH ") && !request.includes("inventory");
    const requests = agent.takeRequests().filter(isWrite);
    const at = requests.findIndex((request) => request.includes(configurations));
    expect(requests.slice(at + 1)).toEqual([]);
    expect(agent.takeAnswered().filter(isWrite).at(-1)).toContain(configurations);
    expect(requests).toHaveLength(5);
  });

  it.each([
    ["answers 500", { kind: "fail", code: 500 }],
    ["does not answer in time", { kind: "silence" }],
  ] as const)("case 43: what a webhook holds up that %s is tried with longer and longer waits", async (_, fault) => {
    const app = fresh();
    const answer: WebhookAnswer = fault;
    await install(app, () => answer);
    webhook.takeRequests();
    const { bundle } = agent.hub.assign(app, [guarded(app, app), configMap(`${app}-free`, {})]);
    const message = expect.stringContaining(hook);
    await vi.waitFor(() => {
      expect(reportOf(app, app)).toMatchObject({ apply: "failed", reason: "WebhookUnreachable", message });
      expect(reportOf(app, `${app}-free`)).toMatchObject({ apply: "applied" });
    }, patience);
    expect(webhook.takeRequests().length).toBeLessThanOrEqual(4);
    webhook.script(() => ({ kind: "allow" }));
    await agent.untilApplied(app, bundle);
  });

  it("E17: a namespace, a kind, an object of it and a webhook for it go through in any order", async () => {
    for (const order of permutations([0, 1, 2, 3])) {
      const app = fresh();
      const kind = definition(`${app}.drover.dev`, "Part", "Namespaced");
      const part = {
        apiVersion: `${app}.drover.dev/v1`,
        kind: "Part",
        metadata: { name: "part", namespace: app, labels: { guarded: app } },
      };
      const rules = { resources: ["parts"], apiGroups: [`${app}.drover.dev`] };
      const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: app } };
      const objects: readonly KubeObject[] = [namespace, kind, part, configuration(app, rules)];
      await apply(
        app,
        order.flatMap((index) => objects[index] ?? []),
      );
      const failed = agent.hub.reports.filter((report) => report.application === app && report.phase === "failed");
      expect(failed).toEqual([]);
    }
  });

  it("case 47: a deletion that a webhook denies stays with its reason, and goes through when the webhook goes", async () => {
    const app = fresh();
    await apply(app, [guarded(`${app}-denied`, app), configMap(`${app}-free`, {}), configMap(app, { a: "1" })]);
    const remove = await install(app, ({ operation }) => ({ kind: operation === "DELETE" ? "deny" : "allow" }));
    agent.hub.assign(app, [configMap(app, { a: "2" })]);
    const message = expect.stringContaining(hook);
    await vi.waitFor(async () => {
      expect(reportOf(app, `${app}-denied`)).toMatchObject({ apply: "pruning", reason: "AdmissionDenied", message });
      expect(await agent.get(mapPath(`${app}-free`))).toBeUndefined();
      expect(reportOf(app, `${app}-free`)).toBeUndefined();
      expect(reportOf(app, app)).toMatchObject({ apply: "applied" });
    }, patience);
    // It is the application's until it is gone, for an agent without its disk too.
    await agent.restart({ loseDisk: true });
    const { length } = agent.hub.reports;
    await vi.waitFor(() => {
      const since = agent.hub.reports.slice(length).filter(({ application }) => application === app);
      expect(since.at(-1)?.objects).toContainEqual(expect.objectContaining({ apply: "pruning", message }));
    }, patience);
    expect(await agent.get(mapPath(`${app}-denied`))).toBeDefined();
    await remove();
    await vi.waitFor(async () => expect(await agent.get(mapPath(`${app}-denied`))).toBeUndefined(), patience);
    await agent.untilReported(app, { phase: "applied", objects: [{ key: { name: app }, apply: "applied" }] });
  });

  it("case 47: the removal of an application names the webhook that denies it", async () => {
    const app = fresh();
    await apply(app, [guarded(`${app}-denied`, app), configMap(app, {})]);
    const remove = await install(app, ({ operation }) => ({ kind: operation === "DELETE" ? "deny" : "allow" }));
    agent.hub.bury(app);
    await agent.untilReported(app, {
      phase: "removing",
      reason: "AdmissionDenied",
      message: expect.stringContaining(`ConfigMap default/${app}-denied: the admission webhook "${hook}"`),
      objects: [{ key: { name: `${app}-denied` } }],
    });
    await remove();
    await vi.waitFor(() => expect(agent.hub.report(app)?.phase).toBe("removed"), patience);
  });

  it("E56: an object that admission denies fails with who denies it; the rest is applied, and so is it once it may", async () => {
    const app = fresh();
    const remove = await install(app, () => ({ kind: "deny", status: { code: 400, message: "hunter2 is no value" } }));
    webhook.takeRequests();
    const { bundle } = agent.hub.assign(app, [
      guarded(app, app, { password: "hunter2" }),
      configMap(`${app}-free`, {}),
    ]);
    await vi.waitFor(() => {
      const message = `the admission webhook "${hook}" does not allow it`;
      expect(reportOf(app, app)).toMatchObject({ apply: "failed", reason: "AdmissionDenied", message });
      expect(reportOf(app, `${app}-free`)).toMatchObject({ apply: "applied" });
    }, patience);
    expect(agent.hub.report(app)).toMatchObject({ phase: "failed", reason: "AdmissionDenied" });
    expect(JSON.stringify(agent.hub.reports)).not.toContain("hunter2");
    expect(webhook.takeRequests()).toHaveLength(1);
    await remove();
    await agent.untilApplied(app, bundle);
    expect(writesOf(agent.takeRequests()).filter((request) => request.includes(`/${app}-free?`))).toHaveLength(1);
  });
}

describe("agent meets webhooks on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent meets webhooks on the real API server", () => {
  suite("real");
});
