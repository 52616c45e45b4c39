import { describe } from "vitest";

import { startControlPlane } from "../../rig/control-plane.ts";
import { describeWithRig } from "../../rig/describe-with-rig.ts";
import { suites } from "./suites.ts";
import { serverUnderTest } from "./under-test.ts";

const describeReal = describeWithRig("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubemark");

describeReal("conformance: kube-apiserver", () => {
  const api = serverUnderTest("real", () => startControlPlane({ name: "conformance", nodes: 1 }));
  for (const [topic, suite] of Object.entries(suites)) {
    describe(topic, () => {
      suite(api);
    });
  }
});
