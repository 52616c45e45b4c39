import { noFacts } from "@drover/shared/link/link";
import fc from "fast-check";
import { expect, test } from "vitest";

import { isLabelKey, isLabelValue } from "../api/label-selector.ts";
import { factLabels, factPrefix } from "./fact-labels.ts";
import { matches, operators, type Selector } from "./selector.ts";

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

test("T22: whatever an agent says of its cluster, no selector that asks for no facts chooses otherwise", () => {
  const key = fc.constantFrom("env", "tier", "region", "provider", "nodes", "facts.drover.dev.example.org/region");
  const word = fc.constantFrom("prod", "dev", "gold", "", "1");
  const said = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("env=prod", "prod", "env", "__proto__", "x/env"),
  );
  const facts = fc.record({
    agentVersion: said,
    kubernetesVersion: said,
    provider: said,
    region: said,
    nodes: fc.nat(),
  });
  const requirement = fc.record({ key, operator: fc.constantFrom(...operators), values: fc.array(word) });
  const selector: fc.Arbitrary<Selector> = fc.record({
    matchLabels: fc.dictionary(key, word, { noNullPrototype: true }),
    matchExpressions: fc.array(requirement, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.dictionary(key, word, { noNullPrototype: true }), facts, selector, (labels, claimed, wanted) => {
      const own = factLabels(claimed);
      for (const [name, value] of Object.entries(own)) {
        expect([name.startsWith(factPrefix), isLabelKey(name), isLabelValue(value)]).toEqual([true, true, true]);
      }
      expect(matches(wanted, { ...labels, ...own }).matched).toBe(matches(wanted, labels).matched);
    }),
    { numRuns: 1_000 },
  );
});
