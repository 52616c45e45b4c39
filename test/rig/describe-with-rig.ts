import { describe } from "vitest";

import { missing, type ProgramName } from "./programs.ts";

/**
 * `describe` for suites that need real programs. Without them the suite is skipped and its title carries the reason
 * and the command that enables it; with CI=true it fails instead, because there a missing component is a fault.
 */
export function describeWithRig(...names: readonly ProgramName[]): (title: string, suite: () => void) => void {
  const reason = missing(names);
  return (title, suite) => {
    if (reason !== undefined && process.env["CI"] === "true") throw new Error(`${title}: ${reason}`);
    describe.runIf(reason === undefined)(reason === undefined ? title : `${title} [${reason}]`, () => {
      suite();
    });
  };
}
