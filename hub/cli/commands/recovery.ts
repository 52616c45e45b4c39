import type { Recovery } from "@drover/shared/api/maintenance";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { isStructured, openSession, print, printValue, say, type Session } from "../session.ts";
import { plain } from "../text.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const recovery = program
    .command("recovery")
    .description(
      "Show which clusters are sent nothing, because their agents have accepted more than the hub's store knows: it was restored or lost.",
    )
    .action(async () => {
      const session = await openSession(terminal, recovery.optsWithGlobals<GlobalFlags>());
      return show(session, await session.client.recovery.get(session.signal));
    });
  const confirm = recovery
    .command("confirm")
    .description("Let the hub's store hold, and Git with it: those clusters are sent what they are to run.")
    .option("--force", "also while Git is not read whole: clusters may go back to what the store knows")
    .action(async () => {
      const flags = confirm.optsWithGlobals<GlobalFlags & { readonly force?: boolean }>();
      const session = await openSession(terminal, flags);
      const after = await session.client.recovery.confirm({ force: flags.force === true }, session.signal);
      return isStructured(session.format)
        ? printValue(session, after)
        : say(session, "confirmed: a new epoch has begun");
    });
  withExamples(recovery, [["drover recovery", "after a restore"]]);
  withExamples(confirm, [["drover recovery confirm", "once the sources are read"]]);
}

async function show(session: Session, recovery: Recovery): Promise<void> {
  if (isStructured(session.format)) return printValue(session, recovery);
  print(
    session,
    recovery.held.map(({ cluster, message }) => plain(`${cluster}: ${message}`)),
  );
  if (recovery.held.length === 0) return say(session, "no connected agent is ahead of the hub");
  if (recovery.unread.length > 0) say(session, plain(`not read from Git yet: ${recovery.unread.join(", ")}`));
  return say(session, "these keep what they run until you say: drover recovery confirm");
}
