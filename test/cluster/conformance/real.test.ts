import { describe } from "vitest";

import { describeWithRig } from "../../rig/describe-with-rig.ts";
import { startRealServer } from "./real-server.ts";
import { suites } from "./suites.ts";
import { serverUnderTest } from "./under-test.ts";

const describeReal = describeWithRig("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubemark");

describeReal("conformance: kube-apiserver", () => {
  const api = serverUnderTest("real", startRealServer);
  for (const [topic, suite] of Object.entries(suites)) {
    describe(topic, () => {
      suite(api);
    });
  }
});
