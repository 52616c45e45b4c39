import type { KubeObject } from "@drover/shared/kube/manifest";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { configMap, mapPath } from "./agent-objects.ts";
import { forbiddenManifests } from "./forbidden-manifests.ts";
import { startLoneAgent, writesOf, type LoneAgent, type Server } from "./lone-agent.ts";
import {
  accountPath,
  allVerbs,
  configMapRule,
  createAccount,
  createNamespace,
  grant,
  rolePath,
  rulesOf,
  type Rule,
} from "./rights-objects.ts";

const patience = { timeout: 15_000, interval: 20 };

function suite(server: Server): void {
  let agent: LoneAgent;
  let count = 0;
  beforeAll(async () => {
    agent = await startLoneAgent(server);
  }, 60_000);
  afterAll(() => agent[Symbol.asyncDispose]());

  /** A namespace of its own for each test, which is also the application's name. */
  const tenant = async (rules?: readonly Rule[]): Promise<string> => {
    const namespace = `tenant-${(count += 1)}`;
    await createNamespace(agent, namespace);
    if (rules !== undefined) await grant(agent, { namespace, name: "deployer" }, rules);
    return namespace;
  };
  const own = (namespace: string) => ({ namespace, sync: { serviceAccount: "deployer" } });
  const role = (namespace: string, verbs: readonly string[]): KubeObject => ({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: "granted", namespace },
    rules: [{ apiGroups: [""], resources: ["pods"], verbs }],
  });

  it("applies, repairs and removes with the rights of the application's service account", async () => {
    const app = await tenant([configMapRule]);
    await createAccount(agent, app, "deployer");
    const { bundle } = agent.hub.assign(app, [configMap("one", { a: "1" }, app)], own(app));
    await agent.untilApplied(app, bundle);
    await agent.edit(mapPath("one", app), { data: { a: "2" } });
    await vi.waitFor(
      async () => expect((await agent.get(mapPath("one", app)))?.["data"]).toEqual({ a: "1" }),
      patience,
    );
    agent.hub.bury(app);
    await agent.untilReported(app, { phase: "removed" });
    expect(await agent.get(mapPath("one", app))).toBeUndefined();
  });

  it("has the groups of its service account too", async () => {
    const app = await tenant();
    await createAccount(agent, app, "deployer");
    const group = { apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: `system:serviceaccounts:${app}` };
    await grant(agent, { namespace: app, name: "everybody" }, [configMapRule], group);
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("grouped", {}, app)], own(app)).bundle);
  });

  it("case 66: stalls without its service account, deletes nothing with other rights, and goes on when it is there", async () => {
    const app = await tenant([configMapRule]);
    await createAccount(agent, app, "deployer");
    const both = [configMap("stays", { a: "1" }, app), configMap("goes", { a: "1" }, app)];
    await agent.untilApplied(app, agent.hub.assign(app, both, own(app)).bundle);
    await agent.remove(accountPath(app, "deployer"));
    await agent.untilReported(app, { phase: "failed", reason: "ServiceAccountMissing" });
    agent.takeRequests();
    const { bundle } = agent.hub.assign(app, [configMap("stays", { a: "1" }, app)], own(app));
    await agent.untilReported(app, {
      bundle,
      phase: "failed",
      reason: "ServiceAccountMissing",
      objects: expect.arrayContaining([
        expect.objectContaining({ apply: "pruning", reason: "ServiceAccountMissing" }),
      ]) as unknown,
    });
    const touched = writesOf(agent.takeRequests()).filter((request) => !request.includes("drover-system"));
    expect(touched).toEqual([]);
    expect(await agent.get(mapPath("goes", app))).toBeDefined();
    await createAccount(agent, app, "deployer");
    await vi.waitFor(async () => expect(await agent.get(mapPath("goes", app))).toBeUndefined(), {
      timeout: 3_000,
      interval: 10,
    });
    await agent.untilApplied(app, bundle);
  });

  it("case 66: begins when the account is made, and asks for it without polling", async () => {
    const app = await tenant([configMapRule]);
    agent.takeRequests();
    const { bundle } = agent.hub.assign(app, [configMap("late", { a: "1" }, app)], own(app));
    await agent.untilReported(app, { phase: "failed", reason: "ServiceAccountMissing" });
    expect(agent.hub.report(app)?.message).toContain(`${app}/deployer`);
    expect(agent.takeRequests().filter((request) => request.includes("serviceaccounts/")).length).toBeLessThan(3);
    await createAccount(agent, app, "deployer");
    await agent.untilApplied(app, bundle);
  });

  it("case 66: removes with the account's rights also when the disk was lost, and never with others", async () => {
    const app = await tenant([configMapRule]);
    await createAccount(agent, app, "deployer");
    await agent.untilApplied(app, agent.hub.assign(app, [configMap("left", {}, app)], own(app)).bundle);
    await agent.stop();
    await agent.remove(accountPath(app, "deployer"));
    agent.hub.bury(app);
    await agent.restart({ loseDisk: true });
    await agent.untilReported(app, { phase: "removing", reason: "ServiceAccountMissing" });
    expect(await agent.get(mapPath("left", app))).toBeDefined();
    await createAccount(agent, app, "deployer");
    await agent.untilReported(app, { phase: "removed" });
    expect(await agent.get(mapPath("left", app))).toBeUndefined();
  });

  it("T21, E57: a tenant reaches neither other namespaces nor kinds of the whole cluster; the rest is applied", async () => {
    const app = await tenant([configMapRule]);
    const other = await tenant();
    await createAccount(agent, app, "deployer");
    const objects: readonly KubeObject[] = [
      configMap("mine", { a: "1" }, app),
      configMap("theirs", { a: "1" }, other),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: `${app}-more` } },
    ];
    agent.hub.assign(app, objects, own(app));
    const by = `service account ${app}/deployer may not`;
    await agent.untilReported(app, {
      phase: "failed",
      objects: [
        { apply: "failed", reason: "Forbidden", message: `${by} create or patch configmaps in namespace ${other}` },
        { apply: "failed", reason: "Forbidden", message: `${by} create or patch namespaces in the whole cluster` },
        { apply: "applied", key: { name: "mine" } },
      ],
    });
    expect(await agent.get(mapPath("theirs", other))).toBeUndefined();
    expect(await agent.get(`/api/v1/namespaces/${app}-more`)).toBeUndefined();
    expect(agent.hub.report(app)?.objects.filter((object) => object.drift !== undefined)).toEqual([]);
  });

  it("T21: of more than 80 forbidden manifests none is written by whatever the agent may, and what is allowed is", async () => {
    const rights: Rule = {
      apiGroups: ["rbac.authorization.k8s.io"],
      resources: ["roles", "rolebindings"],
      verbs: allVerbs,
    };
    const app = await tenant([configMapRule, rights]);
    const other = await tenant();
    await createAccount(agent, app, "deployer");
    const forbidden = forbiddenManifests(app, [other, "kube-system", "default"], "drover-system");
    expect(forbidden.length).toBeGreaterThan(80);
    const rules = await rulesOf(agent, app, "deployer");
    agent.takeAnswered();
    agent.hub.assign(app, [...forbidden, configMap("mine", { a: "1" }, app)], {
      namespace: app,
      sync: { serviceAccount: "deployer", adopt: "always", drift: "strict", recreate: true },
    });
    const reasonOf = { AgentProtected: 8, Escalation: 14, Forbidden: 45 };
    const reasons = (): ReadonlyMap<string, number> =>
      new Map(
        [...Map.groupBy(agent.hub.report(app)?.objects ?? [], ({ reason }) => reason)].map(([reason, same]) => [
          reason,
          same.length,
        ]),
      );
    // A server has no kind for what is done to objects, and a small one not every kind.
    const decided = new Set(["", "WaitingForKind", ...Object.keys(reasonOf)]);
    await vi.waitFor(
      () => {
        expect(agent.hub.report(app)?.objects).toHaveLength(forbidden.length + 1);
        expect([...reasons().keys()].filter((reason) => !decided.has(reason))).toEqual([]);
      },
      { timeout: 60_000, interval: 50 },
    );
    for (const [reason, least] of Object.entries(reasonOf)) expect(reasons().get(reason)).toBeGreaterThanOrEqual(least);
    const applied = agent.hub.report(app)?.objects.filter(({ apply }) => apply === "applied") ?? [];
    expect(applied.map(({ key }) => key.name)).toEqual(["mine"]);
    // The agent itself writes only its inventories, and the namespace that they are in.
    const own = /^POST \/api\/v1\/namespaces$|\/namespaces\/drover-system\/\w+\/drover-inventory|reviews/u;
    const written = writesOf(agent.takeAnswered()).map((request) => request.split("?")[0] ?? "");
    expect(written.filter((request) => !own.test(request))).toEqual([`PATCH ${mapPath("mine", app)}`]);
    expect(await agent.get("/api/v1/namespaces/forbidden-namespace")).toBeUndefined();
    expect(await rulesOf(agent, app, "deployer")).toEqual(rules);
  });

  it("case 64: names the verb that is missing", async () => {
    const app = await tenant([{ ...configMapRule, verbs: ["get", "patch"] }]);
    await createAccount(agent, app, "deployer");
    agent.hub.assign(app, [configMap("new", { a: "1" }, app)], own(app));
    const message = `service account ${app}/deployer may not create configmaps in namespace ${app}`;
    await agent.untilReported(app, { phase: "failed", objects: [{ reason: "Forbidden", message }] });
    await agent.edit(rolePath(app, "deployer"), { rules: [{ ...configMapRule, verbs: allVerbs }] });
    await vi.waitFor(() => expect(agent.hub.report(app)).toMatchObject({ phase: "applied" }), {
      timeout: 20_000,
      interval: 50,
    });
    await agent.edit(rolePath(app, "deployer"), { rules: [{ ...configMapRule, verbs: ["get", "create", "patch"] }] });
    agent.hub.assign(app, [configMap("next", {}, app)], own(app));
    const held = `service account ${app}/deployer may not delete configmaps in namespace ${app}`;
    await agent.untilReported(app, {
      objects: [{ apply: "pruning", reason: "Forbidden", message: held }, { apply: "applied" }],
    });
    expect(await agent.get(mapPath("new", app))).toBeDefined();
  });

  it("case 65: a role that grants more than its author has is refused for good, and the rest goes on", async () => {
    const rules = { apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"], verbs: allVerbs };
    const app = await tenant([configMapRule, rules]);
    await createAccount(agent, app, "deployer");
    agent.hub.assign(app, [role(app, ["delete"]), configMap("beside", { a: "1" }, app)], own(app));
    await agent.untilReported(app, {
      phase: "failed",
      objects: [{ apply: "failed", reason: "Escalation", key: { kind: "Role" } }, { apply: "applied" }],
    });
    const message = agent.hub.report(app)?.objects[0]?.message ?? "";
    expect(message).toContain("it grants rights that service account");
    expect(message).toContain('{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}');
    agent.takeRequests();
    agent.hub.hand({});
    await vi.waitFor(() => expect(agent.hub.acknowledgements.at(-1)?.refusal).toBeUndefined(), patience);
    expect(writesOf(agent.takeRequests()).filter((request) => request.includes("/roles/"))).toEqual([]);
  });

  it("uses the agent's default account for applications that name none, and nothing else", async () => {
    const app = await tenant([configMapRule]);
    await agent.restart({ defaultServiceAccount: "deployer" });
    const { bundle } = agent.hub.assign(app, [configMap("plain", { a: "1" }, app)], { namespace: app });
    await agent.untilReported(app, { phase: "failed", reason: "ServiceAccountMissing" });
    await createAccount(agent, app, "deployer");
    await agent.untilApplied(app, bundle);
    await agent.restart({ defaultServiceAccount: "" });
  });
}

describe("rights of applications on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("rights of applications on the real API server", () => {
  suite("real");
});
