import { expect, it } from "vitest";

import { startControlPlane } from "./control-plane.ts";
import { describeWithRig } from "./describe-with-rig.ts";
import { offeredKubeconfig, useExternalCluster } from "./external-cluster.ts";
import { httpsCall } from "./https-call.ts";

const describe = describeWithRig("etcd", "kube-apiserver", "kube-controller-manager", "kubectl");

describe("a cluster that is there already", () => {
  it("is used with rights of its own, which are gone afterwards", async () => {
    await using plane = await startControlPlane({ controllers: true });
    const used = await useExternalCluster(plane.kubeconfigPath);
    const call = { url: `${used.url}/api/v1/nodes`, caPem: used.caPem, token: used.token };
    expect(await httpsCall(call)).toMatchObject({ status: 200 });
    await used[Symbol.asyncDispose]();
    await expect.poll(async () => (await httpsCall(call)).status, { timeout: 20_000 }).not.toBe(200);
    const bindings = await plane.kubectl(["get", "clusterrolebindings", "-o", "name"]);
    expect(bindings.stdout).not.toContain("drover-test");
  });

  it("is offered by a variable that is not empty", () => {
    expect(offeredKubeconfig({ DROVER_TEST_KUBECONFIG: "/some/config" })).toBe("/some/config");
    expect(offeredKubeconfig({ DROVER_TEST_KUBECONFIG: "" })).toBeUndefined();
    expect(offeredKubeconfig({})).toBeUndefined();
  });
});
