import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Suites that take about a minute or more, the longest of each group first. Vitest knows how long a suite takes only after a first run, and
 * begins then with large files: the longest suite, whose file is small, would run last and alone. What computes (seeds)
 * stands between what mostly waits.
 */
const long = [
  "cluster/conformance/real",
  "cluster/conformance/kubectl",
  "rig/control-plane",
  "system/agent-trouble",
  "simulation/even-seeds",
  "system/agent-watch",
  "simulation/odd-seeds",
  "system/main-loop",
  "system/kill",
  "system/agent-events",
  "system/source-http",
  "system/helm",
  "system/hub-invariants",
  "system/clock-start",
  "system/playground",
  "system/source-ssh",
  "system/link-nats",
  "system/charts-fleet",
  "system/corpus",
];

/** Vitest's own order, but for what would be waited for at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(specifications);
    return sorted.toSorted((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b));
  }
}

function groupOf({ project }: TestSpecification): number {
  return project.config.sequence.groupOrder;
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = long.findIndex((name) => moduleId.endsWith(`test/${name}.test.ts`));
  return rank === -1 ? long.length : rank;
}

/** @public vitest loads a custom sequencer by its default export. */
// oxlint-disable-next-line import/no-default-export
export default LongestFirst;
