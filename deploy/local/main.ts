import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { systemClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import { startPlayground } from "./playground.ts";
import { createScreen } from "./screen.ts";

const usage = `Starts a hub, three agents and three embedded clusters on this machine.

  npm start                           start, or resume with what was there
  npm start -- --fresh                forget everything of earlier runs first
  npm start -- --folder /tmp/drover   keep state and sample repository there instead of in the checkout
`;

interface Flags {
  readonly fresh?: boolean;
  readonly folder?: string;
  readonly help?: boolean;
}

const { values, problem } = readFlags();
if (values.help === true || problem !== undefined) {
  (problem === undefined ? process.stdout : process.stderr).write(
    problem === undefined ? usage : `${problem}\n\n${usage}`,
  );
  process.exit(problem === undefined ? 0 : 2);
}

const stop = new AbortController();
const onSignal = (): void => stop.abort(new DroverError("canceled", "stopped"));
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);

const screen = createScreen(() => Date.now());
const folder = resolve(values.folder ?? join(import.meta.dirname, "..", ".."));
try {
  await startPlayground({ screen, clock: systemClock, fresh: values.fresh ?? false, folder }, stop.signal);
  process.exitCode = 0;
} catch (cause) {
  const error = DroverError.from(cause);
  const hint = error.hint ?? `the logs are in ${join(folder, ".drover", "logs")}`;
  if (!stop.signal.aborted) screen.problem(error.message, hint);
  process.exitCode = stop.signal.aborted ? 0 : 1;
}
process.exit();

/** Hoisted: the flags are read before anything else. */
function readFlags(): { readonly values: Flags; readonly problem: string | undefined } {
  const options = { fresh: { type: "boolean" }, folder: { type: "string" }, help: { type: "boolean" } } as const;
  try {
    return { values: parseArgs({ options }).values, problem: undefined };
  } catch (cause) {
    return { values: {}, problem: cause instanceof Error ? cause.message : String(cause) };
  }
}
