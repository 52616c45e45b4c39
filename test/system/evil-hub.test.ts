import type { KubeObject } from "@drover/shared/kube/manifest";
import type { HeldPrune, Report } from "@drover/shared/link/link";
import { formatReleaseKey, signRelease } from "@drover/shared/trust/release";
import { createSigningKey } from "@drover/shared/trust/signing-key";
import { expect, it, onTestFinished, vi } from "vitest";

import { configMap, mapPath, secret } from "./agent-objects.ts";
import { standInCluster } from "./hub-stand-in.ts";
import { field, startLoneAgent, writesOf, type LoneAgent } from "./lone-agent.ts";

// A hub that holds every online key is the stand-in here: its envelopes are genuine, and it says what it likes. What it
// must not get past is the policy that the cluster sets its agent.

const patience = { timeout: 20_000, interval: 20 } as const;
const policy = `
namespaces: { allow: [shop, "team-*", "@cluster"], deny: [team-secret] }
kinds: { deny: ["*.rbac.authorization.k8s.io", Secret, "CustomResourceDefinition.*"] }
prune: { objects: 3, total: 5, within: 1h }
`;

async function begin(text: string = policy): Promise<LoneAgent> {
  const agent = await startLoneAgent("embedded", { policy: text });
  onTestFinished(() => agent[Symbol.asyncDispose]());
  for (const name of ["shop", "team-a", "team-secret", "drover-system"]) {
    await agent.call({ method: "POST", path: "/api/v1/namespaces", body: JSON.stringify(namespace(name)) });
  }
  return agent;
}

function namespace(name: string): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

function role(name: string): KubeObject {
  const rules = [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }];
  return { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name }, rules };
}

function maps(count: number, namespaceName = "shop"): readonly KubeObject[] {
  return Array.from({ length: count }, (_, index) => configMap(`m-${index}`, { a: "1" }, namespaceName));
}

async function untilReport(agent: LoneAgent, app: string, test: (report: Report) => void): Promise<void> {
  await vi.waitFor(() => {
    const report = agent.hub.report(app);
    if (report === undefined) throw new Error(`no report of ${app}`);
    test(report);
  }, patience);
}

/** Also the agent's own parts, which it protects under any policy. */
const refusals = new Set(["ForbiddenByPolicy", "AgentProtected"]);
const refusedIn = (report: Report): readonly string[] =>
  report.objects.filter(({ reason }) => refusals.has(reason)).map(({ key }) => `${key.kind} ${key.name}`);

const deletionsOf = (agent: LoneAgent): readonly string[] =>
  agent.takeAnswered().filter((request) => request.startsWith("DELETE") && request.includes("/m-"));

it("T31: nothing outside of the policy is written, taken over or deleted, and each object says why", async () => {
  const agent = await begin();
  const canary = configMap("canary", { of: "somebody" }, "kube-system");
  await agent.create("/api/v1/namespaces/kube-system/configmaps", canary);
  const own = configMap("drover-agent-policy", { "policy.yaml": "freeze: false" }, "drover-system");
  await agent.create("/api/v1/namespaces/drover-system/configmaps", own);
  const before = [
    await agent.get(mapPath("canary", "kube-system")),
    await agent.get(mapPath(own.metadata.name, "drover-system")),
  ];
  agent.takeRequests();
  const forbidden: readonly KubeObject[] = [
    configMap("canary", { of: "the hub" }, "kube-system"),
    configMap("drover-agent-policy", { "policy.yaml": "" }, "drover-system"),
    configMap("hidden", {}, "team-secret"),
    configMap("elsewhere", {}, "default"),
    { ...secret("token", { a: "b" }), metadata: { name: "token", namespace: "shop" } },
    role("everything"),
    role("drover-agent"),
    namespace("other"),
  ];
  const sync = { adopt: "always", drift: "strict", recreate: true } as const;
  agent.hub.assign("evil", [...maps(2), ...forbidden], { sync });
  agent.hub.assign("placed", [{ ...configMap("placed", {}), metadata: { name: "placed" } }], {
    namespace: "never-made",
    createNamespace: true,
  });
  agent.hub.assign("lone", [configMap("fine", {}, "team-a"), configMap("elsewhere", {}, "default")], {
    sync: { allOrNothing: true },
  });
  await untilReport(agent, "evil", (report) => {
    expect(refusedIn(report).toSorted()).toEqual(
      forbidden.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted(),
    );
    expect(report.phase).toBe("failed");
  });
  await untilReport(agent, "lone", (report) => expect(report.reason).toBe("BundleRefused"));
  expect(await agent.get(mapPath("m-1", "shop"))).toBeDefined();
  expect(await agent.get(mapPath("fine", "team-a"))).toBeUndefined();
  const outside = writesOf(agent.takeRequests()).filter((request) => !isInside(request));
  expect(outside).toEqual([]);
  const after = [
    await agent.get(mapPath("canary", "kube-system")),
    await agent.get(mapPath(own.metadata.name, "drover-system")),
  ];
  expect(after).toEqual(before);
});

/** Of the agent's own objects only the inventories are written, and only by itself. */
function isInside(request: string): boolean {
  return /\/namespaces\/(?:shop|team-a)\/|\/namespaces\/drover-system\/configmaps.*inventory/u.test(
    decodeURIComponent(request),
  );
}

it("T31: what a policy comes to forbid is healed no more, and neither pruned nor removed nor let go of", async () => {
  const agent = await begin("{ namespaces: { allow: [shop, team-a] } }");
  const both = [...maps(1), configMap("kept", { a: "1" }, "team-a")];
  await agent.untilApplied("app", agent.hub.assign("app", both).bundle);
  await agent.setPolicy("{ namespaces: { allow: [shop] } }");
  const known = agent.hub.hellos[0]?.standing?.policy;
  const policies = () =>
    agent.hub.messages.map((message) => (message.kind === "hello" ? message.hello.standing?.policy : known));
  await vi.waitFor(() => expect(policies().some((said) => said !== known)).toBe(true), patience);
  const { bundle } = agent.hub.assign("app", maps(1));
  await untilReport(agent, "app", (report) => {
    expect(report).toMatchObject({ applied: bundle });
    expect(report.objects).toContainEqual(expect.objectContaining({ apply: "abandoned", reason: "ForbiddenByPolicy" }));
  });
  agent.hub.bury("app");
  await untilReport(agent, "app", (report) => {
    expect(report).toMatchObject({ phase: "removing", reason: "ForbiddenByPolicy" });
    expect(report.objects.map(({ key }) => key.name)).toEqual(["kept"]);
  });
  agent.hub.bury("app", { detach: true });
  await agent.restart();
  await untilReport(agent, "app", (report) => expect(report.reason).toBe("ForbiddenByPolicy"));
  const kept = await agent.get(mapPath("kept", "team-a"));
  expect(field(kept, "metadata", "labels", "drover.dev/application")).toBe("app");
});

it("T31: no more is pruned than the policy allows within its time, whatever is confirmed, split or restarted", async () => {
  const agent = await begin();
  await agent.untilApplied("app", agent.hub.assign("app", maps(12)).bundle);
  const { bundle } = agent.hub.assign("app", maps(8));
  await untilReport(agent, "app", (report) => {
    expect(report.applied).toBe(bundle);
    expect(report.objects.filter(({ reason }) => reason === "PruneLimited")).toHaveLength(4);
  });
  expect(deletionsOf(agent)).toEqual([]);
  // Less at a time is within it, until it is not.
  agent.hub.assign("app", maps(10));
  await vi.waitFor(async () => expect(await agent.get(mapPath("m-11", "shop"))).toBeUndefined(), patience);
  expect(deletionsOf(agent)).toHaveLength(2);
  agent.hub.assign("app", maps(8));
  await untilReport(agent, "app", (report) =>
    expect(report.objects.filter(({ reason }) => reason === "PruneLimited")).toHaveLength(2),
  );
  await agent.restart();
  agent.hub.bury("app");
  await untilReport(agent, "app", (report) =>
    expect(report).toMatchObject({ phase: "removing", reason: "PruneLimited" }),
  );
  const held: HeldPrune | undefined = agent.hub.report("app")?.heldPrune;
  agent.hub.bury("app", { confirmPrune: held?.digest ?? "" });
  await untilReport(agent, "app", (report) => expect(report.reason).toBe("PruneLimited"));
  expect(deletionsOf(agent)).toEqual([]);
  // Under many names no more either: five in all.
  for (const index of [0, 1, 2, 3, 4, 5]) {
    const app = `part-${index}`;
    const [object] = [configMap(`m-of-${index}`, {}, "team-a")];
    if (object === undefined) throw new Error("no object");
    await agent.untilApplied(app, agent.hub.assign(app, [object]).bundle);
    agent.hub.bury(app);
    const isOver = index >= 3;
    await untilReport(agent, app, (report) =>
      expect(report).toMatchObject(isOver ? { reason: "PruneLimited" } : { phase: "removed" }),
    );
  }
  expect(deletionsOf(agent)).toHaveLength(3);
});

it("T31: a freeze takes effect without the hub: nothing new, nothing deleted, and what is there is healed", async () => {
  const agent = await begin("{}");
  await agent.untilApplied("app", agent.hub.assign("app", maps(3)).bundle);
  agent.hub.setConnected(false);
  await agent.setPolicy("freeze: true");
  const lines = (): boolean => agent.hub.hellos.at(-1)?.standing?.frozen === true;
  await vi.waitFor(
    () => {
      agent.hub.setConnected(false);
      agent.hub.setConnected(true);
      expect(lines()).toBe(true);
    },
    { timeout: 20_000, interval: 1_000 },
  );
  agent.takeAnswered();
  for (const change of [
    () => agent.hub.assign("app", maps(1)),
    () => agent.hub.assign("new", [configMap("new", {}, "shop")]),
    () => agent.hub.bury("app"),
    () => agent.hub.hand({ epoch: "epoch-2", generation: 1 }),
  ]) {
    const answers = agent.hub.acknowledgements.length;
    change();
    await vi.waitFor(() => expect(agent.hub.acknowledgements.length).toBeGreaterThan(answers), patience);
    expect(agent.hub.acknowledgements.at(-1)?.refusal?.code).toBe("cluster_frozen");
  }
  await agent.edit(mapPath("m-0", "shop"), { data: { a: "2" } });
  await vi.waitFor(async () => expect(field(await agent.get(mapPath("m-0", "shop")), "data", "a")).toBe("1"), patience);
  expect(deletionsOf(agent)).toEqual([]);
  expect(await agent.get(mapPath("new", "shop"))).toBeUndefined();
  // A policy that nobody can read allows no more than a freeze.
  await agent.setPolicy("freeze: maybe");
  await agent.restart();
  agent.hub.hand({});
  await vi.waitFor(() => expect(agent.hub.acknowledgements.at(-1)?.refusal?.message).toContain(":1:1"), patience);
});

it("T30, R3, R33: it can neither go back, jump, nor return to an epoch that was left", async () => {
  const agent = await begin("{}");
  const { bundle } = agent.hub.assign("app", maps(2));
  await agent.untilApplied("app", bundle);
  const now = Date.now();
  const attempts: readonly Parameters<typeof agent.hub.envelope>[0][] = [
    { generation: 0 },
    { generation: 1, targets: [] },
    { generation: Number.MAX_SAFE_INTEGER },
    { generation: 1_000_002 },
    { cluster: "other" },
    { generation: 2, clusterUid: "another" },
  ];
  const bury = { tombstones: [{ application: "app", reason: "evil", detach: false, confirmPrune: "" }], targets: [] };
  for (const attempt of attempts) {
    const answers = agent.hub.acknowledgements.length;
    agent.hub.deliver({ kind: "assignments", signed: agent.hub.envelope({ ...bury, ...attempt }) });
    await vi.waitFor(() => expect(agent.hub.acknowledgements.length).toBeGreaterThan(answers), patience);
    expect({ attempt, ...agent.hub.acknowledgements.at(-1) }).toHaveProperty("refusal");
  }
  agent.hub.deliver({ kind: "assignments", signed: agent.hub.envelope({ epoch: "epoch-2", issuedAtMs: now }) });
  await vi.waitFor(
    () => expect(agent.hub.acknowledgements.at(-1)).toEqual({ epoch: "epoch-2", generation: 1 }),
    patience,
  );
  await agent.restart();
  for (const attempt of [{ generation: 900 }, { epoch: "epoch-0", issuedAtMs: now - 3_600_000 }]) {
    const answers = agent.hub.acknowledgements.length;
    agent.hub.deliver({ kind: "assignments", signed: agent.hub.envelope({ ...bury, ...attempt }) });
    await vi.waitFor(() => expect(agent.hub.acknowledgements.length).toBeGreaterThan(answers), patience);
    expect({ attempt, ...agent.hub.acknowledgements.at(-1) }).toHaveProperty("refusal");
  }
  expect(await agent.get(mapPath("m-0", "shop"))).toBeDefined();
  await agent.untilApplied("app", bundle);
});

it("T31: without as many signatures as the policy wants, no new content is taken, and the old is kept and healed", async () => {
  const [alice, bob, mallory] = [createSigningKey(), createSigningKey(), createSigningKey()];
  const text = (key: typeof alice): string => formatReleaseKey(key.publicKey);
  const agent = await begin(`
signatures:
  required: 2
  keys: { alice: ${text(alice)}, bob: ${text(bob)}, alice-again: ${text(alice)} }
  applications: ["app*"]
`);
  const release = (bundle: string) => ({
    application: "app",
    bundle,
    cluster: standInCluster,
    expiresAtMs: Date.now() + 3_600_000,
  });
  const awaits = (report: Report, signed: number): void => {
    expect(report).toMatchObject({ phase: "applying", reason: "AwaitingSignatures" });
    expect(report.message).toContain(`${signed} of 2 signatures`);
  };
  const content = (value: string) => [configMap("m-0", { a: value }, "shop")];
  const { bundle: first } = agent.hub.assign("app", content("1"));
  await untilReport(agent, "app", (report) => awaits(report, 0));
  const signatures = (bundle: string, keys: readonly (typeof alice)[]) =>
    keys.map((key) => signRelease(release(bundle), key));
  const worthless = [
    ...signatures(first, [alice, alice, mallory]),
    { ...signRelease(release(first), mallory), keyId: bob.id },
    signRelease({ ...release(first), application: "other" }, bob),
    signRelease({ ...release(first), cluster: "other" }, bob),
    signRelease({ ...release(first), expiresAtMs: Date.now() - 1 }, bob),
  ];
  agent.hub.assign("app", content("1"), { signatures: worthless });
  await untilReport(agent, "app", (report) => awaits(report, 1));
  expect(await agent.get(mapPath("m-0", "shop"))).toBeUndefined();
  agent.hub.assign("app", content("1"), { signatures: signatures(first, [alice, bob]) });
  await agent.untilApplied("app", first);
  // Of the next content those say nothing.
  agent.hub.assign("app", content("2"), { signatures: signatures(first, [alice, bob]) });
  await untilReport(agent, "app", (report) => awaits(report, 0));
  await agent.edit(mapPath("m-0", "shop"), { data: { a: "edited" } });
  await vi.waitFor(async () => expect(field(await agent.get(mapPath("m-0", "shop")), "data", "a")).toBe("1"), patience);
  // What the policy asks no signatures for goes its way.
  await agent.untilApplied("free", agent.hub.assign("free", [configMap("free", {}, "shop")]).bundle);
});
