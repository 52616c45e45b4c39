import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import packageFile from "../package.json" with { type: "json" };
import { isStructured, openSession, print, printValue, say } from "../session.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command("version")
    .description("Show the versions of this command and of the hub.")
    .option("--client", "do not ask the hub")
    .action(async () => {
      const flags = command.optsWithGlobals<GlobalFlags & { readonly client?: boolean }>();
      const client = packageFile.version;
      if (flags.client === true) return void terminal.stdout.write(`client ${client}\n`);
      const session = await openSession(terminal, flags).catch((cause: unknown) => {
        // Which version this is can be said without a hub.
        terminal.stdout.write(`client ${client}\n`);
        throw DroverError.from(cause);
      });
      const hub = await session.client.version(session.signal);
      if (isStructured(session.format)) return printValue(session, { client, hub });
      print(session, [`client ${client}`, `hub    ${hub.version} (${hub.hub}, Node ${hub.node})`]);
      if (client !== hub.version)
        say(session, "client and hub differ; within a major version they understand each other");
      return undefined;
    });
  withExamples(command, [
    ["drover version", "client and hub"],
    ["drover version --client", "without a hub"],
  ]);
}
