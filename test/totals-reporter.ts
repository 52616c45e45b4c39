import type { Reporter, TestModule } from "vitest/node";

/**
 * Names every suite that was left out with its reason (a title that ends in `[why and what to do]`), then prints `N passed, N failed, N skipped` alone on
 * the last line: the line that CI reads.
 */
class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const totals = { passed: 0, failed: 0, skipped: 0 };
    const leftOut = new Set<string>();
    for (const module of modules) {
      for (const suite of module.children.allSuites()) if (suite.name.endsWith("]")) leftOut.add(suite.name);
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        totals[state === "pending" ? "skipped" : state] += 1;
      }
      if (module.state() === "failed" && module.errors().length > 0) totals.failed += 1;
    }
    for (const title of leftOut) process.stdout.write(`\nleft out: ${title}`);
    process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
  }
}

/** @public vitest loads a custom reporter by its default export. */
// oxlint-disable-next-line import/no-default-export
export default TotalsReporter;
