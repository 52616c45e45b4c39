import { noFacts } from "@drover/shared/link/link";
import { expect, test } from "vitest";

import { factLabels } from "./fact-labels.ts";

test.each([
  [
    { agentVersion: "0.1.0", kubernetesVersion: "v1.31.2+k3s1", provider: "aws", region: "eu-west-1", nodes: 3 },
    {
      "facts.drover.dev/agent-version": "0.1.0",
      "facts.drover.dev/kubernetes-version": "v1.31.2_k3s1",
      "facts.drover.dev/kubernetes-minor": "1.31",
      "facts.drover.dev/provider": "aws",
      "facts.drover.dev/region": "eu-west-1",
      "facts.drover.dev/nodes": "3",
    },
  ],
  [noFacts, {}],
  [
    { ...noFacts, agentVersion: "+", kubernetesVersion: "unknown" },
    {
      "facts.drover.dev/agent-version": "",
      "facts.drover.dev/kubernetes-version": "unknown",
      "facts.drover.dev/nodes": "0",
    },
  ],
])("the facts %j", (facts, expected) => {
  expect(factLabels(facts)).toEqual(expected);
});
