import type { Command } from "commander";

import { formatTime } from "../age.ts";
import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { isStructured, openSession, print, printValue, say } from "../session.ts";
import { formatTable } from "../table.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const backup = program
    .command("backup")
    .description("Make and list copies of the hub's store. They are in the folder backups of the hub's data folder.");
  const create = backup
    .command("create")
    .description("Copy the store now, while the hub goes on. Only the newest copies are kept.")
    .action(async () => {
      const session = await openSession(terminal, create.optsWithGlobals<GlobalFlags>());
      const made = await session.client.backups.make(session.signal);
      if (isStructured(session.format)) return printValue(session, made);
      print(session, [made.name]);
      return say(session, "to restore it: stop the hub, and start it with --restore FILE");
    });
  const list = backup
    .command("list")
    .description("Show the copies, the oldest first.")
    .action(async () => {
      const session = await openSession(terminal, list.optsWithGlobals<GlobalFlags>());
      const { items } = await session.client.backups.list(session.signal);
      if (isStructured(session.format)) return printValue(session, { items });
      if (session.format === "name") {
        return print(
          session,
          items.map(({ name }) => name),
        );
      }
      const columns = [
        { title: "NAME", cell: ({ name }: (typeof items)[number]) => name },
        { title: "MADE", cell: ({ at }: (typeof items)[number]) => formatTime(at) },
        { title: "BYTES", cell: ({ bytes }: (typeof items)[number]) => String(bytes) },
      ];
      print(session, formatTable(items, columns, session.style, { headers: items.length > 0 }));
      return items.length === 0 ? say(session, "there are none: drover backup create") : undefined;
    });
  withExamples(create, [["drover backup create", "before an upgrade"]]);
  withExamples(list, [["drover backup list -o json", "for scripts"]]);
}
