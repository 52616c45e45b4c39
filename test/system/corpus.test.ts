import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { createWorkTree, type WorkTree } from "../rig/git.ts";
import { workloadPrograms } from "../rig/programs.ts";
import { startFleet, type Fleet } from "./fleet.ts";

/** Repositories as their authors published them, beside the checkout; not a part of it. */
const corpus = join(import.meta.dirname, "..", "..", "..", "shared", "corpus");
const environments = ["dev", "test", "prod"] as const;

const app = (name: string, source: string): string => `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: ${name} }
spec:
  source: ${source}
  namespace: ${name}
  sync: { createNamespace: true }
---
`;
const place = (name: string, env: string, overrides = ""): string => `apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: ${name} }
spec:
  applications: [${name}]
  selector: ${env === "" ? "{}" : `{ matchLabels: { env: ${env} } }`}
${overrides}`;

/** What the overlays of fleet-examples/multi-cluster/manifests say, as overrides. */
const overrides = `  overrides:
    - selector: { matchLabels: { env: dev } }
      patches:
        - strategic:
            apiVersion: apps/v1
            kind: Deployment
            metadata: { name: redis-slave }
            spec: { replicas: 0 }
        - strategic:
            apiVersion: v1
            kind: Service
            metadata: { name: redis-slave }
            spec: { selector: { role: master } }
    - selector: { matchExpressions: [{ key: env, operator: In, values: [test, prod] }] }
      patches:
        - target: { kind: Deployment, name: frontend }
          strategic:
            spec: { replicas: 3 }
    - selector: { matchLabels: { env: prod } }
      patches:
        - target: { kind: Service, name: frontend }
          json:
            - { op: add, path: /spec/type, value: LoadBalancer }
`;

/** A hollow kubelet asks probes for real, and its hollow containers cannot answer: these eight would never be ready. */
const probed = ["carts", "catalogue", "front-end", "orders", "payment", "queue-master", "shipping", "user"];
const withoutProbes = `  overrides:
    - selector: {}
      patches:
${probed.map(withoutProbesOf).join("")}`;

function withoutProbesOf(name: string): string {
  const container = "/spec/template/spec/containers/0";
  return `        - target: { kind: Deployment, name: ${name} }
          json:
            - { op: remove, path: ${container}/livenessProbe }
            - { op: remove, path: ${container}/readinessProbe }
`;
}

const files: Record<string, string> = {
  "guestbook.yaml": app("guestbook", "{ repository: argocd, path: guestbook }") + place("guestbook", ""),
  "kustomize-guestbook.yaml":
    app("kustomize-guestbook", "{ repository: argocd, path: kustomize-guestbook }") + place("kustomize-guestbook", ""),
  "sock-shop.yaml":
    app("sock-shop", "{ repository: argocd, path: sock-shop }") + place("sock-shop", "test", withoutProbes),
  "mc-manifests.yaml":
    app("mc-manifests", "{ repository: fleet, path: multi-cluster/manifests, exclude: [overlays, fleet.yaml] }") +
    place("mc-manifests", "", overrides),
};
for (const env of environments) {
  const name = `mc-kustomize-${env}`;
  files[`${name}.yaml`] =
    app(name, `{ repository: fleet, path: multi-cluster/kustomize/overlays/${env} }`) + place(name, env);
}

const targets = [
  ...environments.flatMap((env) => [`guestbook@${env}`, `kustomize-guestbook@${env}`, `mc-manifests@${env}`]),
  ...environments.map((env) => `mc-kustomize-${env}@${env}`),
  "sock-shop@test",
];

function suite(): void {
  let fleet: Fleet;
  const trees: WorkTree[] = [];
  beforeAll(async () => {
    fleet = await startFleet({
      servers: "real",
      // A hollow node has one CPU to give; sock-shop asks for more.
      nodes: 3,
      clusters: Object.fromEntries(environments.map((env) => [env, { env }])),
      files,
    });
    for (const [name, folder] of [
      ["argocd", "argocd-example-apps"],
      ["fleet", "fleet-examples"],
    ] as const) {
      const tree = await createWorkTree();
      trees.push(tree);
      await cp(join(corpus, folder), tree.path, { recursive: true });
      await tree.commit("as published");
      await fleet.client.sources.add({ name, url: tree.path }, AbortSignal.timeout(5_000));
    }
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
    for (const tree of trees) await tree[Symbol.asyncDispose]();
  });

  it("every target becomes current, with Deployments really rolled out", async () => {
    await vi.waitFor(
      async () => {
        await actAsLoadBalancer(fleet);
        const found = (await fleet.targets()).map((t) =>
          `${t.app}@${t.cluster} ${t.state} ${t.reason} ${t.message}`.trimEnd(),
        );
        expect(found.toSorted()).toEqual(targets.map((target) => `${target} current`).toSorted());
      },
      { timeout: 150_000, interval: 1_000 },
    );
    const deployments = JSON.parse(
      await fleet.cluster("test").run("get", "deployments", "-n", "sock-shop", "-o", "json"),
    ) as {
      items: { spec: { replicas: number }; status: { readyReplicas?: number } }[];
    };
    expect(deployments.items).toHaveLength(14);
    for (const { spec, status } of deployments.items) expect(status.readyReplicas).toBe(spec.replicas);
  });

  it("sock-shop is 29 objects", async () => {
    const target = await fleet.client.targets.get({ app: "sock-shop", cluster: "test" }, AbortSignal.timeout(5_000));
    expect(target.objects).toEqual({ current: 29, total: 29 });
  });

  it("each environment has its own variant", async () => {
    const replicas = async (env: string, app: string, deployment: string): Promise<unknown> =>
      (await fleet.cluster(env).get(app, `deployment/${deployment}`))?.spec["replicas"];
    for (const app of ["mc-manifests", "mc-kustomize"]) {
      const of = (env: string): string => (app === "mc-manifests" ? app : `${app}-${env}`);
      expect(await replicas("dev", of("dev"), "redis-slave")).toBe(0);
      expect(await replicas("test", of("test"), "frontend")).toBe(3);
      expect(await replicas("prod", of("prod"), "frontend")).toBe(3);
      expect((await fleet.cluster("prod").get(of("prod"), "service/frontend"))?.spec["type"]).toBe("LoadBalancer");
      expect((await fleet.cluster("dev").get(of("dev"), "service/frontend"))?.spec["type"]).toBe("NodePort");
    }
  });
}

/** The control plane has no cloud provider: gives Services of type LoadBalancer an address, as one would. */
async function actAsLoadBalancer(fleet: Fleet): Promise<void> {
  const status = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } });
  for (const env of environments) {
    const cluster = fleet.cluster(env);
    const { items } = JSON.parse(await cluster.run("get", "services", "-A", "-o", "json")) as {
      items: {
        metadata: { name: string; namespace: string };
        spec: { type: string };
        status: { loadBalancer: object };
      }[];
    };
    for (const { metadata, spec, status: current } of items) {
      if (spec.type !== "LoadBalancer" || "ingress" in current.loadBalancer) continue;
      await cluster.run(
        "patch",
        "service",
        metadata.name,
        "-n",
        metadata.namespace,
        "--subresource=status",
        "--type=merge",
        "-p",
        status,
      );
    }
  }
}

const title = "published configuration repositories on real control planes";
if (existsSync(corpus)) {
  describeWithRig(...workloadPrograms, "kubectl")(title, suite);
} else {
  describe(title, () => {
    it("[../shared/corpus is not beside this checkout, so nothing is compared]", () => {
      expect(existsSync(corpus)).toBe(false);
    });
  });
}
