import { joinManifest } from "@drover/hub/core/join-manifest";
import type { RbacResult } from "@drover/shared/api/types";
import { textAt, type JsonRecord } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parseAllDocuments } from "yaml";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, mapPath } from "./agent-objects.ts";
import { startLoneAgent, type LoneAgent, type Server } from "./lone-agent.ts";
import { createNamespace, rolePath } from "./rights-objects.ts";

const patience = { timeout: 20_000, interval: 20 };
const rbacRoot = "/apis/rbac.authorization.k8s.io/v1";

const collections: Readonly<Record<string, (namespace: string) => string>> = {
  Namespace: () => "/api/v1/namespaces",
  ServiceAccount: (namespace) => `/api/v1/namespaces/${namespace}/serviceaccounts`,
  ClusterRole: () => `${rbacRoot}/clusterroles`,
  ClusterRoleBinding: () => `${rbacRoot}/clusterrolebindings`,
  Role: (namespace) => `${rbacRoot}/namespaces/${namespace}/roles`,
  RoleBinding: (namespace) => `${rbacRoot}/namespaces/${namespace}/rolebindings`,
};

function suite(server: Server): void {
  let agent: LoneAgent;
  const createAll = async (objects: readonly object[]): Promise<void> => {
    for (const object of objects) {
      const collection = collections[textAt(object, "kind") ?? ""];
      if (collection === undefined) continue;
      await agent.create(collection(textAt(object, "metadata", "namespace") ?? ""), object);
    }
  };
  const rights = async (app: string): Promise<RbacResult> => {
    const { result } = await agent.hub.inspect(app, "rbac");
    return JSON.parse(new TextDecoder().decode(result)) as RbacResult;
  };

  beforeAll(async () => {
    agent = await startLoneAgent(server);
    await agent.stop();
    const input = { cluster: "lone", token: "drv1.a.b.c", hub: "hub:1", image: "agent:1", rights: "least" } as const;
    const documents = parseAllDocuments(joinManifest(input)).map((document) => document.toJS() as JsonRecord);
    const namespace = await agent.get("/api/v1/namespaces/drover-system");
    await createAll(documents.filter(({ kind }) => namespace === undefined || kind !== "Namespace"));
    await agent.restart({ account: "drover-system/drover-agent" });
  }, 60_000);
  afterAll(() => agent[Symbol.asyncDispose]());

  const objectsIn = (namespace: string, value: string): readonly KubeObject[] => [
    configMap("settings", { value }, namespace),
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "reader", namespace },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name: "viewer", namespace },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [{ kind: "ServiceAccount", name: "default", namespace }],
    },
    { apiVersion: "v1", kind: "Namespace", metadata: { name: `${namespace}-extra` } },
  ];
  const sync = { serviceAccount: "deployer" };

  it("an agent that may do nothing by itself applies, repairs and prunes with exactly the rights that it prints", async () => {
    const app = "exact";
    await createNamespace(agent, app);
    const options = { namespace: app, sync };
    const { bundle } = agent.hub.assign(app, objectsIn(app, "1"), options);
    await agent.untilReported(app, { phase: "failed", reason: "ServiceAccountMissing" });
    const printed = await rights(app);
    expect(printed).toMatchObject({ serviceAccount: `${app}/deployer`, named: true, unknownKinds: [] });
    await createAll(printed.agent);
    await createAll(printed.account);
    agent.hub.assign(app, objectsIn(app, "1"), { ...options, syncRequest: 1 });
    await agent.untilApplied(app, bundle);
    await agent.edit(mapPath("settings", app), { data: { value: "2" } });
    await vi.waitFor(async () => {
      expect((await agent.get(mapPath("settings", app)))?.["data"]).toEqual({ value: "1" });
    }, patience);
    expect((await agent.hub.inspect(app, "diff")).error).toBeUndefined();
    const rest = agent.hub.assign(app, objectsIn(app, "1").slice(1), options);
    await agent.untilApplied(app, rest.bundle);
    await vi.waitFor(async () => expect(await agent.get(mapPath("settings", app))).toBeUndefined(), patience);
  });

  it.each(["get", "create", "patch", "delete"])(
    "without the right to %s it fails, and says that this is missing",
    async (verb) => {
      const app = `without-${verb}`;
      await createNamespace(agent, app);
      const options = { namespace: app, sync };
      const objects = [configMap("settings", { value: "1" }, app)];
      agent.hub.assign(app, objects, options);
      await agent.untilReported(app, { phase: "failed", reason: "ServiceAccountMissing" });
      const printed = await rights(app);
      await createAll(printed.agent);
      await createAll(printed.account);
      const all = ["get", "create", "patch", "delete"];
      const role = rolePath(app, `drover-${app}`);
      const only = (verbs: readonly string[]): object => ({
        rules: [{ apiGroups: [""], resources: ["configmaps"], verbs }],
      });
      // Both are asked for when something is pruned.
      const prunes = verb === "get" || verb === "delete";
      if (prunes) {
        const { bundle } = agent.hub.assign(app, objects, { ...options, syncRequest: 1 });
        await agent.untilApplied(app, bundle);
      }
      await agent.edit(role, only(all.filter((each) => each !== verb)));
      agent.hub.assign(app, [configMap("other", {}, app)], { ...options, syncRequest: 2 });
      const message = `service account ${app}/deployer may not ${verb} configmaps in namespace ${app}`;
      await vi.waitFor(() => {
        expect(agent.hub.report(app)?.objects.map((object) => object.message)).toContain(message);
      }, patience);
    },
  );

  it("without the right to act as the account nothing is written, and it says so", async () => {
    const app = "stranger";
    await createNamespace(agent, app);
    agent.hub.assign(app, [configMap("settings", {}, app)], { namespace: app, sync });
    await agent.untilReported(app, { phase: "failed", reason: "ServiceAccountMissing" });
    await createAll((await rights(app)).account);
    await agent.untilReported(app, { phase: "failed", reason: "CannotImpersonate" });
    expect(await agent.get(mapPath("settings", app))).toBeUndefined();
  });

  it("E57: what has no account to act as is forbidden object by object, and nothing counts as drift", async () => {
    const app = "plain";
    await createNamespace(agent, app);
    agent.hub.assign(app, [configMap("settings", {}, app)], { namespace: app });
    const message = `the agent may not create or patch configmaps in namespace ${app}`;
    await agent.untilReported(app, { phase: "failed", objects: [{ apply: "failed", reason: "Forbidden", message }] });
    expect(agent.hub.report(app)?.objects.filter(({ drift }) => drift !== undefined)).toEqual([]);
    expect(await rights(app)).toMatchObject({ serviceAccount: `${app}/${app}`, named: false });
  });
}

describe("the least rights on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("the least rights on the real API server", () => {
  suite("real");
});
