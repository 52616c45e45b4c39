import { defineConfig } from "vitest/config";

import LongestFirst from "./test/longest-first.ts";

const node = {
  environment: "node",
  testTimeout: 15_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 10_000 } },
} as const;

/**
 * `unit` runs beside the code. `cluster` and `system` start real processes: suites of the first compare the behaviour of
 * real servers, whose own time limits are short, so that only two of them share a small machine; those of the second
 * mostly wait, so that three do. `simulation` waits for nothing, and stands between them (`longest-first.ts`).
 */
export default defineConfig({
  test: {
    reporters: ["default", "./test/totals-reporter.ts"],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...node,
          name: "unit",
          include: ["{proto,shared,agent,hub,deploy}/**/*.test.ts"],
          exclude: ["**/node_modules/**", "hub/console/**"],
        },
      },
      {
        test: {
          ...node,
          name: "cluster",
          include: ["test/{cluster,rig}/**/*.test.ts"],
          exclude: ["**/node_modules/**"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...node,
          name: "simulation",
          include: ["test/{simulation,mutations}/**/*.test.ts"],
          testTimeout: 3_600_000,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...node,
          name: "system",
          include: ["test/system/**/*.test.ts"],
          globalSetup: ["test/system/bundle.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
