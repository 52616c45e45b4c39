import type { Command } from "commander";

import { exitCodes } from "./exit-code.ts";

const firstSteps = `Examples:
  drover get clusters                     every cluster, the worst first
  drover get targets --app shop           one application everywhere
  drover describe target shop@prod-1      why it is as it is
  drover diff shop@prod-1                 Git against what lives in the cluster
  drover events -w                        what happens, as it happens
`;

export function formatHelp(commands: readonly { readonly name: string; readonly summary: string }[]): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`);
  return `${firstSteps}
Commands:
${lines.join("\n")}

Examples of a command: drover COMMAND --help    Flags of every command: drover help flags
`;
}

export function formatFlagsHelp(): string {
  return `Flags of every command:
  -o, --output FORMAT   table, wide, json, yaml or name; lists in JSON are {"items": [...]}
  --context NAME        the hub to talk to (DROVER_CONTEXT; see drover context ls)
  --server URL          another hub than the context's (DROVER_SERVER); needs a token of its own
  --token-file FILE     file that holds the token (the token itself: DROVER_TOKEN)
  --ascii               no signs outside of ASCII; by itself when the locale is not UTF-8

Colour: NO_COLOR=1 never, FORCE_COLOR=1 always. Width of tables off a terminal: COLUMNS.

Exit codes: ${exitCodes.ok} ok, ${exitCodes.failure} failure, ${exitCodes.usage} usage, ${exitCodes.notReached} not reached in time, ${exitCodes.auth} not allowed, ${exitCodes.notFound} not found,
  ${exitCodes.conflict} conflict, ${exitCodes.unreachable} hub unreachable, ${exitCodes.changes} changes present (only with --exit-code)
`;
}

/** Puts the examples of a command above everything else in its help. */
export function withExamples(
  command: Command,
  examples: readonly (readonly [line: string, meaning: string])[],
): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, meaning]) => `  ${line.padEnd(width)}   ${meaning}`);
  return command
    .addHelpText("before", `Examples:\n${lines.join("\n")}\n`)
    .addHelpText(
      "after",
      "\nOutput with -o table|wide|json|yaml|name. Other flags of every command: drover help flags",
    );
}
