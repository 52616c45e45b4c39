import { systemClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import { startPlayground } from "./playground.ts";
import { createScreen } from "./screen.ts";

const usage = `Starts a hub, three agents and three embedded clusters on this machine.

  npm start                      start, or resume with what was there
  npm start -- --fresh           forget everything of earlier runs first
`;

const args = process.argv.slice(2);
if (args.some((argument) => argument !== "--fresh")) {
  const help = args.includes("--help");
  (help ? process.stdout : process.stderr).write(usage);
  process.exit(help ? 0 : 2);
}

const stop = new AbortController();
const onSignal = (): void => stop.abort(new DroverError("canceled", "stopped"));
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);

const screen = createScreen(() => Date.now());
try {
  await startPlayground({ screen, clock: systemClock, fresh: args.includes("--fresh") }, stop.signal);
  process.exitCode = 0;
} catch (cause) {
  const error = DroverError.from(cause);
  if (!stop.signal.aborted) screen.problem(error.message, error.hint ?? "the logs are in .drover/logs");
  process.exitCode = stop.signal.aborted ? 0 : 1;
}
process.exit();
