import type { Rollout } from "@drover/shared/api/rollouts";
import type * as api from "@drover/shared/api/types";

import type { MemoryFleet } from "./memory-backend.ts";
import { sampleBlames, sampleReasons } from "./sample-reasons.ts";

/** 2026-11-21 10:53:02 UTC: the time at which tests look at the sample fleet. */
export const sampleNow = Date.UTC(2026, 10, 21, 10, 53, 2);

const commit = "4be1f02aa1c09b2f4c7f0d2e9b3a5d6c7e8f9a0b";
const ago = (seconds: number): number => sampleNow - seconds * 1000;

const sampleRollout: Rollout = {
  strategy: "careful",
  revision: commit,
  next: "",
  phase: "AwaitingApproval",
  message: "wave eu waits for approval: drover rollout approve shop",
  started: ago(600),
  waves: [
    { name: "canary", clusters: 2, current: 2, underWay: 0, failed: 0, pending: 0, deferred: 0, passed: true },
    { name: "eu", clusters: 1, current: 0, underWay: 0, failed: 0, pending: 1, deferred: 0, passed: false },
  ],
  failed: [],
  waiting: [{ cluster: "prod-1", reason: "waits for wave eu" }],
};

/** Four clusters, three applications and two sources, in the states that people have to tell apart. */
export function sampleFleet(): MemoryFleet {
  return {
    clusters: clusters(),
    applications: applications(),
    targets: targets(),
    sources: sources(),
    credentials: credentials(),
    diffs: diffs(),
    trees: trees(),
    rights: rights(),
    reasons: sampleReasons,
    blames: sampleBlames,
  };
}

const clusters = (): Required<MemoryFleet>["clusters"] => [
  cluster("dev-1", { labels: { env: "dev" } }),
  cluster("prod-ap-1", {
    state: "offline",
    reason: "NoContact",
    since: ago(14 * 60),
    seen: ago(14 * 60),
    connected: false,
    labels: { env: "prod", region: "ap", tier: "gold" },
    agentVersion: "0.0.9",
    settled: { kubernetesVersion: "v1.34.0", nodes: 5 },
  }),
  cluster("prod-eu-1", {
    state: "drifted",
    reason: "1 target has drift",
    drifted: 1,
    labels: { env: "prod", region: "eu", tier: "gold" },
  }),
  cluster("prod-eu-3", {
    state: "failed",
    reason: "shop: ImagePullBackOff",
    applications: { current: 1, total: 2 },
    labels: { env: "prod", region: "eu", tier: "gold" },
  }),
];

const applications = (): Required<MemoryFleet>["applications"] => [
  application("shop", {
    state: "failed",
    reason: "1 of 3 targets failed",
    targets: { current: 1, total: 3 },
    rollouts: [sampleRollout],
    held: [
      {
        kind: "withdrawal",
        digest: "sha256:12",
        clusters: 12,
        message: "shop would leave 12 of 30 clusters: a, b, c and 9 more",
      },
    ],
  }),
  application("metrics", {}),
  application("billing", {
    state: "no-targets",
    reason: "tier=platnum matches 0 clusters (tier=gold: 3?)",
    targets: { current: 0, total: 0 },
    problems: [
      {
        code: "no-targets",
        severity: "warning",
        message: "the selector tier=platnum matches no cluster",
        at: { file: "apps/billing/drover.yaml", line: 7, column: 5 },
        hint: "tier=gold matches 3",
      },
    ],
  }),
];

const targets = (): Required<MemoryFleet>["targets"] => [
  target("shop", "prod-eu-3", {
    state: "failed",
    reason: "ImagePullBackOff",
    message: "Deployment/shop cannot pull registry.eu/shop:2.9.0",
    objects: { current: 4, total: 5 },
    items: [
      item("Deployment.apps shop/shop", { health: "Failed", reason: "ImagePullBackOff", message: "not found" }),
      item("Service shop/shop", {}),
    ],
  }),
  target("shop", "prod-eu-1", {
    state: "drifted",
    reason: "Drift",
    message: "spec.replicas by kubectl-edit",
    drifted: 1,
  }),
  target("shop", "prod-ap-1", { state: "offline", reason: "NoContact", since: ago(14 * 60) }),
  target("metrics", "dev-1", {}),
  target("metrics", "prod-eu-3", {}),
];

const sources = (): Required<MemoryFleet>["sources"] => [
  source("platform", {}),
  source("legacy", {
    state: "failed",
    reason: "AuthenticationFailed",
    revision: "",
    fetched: 0,
    problems: [{ code: "source-auth", severity: "error", message: "the server refused the credentials" }],
  }),
];

const diffs = (): Required<MemoryFleet>["diffs"] => [
  {
    app: "shop",
    cluster: "prod-eu-1",
    identical: 4,
    masked: 2,
    objects: [
      {
        object: "Deployment.apps shop/shop",
        state: "changed",
        changes: [
          { path: "spec.replicas", desired: "6", live: "2", by: "kubectl-edit" },
          { path: "spec.template.spec.containers[name=shop].env", live: '[{"name":"DEBUG"}]' },
        ],
      },
      { object: "ConfigMap shop/settings", state: "missing", changes: [] },
    ],
  },
  { app: "metrics", cluster: "dev-1", identical: 5, masked: 0, objects: [] },
];

const rights = (): Required<MemoryFleet>["rights"] => [
  {
    app: "shop",
    cluster: "prod-eu-1",
    serviceAccount: "shop/deployer",
    named: true,
    account: [{ apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace: "shop", name: "deployer" } }],
    agent: [
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { namespace: "shop", name: "drover-agent-shop" },
        rules: [
          { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["impersonate"], resourceNames: ["deployer"] },
        ],
      },
    ],
    unknownKinds: ["parts.example.com/v1 Gadget"],
  },
];

const trees = (): Required<MemoryFleet>["trees"] => [
  {
    app: "shop",
    cluster: "prod-eu-1",
    nodes: [
      node("Deployment.apps shop/shop", "Progressing", [
        node("ReplicaSet.apps shop/shop-7c9", "Progressing", [node("Pod shop/shop-7c9-x1", "Current", [])]),
        node("ReplicaSet.apps shop/shop-6b8", "Current", []),
      ]),
      node("Service shop/shop", "Current", []),
    ],
  },
];

function cluster(name: string, change: Partial<api.Cluster>): api.Cluster {
  return {
    name,
    uid: `uid-${name}`,
    state: "current",
    reason: "",
    since: ago(3 * 86_400),
    labels: {},
    applications: { current: 2, total: 2 },
    drifted: 0,
    connected: true,
    seen: ago(4),
    agentVersion: "0.1.0",
    kubernetesVersion: "v1.35.1",
    provider: "aws",
    region: "eu-west-1",
    nodes: 3,
    settled: {},
    cordoned: "",
    standing: { staleSince: 0, policy: "", frozen: false },
    ...change,
  };
}

function application(name: string, change: Partial<api.ApplicationDetail>): api.ApplicationDetail {
  return {
    name,
    state: "current",
    reason: "",
    since: ago(17 * 60),
    targets: { current: 2, total: 2 },
    revision: `main@${commit}`,
    source: `platform//apps/${name}`,
    declared: `apps/${name}/drover.yaml:1`,
    conditions: [{ type: "Rendered", status: "True", reason: "Rendered", message: "5 objects", since: ago(17 * 60) }],
    problems: [],
    states: {},
    rollouts: [],
    held: [],
    objects: [`Deployment.apps ${name}/${name}`, `Service ${name}/${name}`],
    ...change,
  };
}

function target(app: string, clusterName: string, change: Partial<api.TargetDetail>): api.TargetDetail {
  const start = ago(5 * 60);
  return {
    app,
    cluster: clusterName,
    state: "current",
    revision: commit,
    appliedRevision: commit,
    reason: "",
    message: "",
    since: ago(5 * 60),
    bundle: `sha256:${"8a31".repeat(16)}`,
    objects: { current: 5, total: 5 },
    drifted: 0,
    timings: { seen: start, assigned: start + 12, received: start + 20, applied: start + 180, observed: start + 240 },
    overrides: [`apps/${app}/drover.yaml:21`],
    placement: `everywhere apps/${app}/drover.yaml:9`,
    conditions: [],
    items: [item(`Deployment.apps ${app}/${app}`, {})],
    ...change,
  };
}

type Item = api.TargetDetail["items"][number];

function item(object: string, change: Partial<Item>): Item {
  return { object, apply: "Applied", health: "Current", reason: "", message: "", ...change };
}

const credentials = (): Required<MemoryFleet>["credentials"] => [
  {
    name: "charts",
    for: "oci://registry.example.com/charts",
    state: "current",
    reason: "",
    since: ago(5 * 86_400),
    parts: ["username", "password"],
    expires: 0,
    usedBy: ["app/metrics"],
  },
  {
    name: "corp",
    for: "https://git.corp.example",
    state: "degraded",
    reason: "a certificate of the credential corp expires on 2026-11-30",
    since: ago(300 * 86_400),
    parts: ["ca", "client-certificate"],
    expires: Date.UTC(2026, 10, 30),
    usedBy: [],
  },
];

function source(name: string, change: Partial<api.SourceDetail>): api.SourceDetail {
  return {
    name,
    url: `https://git.example.com/${name}.git`,
    ref: "main",
    version: "",
    credential: "",
    path: "",
    declaredIn: "",
    intervalSeconds: 60,
    state: "current",
    reason: "",
    since: ago(3600),
    revision: commit,
    fetched: ago(23),
    applications: 3,
    conditions: [],
    problems: [],
    hostKeys: [],
    signers: [],
    ...change,
  };
}

function node(object: string, health: string, children: readonly api.TreeNode[]): api.TreeNode {
  return { object, health, reason: "", message: "", children };
}
