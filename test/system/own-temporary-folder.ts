import { tmpdir } from "node:os";

import { afterAll, beforeAll } from "vitest";

import { temporaryFolder, type TemporaryFolder } from "../rig/watchdog.ts";

/** For a suite that looks at what is left behind there: what others leave meanwhile is none of its own. */
export function haveOwnTemporaryFolder(name: string): void {
  const shared = tmpdir();
  let own: TemporaryFolder;
  beforeAll(async () => {
    own = await temporaryFolder(name);
    process.env["TMPDIR"] = own.path;
  });
  afterAll(async () => {
    process.env["TMPDIR"] = shared;
    await own[Symbol.asyncDispose]();
  });
}
