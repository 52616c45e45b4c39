import { describe } from "vitest";

import { describeWithRig } from "../../rig/describe-with-rig.ts";
import { offeredKubeconfig } from "../../rig/external-cluster.ts";
import { startRealServer } from "./real-server.ts";
import { suites } from "./suites.ts";
import { serverUnderTest } from "./under-test.ts";

const describeReal =
  offeredKubeconfig() === undefined
    ? describeWithRig("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubemark")
    : describeWithRig("kubectl");

describeReal("conformance: kube-apiserver", () => {
  const api = serverUnderTest("real", startRealServer);
  for (const [topic, suite] of Object.entries(suites)) {
    // A cluster of the user's cannot be made to forget its history.
    describe.skipIf(topic === "forgotten history" && offeredKubeconfig() !== undefined)(topic, () => {
      suite(api);
    });
  }
});
