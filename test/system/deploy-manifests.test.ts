import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { readPolicy } from "@drover/agent/store/policy-file";
import { hubOptions } from "@drover/hub/config";
import { joinManifest } from "@drover/hub/core/join-manifest";
import { decodeYaml } from "@drover/shared/decode";
import { textAt } from "@drover/shared/json";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startControlPlane, type ControlPlane } from "../rig/control-plane.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";

const deploy = join(import.meta.dirname, "..", "..", "deploy");

const joining = (token: string): string =>
  joinManifest({ cluster: "prod-1", token, hub: "hub.example.com:7475", image: "drover/agent:0.1.0", rights: "all" });

describe("manifests in deploy/", () => {
  /** `vitest -u` writes the file anew from the function, so there is one text to keep. */
  test("the agent's is what drover join prints, with its values to fill in", async () => {
    const manifest = joinManifest({
      cluster: "CLUSTER-NAME",
      token: "TOKEN",
      hub: "HUB-ADDRESS:7475",
      image: hubOptions.agentImage.default,
      rights: "all",
    });
    await expect(manifest).toMatchFileSnapshot(join(deploy, "kubernetes", "agent", "agent.yaml"));
  });

  test("the policy of the agent that comes with it is one", async () => {
    const text = await readFile(join(deploy, "kubernetes", "agent", "policy.yaml"), "utf8");
    const { documents } = decodeYaml("policy.yaml", new TextEncoder().encode(text));
    const policy = textAt(documents[0]?.value, "data", "policy.yaml") ?? "";
    expect(readPolicy("policy.yaml", new TextEncoder().encode(policy))).toMatchObject({ freeze: false, fault: "" });
  });

  const option = (variable: string): string =>
    variable
      .replace(/^DROVER_/u, "")
      .toLowerCase()
      .replaceAll(/_(?<letter>[a-z])/gu, (_match, letter: string) => letter.toUpperCase());

  test.each(["kubernetes/hub/hub.yaml", "hub.Dockerfile"])("%s sets only what the hub knows", async (file) => {
    const text = await readFile(join(deploy, file), "utf8");
    const variables = [...text.matchAll(/(?:name: |^ENV |^ {4})(?<name>DROVER_[A-Z_]+)/gmu)];
    expect(variables.length).toBeGreaterThan(2);
    const unknown = variables
      .map((match) => option(match.groups?.["name"] ?? ""))
      .filter((name) => !Object.keys(hubOptions).includes(name));
    expect(unknown).toEqual([]);
  });

  test.each(["agent", "hub"])(
    "the pod of the %s is unprivileged and cannot write its root file system",
    async (folder) => {
      const [name = ""] = await readdir(join(deploy, "kubernetes", folder));
      const text = await readFile(join(deploy, "kubernetes", folder, name), "utf8");
      for (const line of [
        "runAsNonRoot: true",
        "allowPrivilegeEscalation: false",
        "readOnlyRootFilesystem: true",
        'drop: ["ALL"]',
        "type: RuntimeDefault",
        "pod-security.kubernetes.io/enforce: restricted",
      ]) {
        expect(text.split(line)).toHaveLength(2);
      }
    },
  );
});

describeWithRig(
  "kube-apiserver",
  "etcd",
  "kubectl",
)("manifests on a real API server", () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await startControlPlane({ name: "manifests" });
  });
  afterAll(() => plane[Symbol.asyncDispose]());

  async function apply(manifest: string): Promise<string> {
    const { code, stdout, stderr } = await plane.kubectl(["apply", "-f", "-"], { stdin: manifest });
    expect([code, stderr]).toEqual([0, ""]);
    return stdout;
  }

  const asAgent = "--as=system:serviceaccount:drover-system:drover-agent";

  async function allowed(...request: readonly string[]): Promise<boolean> {
    return (await plane.kubectl(["auth", "can-i", ...request, asAgent])).stdout.trim() === "yes";
  }

  test("what drover join prints is taken whole, and taken again", async () => {
    expect((await apply(joining("drv1.a.b.c"))).trim().split("\n")).toHaveLength(7);
    const again = await apply(joining("drv1.a.b.c"));
    expect(again).not.toContain("created");
    expect(again).toContain("deployment.apps/drover-agent unchanged");
  });

  test("joining again keeps the identity that the agent wrote", async () => {
    const written = ["patch", "secret", "drover-agent-identity", "-n", "drover-system"];
    await plane.kubectl([...written, "-p", '{"stringData":{"identity.json":"mine"}}']);
    expect(await apply(joining("drv1.other.b.c"))).toContain("deployment.apps/drover-agent configured");
    const read = ["get", "secret", "drover-agent-identity", "-n", "drover-system", "-o", "jsonpath={.data}"];
    expect((await plane.kubectl(read)).stdout).toContain(Buffer.from("mine").toString("base64"));
  });

  test("the agent may do its work and nothing that makes it somebody else", async () => {
    for (const verb of ["get", "list", "watch", "create", "patch", "delete"]) {
      expect([verb, await allowed(verb, "deployments.apps", "-n", "shop")]).toEqual([verb, true]);
    }
    expect(await allowed("patch", "customresourcedefinitions.apiextensions.k8s.io")).toBe(true);
    expect(await allowed("patch", "secrets", "-n", "drover-system")).toBe(true);
    for (const request of [
      ["impersonate", "users"],
      ["escalate", "clusterroles.rbac.authorization.k8s.io"],
      ["bind", "clusterroles.rbac.authorization.k8s.io"],
      ["approve", "signers"],
    ]) {
      expect([request, await allowed(...request)]).toEqual([request, false]);
    }
  });

  test("T21: with the least rights it may see to itself, and neither write nor act as anybody", async () => {
    const least = joinManifest({ cluster: "c", token: "drv1.a.b.c", hub: "hub:1", image: "agent:1", rights: "least" });
    await using other = await startControlPlane({ name: "least" });
    const { code, stderr } = await other.kubectl(["apply", "-f", "-"], { stdin: least });
    expect([code, stderr]).toEqual([0, ""]);
    const may = async (...request: readonly string[]): Promise<boolean> =>
      (await other.kubectl(["auth", "can-i", ...request, asAgent])).stdout.trim() === "yes";
    expect(await may("patch", "configmaps", "-n", "drover-system")).toBe(true);
    expect(await may("watch", "serviceaccounts", "-A")).toBe(true);
    for (const request of [
      ["patch", "configmaps", "-n", "shop"],
      ["list", "secrets", "-n", "shop"],
      ["list", "secrets", "-n", "drover-system"],
      ["impersonate", "serviceaccounts", "-n", "shop"],
      ["create", "serviceaccounts/token", "-n", "shop"],
      ["patch", "clusterroles.rbac.authorization.k8s.io"],
    ]) {
      expect([request, await may(...request)]).toEqual([request, false]);
    }
  });

  test("it may hand out ordinary roles, and not the administrator's", async () => {
    const role = (verbs: string): string =>
      JSON.stringify({
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRole",
        metadata: { name: "operator" },
        rules: [{ apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: verbs.split(",") }],
      });
    const as = (manifest: string) => plane.kubectl(["apply", "-f", "-", asAgent], { stdin: manifest });
    expect((await as(role("get,create,update,patch"))).code).toBe(0);
    expect((await as(role("*"))).stderr).toContain("attempting to grant RBAC permissions not currently held");
  });

  test("the agent's share of the API server is taken whole, and is the agent's", async () => {
    const text = await readFile(join(deploy, "kubernetes", "agent", "flow-control.yaml"), "utf8");
    // As 1.20 knows it: the same under older names.
    const old = text
      .replaceAll("io/v1\n", "io/v1beta1\n")
      .replace("nominalConcurrencyShares", "assuredConcurrencyShares");
    expect((await apply(old)).trim().split("\n")).toHaveLength(2);
    const path = "flowschemas.flowcontrol.apiserver.k8s.io/drover-agent";
    const uid = (await plane.kubectl(["get", path, "-o", "jsonpath={.metadata.uid}"])).stdout;
    expect(uid).not.toBe("");
    await expect
      .poll(async () => (await plane.kubectl(["get", "configmaps", "-n", "shop", "-v=8", asAgent])).stderr, {
        timeout: 15_000,
      })
      .toContain(`X-Kubernetes-Pf-Flowschema-Uid: ${uid}`);
  });

  test("the hub's is taken whole", async () => {
    const text = await readFile(join(deploy, "kubernetes", "hub", "hub.yaml"), "utf8");
    expect((await apply(text)).trim().split("\n")).toHaveLength(6);
  });
});
