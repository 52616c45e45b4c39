import { noFacts, type ClusterFacts } from "@drover/shared/link/link";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formerFacts, hearFacts, nextSettleMs, nothingKnown, settleFacts, settleMs } from "./settle-facts.ts";
import type { KnownFacts } from "./settle-facts.ts";

const said: ClusterFacts = {
  agentVersion: "1",
  kubernetesVersion: "v1.31.2",
  provider: "aws",
  region: "eu-west-1",
  nodes: 3,
};
const hear = (known: KnownFacts, facts: Partial<ClusterFacts>, atMs: number): KnownFacts => {
  const heard = hearFacts(known, { ...known.facts, ...facts }, atMs);
  return settleFacts({ ...known, ...heard }, atMs);
};
const first = hear(nothingKnown, said, 1_000);

describe("facts", () => {
  it("count at once where nothing was known before", () => {
    expect(first).toMatchObject({ facts: said, settled: said });
    expect(nextSettleMs(first)).toBeUndefined();
    const old = hear(nothingKnown, { ...said, provider: "", region: "" }, 1_000);
    expect(hear(old, { region: "eu-west-1" }, 2_000).settled).toEqual({ ...said, provider: "" });
  });

  it.each<[string, readonly [periods: number, facts: Partial<ClusterFacts>][], Partial<ClusterFacts>]>([
    [
      "stay while a new one is young",
      [
        [5, { nodes: 4 }],
        [5.9, {}],
      ],
      {},
    ],
    [
      "change once a new one has been said for a period",
      [
        [5, { nodes: 4 }],
        [6, {}],
      ],
      { nodes: 4 },
    ],
    [
      "do not count time from before a change",
      [
        [5, { nodes: 4 }],
        [5.7, { nodes: 5 }],
        [6, {}],
      ],
      {},
    ],
    [
      "begin anew when they flap",
      [
        [5, { nodes: 4 }],
        [5.5, { nodes: 3 }],
        [5.6, { nodes: 4 }],
        [6.5, {}],
      ],
      {},
    ],
    [
      "settle each for itself",
      [
        [5, { kubernetesVersion: "v1.32.0" }],
        [5.7, { nodes: 4 }],
        [5.9, { nodes: 5 }],
        [6, {}],
      ],
      { kubernetesVersion: "v1.32.0" },
    ],
    [
      "stay when the agent cannot tell any more",
      [
        [5, { agentVersion: "", kubernetesVersion: "", provider: "", region: "", nodes: 0 }],
        [50, {}],
      ],
      {},
    ],
    [
      "wait for a period and no longer after the clock was set back",
      [
        [5_000, { nodes: 4 }],
        [5, {}],
        [6, {}],
      ],
      { nodes: 4 },
    ],
  ])("%s", (_name, events, changed) => {
    let known = first;
    for (const [periods, facts] of events) known = hear(known, facts, periods * settleMs);
    expect(known.settled).toEqual({ ...said, ...changed });
    const names = Object.keys(said) as (keyof ClusterFacts)[];
    const differing = names.filter((name) => known.facts[name] !== known.settled[name]);
    expect(formerFacts(known)).toEqual(Object.fromEntries(differing.map((name) => [name, known.settled[name]])));
  });

  it("say when to look again, and stay the same value while nothing changes", () => {
    const known = hear(first, { nodes: 4 }, 40_000);
    expect(nextSettleMs(known)).toBe(40_000 + settleMs);
    expect(settleFacts(known, 40_000 + settleMs - 1)).toBe(known);
    expect(nextSettleMs(settleFacts(known, 40_000 + settleMs))).toBeUndefined();
    expect(nextSettleMs(hear(known, { nodes: 0 }, 41_000))).toBeUndefined();
  });

  it("are cut where an agent says too much", () => {
    const region = "x".repeat(1_000_000);
    expect(hear(nothingKnown, { ...noFacts, region }, 0).facts.region).toHaveLength(128);
  });

  it("change for placements once a period at most, only to what was said that long, and always arrive at the last", () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 0, max: settleMs * 0.7 }),
      nodes: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        let known = nothingKnown;
        let now = 0;
        let value = 0;
        let saidSince = 0;
        let changedAt: number | undefined;
        const look = (nodes: number): void => {
          if (nodes !== value) saidSince = now;
          value = nodes;
          const before = known.settled.nodes;
          known = hear(known, { nodes }, now);
          if (known.settled.nodes === before) return;
          expect(known.settled.nodes).toBe(nodes);
          expect(nodes).not.toBe(0);
          if (before !== 0) {
            expect(now - saidSince).toBeGreaterThanOrEqual(settleMs);
            expect(now - (changedAt ?? 0)).toBeGreaterThanOrEqual(settleMs);
          }
          changedAt = now;
        };
        for (const { afterMs, nodes } of steps) {
          now += afterMs;
          look(nodes);
        }
        now = nextSettleMs(known) ?? now;
        look(value);
        if (value !== 0) expect(known.settled.nodes).toBe(value);
        expect(nextSettleMs(known)).toBeUndefined();
      }),
    );
  });
});
