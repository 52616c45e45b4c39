#!/usr/bin/env node
import { environment } from "./config.ts";
import { openBrowser } from "./open-browser.ts";
import { run } from "./run.ts";

const stop = new AbortController();
process.on("SIGINT", () => {
  // The second Ctrl-C is for a command that does not listen.
  if (stop.signal.aborted) process.exit(130);
  stop.abort();
});
// `drover get targets | head` closes the pipe early; that is no failure of the command.
process.stdout.on("error", () => process.exit(0));

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: environment(),
  cwd: process.cwd(),
  now: () => Date.now(),
  readStdin: async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(chunks).toString("utf8");
  },
  openBrowser: (address) => void (process.stderr.isTTY && openBrowser(address)),
  signal: stop.signal,
});
