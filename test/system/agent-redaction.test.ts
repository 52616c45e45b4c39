import type { KubeObject } from "@drover/shared/kube/manifest";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, deployment, secret, widget, widgets } from "./agent-objects.ts";
import { startLoneAgent, type LoneAgent, type Server } from "./lone-agent.ts";

const patience = { timeout: 20_000, interval: 20 };
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** Values that stand nowhere else; whatever is made of one begins with it. */
const canaries: string[] = [];
function canary(): string {
  const value = `c4nary${String(canaries.length).padStart(3, "0")}Zq7`;
  canaries.push(value);
  return value;
}

/** A text as it stands, and in base64 at each of the three places that it can begin at. */
function formsOf(value: string): readonly string[] {
  const encoded = [0, 1, 2].map((offset) => {
    const text = Buffer.from("\0".repeat(offset) + value).toString("base64");
    // The ends depend on what stands beside the value.
    return text.slice(offset === 0 ? 0 : 4, Math.floor(((offset + value.length) * 4) / 3 / 4) * 4);
  });
  return [value, ...encoded];
}

function leaksIn(text: string): readonly string[] {
  return canaries.filter((value) => formsOf(value).some((form) => text.includes(form)));
}

function suite(server: Server): void {
  const log: string[] = [];
  let agent: LoneAgent;
  beforeAll(async () => {
    agent = await startLoneAgent(server, { log });
  }, 60_000);
  afterAll(() => agent[Symbol.asyncDispose]());

  /** Everything that leaves the agent, or that it keeps where others read it. */
  const everything = async (): Promise<ReadonlyMap<string, string>> => {
    const messages = agent.hub.messages.map((message) =>
      message.kind === "inspection"
        ? `${JSON.stringify(message)} ${new TextDecoder().decode(message.inspection.result)}`
        : JSON.stringify(message),
    );
    const inventories = await agent.get("/api/v1/namespaces/drover-system/configmaps");
    const records = await agent.readFiles("applications");
    return new Map([
      ["messages", messages.join("\n")],
      ["log", log.join("")],
      ["metrics", agent.metrics()],
      ["inventories", JSON.stringify(inventories)],
      ["records", [...records.values()].join("\n")],
    ]);
  };
  const expectNoLeak = async (): Promise<void> => {
    for (const [where, text] of await everything()) {
      expect([where, text.length > 0]).toEqual([where, true]);
      expect([where, leaksIn(text)]).toEqual([where, []]);
    }
  };
  const inspect = async (app: string, what: "diff" | "tree"): Promise<string> => {
    const { result } = await agent.hub.inspect(app, what);
    return new TextDecoder().decode(result);
  };
  /** Waits until every object was tried. */
  const untilTried = async (app: string, objects: number): Promise<void> => {
    await vi.waitFor(() => {
      const reported = agent.hub.report(app)?.objects ?? [];
      expect(reported).toHaveLength(objects);
      expect(reported.filter(({ apply, reason }) => apply === "pending" && reason === "")).toEqual([]);
    }, patience);
  };

  const env = (...variables: readonly (readonly [string, unknown])[]) =>
    variables.map(([name, value]) => ({ name, value }));
  const withEnv = (
    object: KubeObject,
    variables: readonly (readonly [string, unknown])[],
    app?: string,
  ): KubeObject => {
    const labels = { app: app ?? object.metadata.name };
    const containers = [{ name: "web", image: "nginx:1", env: env(...variables) }];
    const template = { metadata: { labels }, spec: { containers } };
    return { ...object, spec: { replicas: 1, selector: { matchLabels: labels }, template } };
  };
  const job = (name: string, variables: readonly (readonly [string, unknown])[]): KubeObject => ({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace: "default" },
    spec: {
      template: {
        spec: { restartPolicy: "Never", containers: [{ name: "run", image: "busybox:1", env: env(...variables) }] },
      },
    },
  });
  const annotated = (object: KubeObject, annotations: Readonly<Record<string, string>>): KubeObject => ({
    ...object,
    metadata: { ...object.metadata, annotations },
  });

  it("case 69: R27, E81, T17: shows of changed secrets that they changed, and which values are equal", async () => {
    const app = "changed";
    const [old, next, third] = [canary(), canary(), canary()];
    const objects = (value: string, selector: string): readonly KubeObject[] => [
      { ...secret("fixed", { password: value, same: third }), immutable: true },
      { ...configMap("fixed", { password: value, dsn: `postgres://admin:${value}@db/shop` }), immutable: true },
      withEnv(deployment("fixed", 1), [["DB_PASSWORD", value]], selector),
      job("fixed", [["TOKEN", value]]),
    ];
    await agent.untilApplied(app, agent.hub.assign(app, objects(old, "one")).bundle);
    agent.hub.assign(app, objects(next, "two"));
    await vi.waitFor(() => {
      const reported = agent.hub.report(app)?.objects.map(({ reason }) => reason);
      expect(reported).toEqual(["Immutable", "Immutable", "Immutable", "Immutable"]);
    }, patience);
    const text = await inspect(app, "diff");
    const masks = (path: string): readonly (string | undefined)[] => {
      const change = text.match(
        new RegExp(`"path":"${path}","desired":"(?<desired>[^"]*)","live":"(?<live>[^"]*)"`, "u"),
      );
      return [change?.groups?.["desired"], change?.groups?.["live"]];
    };
    const [desired, live] = masks("data\\[password\\]");
    expect(desired).toMatch(/^\*\*\*\([0-9a-f]{8}\)$/u);
    expect(live).toMatch(/^\*\*\*\([0-9a-f]{8}\)$/u);
    expect(desired).not.toBe(live);
    // The same value has the same mask wherever it stands: in the Secret, the ConfigMap, the Deployment and the Job.
    expect(text.split(String(desired)).length - 1).toBeGreaterThanOrEqual(4);
    await inspect(app, "tree");
    await expectNoLeak();
  });

  it("case 69: R27, E81, T17: quotes nothing of an invalid object, whatever its kind and whatever the server says", async () => {
    const app = "invalid";
    const named = (kind: string, name: string, apiVersion: string, rest: object): KubeObject => ({
      apiVersion,
      kind,
      metadata: { name, namespace: "default" },
      ...rest,
    });
    const objects: readonly KubeObject[] = [
      named("Secret", "not-encoded", "v1", { data: { password: `%${canary()}` } }),
      named("Secret", "number", "v1", { data: { password: { deep: canary() } } }),
      named("Secret", "tls", "v1", { type: "kubernetes.io/tls", data: { other: btoa(canary()) } }),
      named("Secret", "registry", "v1", {
        type: "kubernetes.io/dockerconfigjson",
        data: { ".dockerconfigjson": btoa(canary()) },
      }),
      named("ConfigMap", "list", "v1", { data: { password: [canary()] } }),
      named("ConfigMap", "unknown", "v1", { data: { password: canary() }, [`field`]: canary() }),
      annotated(configMap("label", {}), { [lastApplied]: JSON.stringify({ data: { a: canary() } }) }),
      {
        ...configMap("bad-label", {}),
        metadata: { name: "bad-label", namespace: "default", labels: { a: `${canary()} !` } },
      },
      withEnv(deployment("twice", 1), [
        ["A", canary()],
        ["A", canary()],
      ]),
      withEnv(deployment("typed", 1), [["PASSWORD", { value: canary() }]]),
      withEnv(deployment("bad-name", 1), [[`1 ${canary()}`, canary()]], "other"),
      job("no-policy", [["PASSWORD", canary()]]),
      named("Job", "wrong-policy", "batch/v1", {
        spec: {
          template: {
            spec: { restartPolicy: canary(), containers: [{ name: "x", image: "y", env: env(["A", canary()]) }] },
          },
        },
      }),
      named("Service", "port", "v1", { spec: { ports: [{ port: 80, targetPort: `${canary()} ?` }] } }),
      named("Service", "type", "v1", { spec: { type: canary(), ports: [{ port: 80 }] } }),
      named("Ingress", "host", "networking.k8s.io/v1", { spec: { rules: [{ host: `${canary()} ?` }] } }),
      named("PersistentVolumeClaim", "size", "v1", {
        spec: { accessModes: [canary()], resources: { requests: { storage: canary() } } },
      }),
      named("RoleBinding", "subject", "rbac.authorization.k8s.io/v1", {
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: canary(), name: "x" },
        subjects: [{ kind: canary(), name: canary() }],
      }),
      named("NetworkPolicy", "cidr", "networking.k8s.io/v1", {
        spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: canary() } }] }] },
      }),
      named("HorizontalPodAutoscaler", "target", "autoscaling/v1", {
        spec: { maxReplicas: 0, scaleTargetRef: { kind: `${canary()}/`, name: canary() } },
      }),
      named("CronJob", "schedule", "batch/v1beta1", {
        spec: { schedule: canary(), jobTemplate: { spec: { template: { spec: { containers: [] } } } } },
      }),
    ];
    agent.hub.assign(app, objects);
    await untilTried(app, objects.length);
    await inspect(app, "diff");
    await inspect(app, "tree");
    await expectNoLeak();
  });

  it("case 69: a Job whose template changed is refused with its whole template, and none of it is passed on", async () => {
    const app = "template";
    await agent.untilApplied(app, agent.hub.assign(app, [job("fixed-template", [["ANYTHING", canary()]])]).bundle);
    agent.hub.assign(app, [job("fixed-template", [["ANYTHING", canary()]])]);
    await agent.untilReported(app, { phase: "failed", reason: "Immutable" });
    expect(agent.hub.report(app)?.message).toContain("field is immutable");
    await expectNoLeak();
  });

  it("case 69: takes credentials out of what controllers write into conditions", async () => {
    const app = "condition";
    const { bundle } = agent.hub.assign(app, [widgets, widget("broken", "default")]);
    await agent.untilApplied(app, bundle);
    const message = `cannot reach postgres://admin:${canary()}@db:5432/shop with password=${canary()}`;
    const conditions = [{ type: "Stalled", status: "True", reason: "Unreachable", message }];
    await agent.edit("/apis/test.drover.dev/v1/namespaces/default/widgets/broken", { status: { conditions } });
    await vi.waitFor(() => expect(agent.hub.report(app)?.message).toContain("cannot reach postgres://***"), patience);
    await inspect(app, "tree");
    await expectNoLeak();
  });
}

describe("redaction on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("redaction on the real API server", () => {
  suite("real");
});
