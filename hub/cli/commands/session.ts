import type { Session as Login } from "@drover/shared/api/session";
import { formatDuration } from "@drover/shared/duration";
import type { Command } from "commander";

import { formatAge } from "../age.ts";
import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { isStructured, openSession, print, printValue, say, type Session } from "../session.ts";
import { marks } from "../signs.ts";
import { formatTable, type Column } from "../table.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const session = program.command("session").description("See who is logged in, and end logins.");
  const list = session
    .command("list")
    .description("Show who is logged in, since when, and with what.")
    .action(async () => {
      const opened = await openSession(terminal, list.optsWithGlobals<GlobalFlags>());
      const { items } = await opened.client.sessions.list(opened.signal);
      if (isStructured(opened.format)) return printValue(opened, { items });
      print(opened, opened.format === "name" ? items.map(({ id }) => id) : tableOf(items, opened));
      if (items.length === 0) say(opened, "nobody is logged in: drover login");
    });
  withExamples(list, [["drover session list", "everybody"]]);

  const end = session
    .command("end")
    .description("End a login at once, and the event streams that are open with it within seconds.")
    .argument("<id>", "as drover session list shows it")
    .action(async (id: string) => {
      const opened = await openSession(terminal, end.optsWithGlobals<GlobalFlags>());
      await opened.client.sessions.end(id, opened.signal);
      say(opened, `session ${id} ended`);
    });
  withExamples(end, [["drover session end 1f2e3d4c5b6a7988", "whoever has it has to log in again"]]);
}

function tableOf(items: readonly Login[], { style, terminal }: Session): readonly string[] {
  const { none } = marks(style);
  const now = terminal.now();
  const columns: readonly Column<Login>[] = [
    { title: "ID", cell: ({ id }) => id },
    { title: "NAME", cell: ({ name }) => name, flexible: "last" },
    { title: "WITH", cell: ({ kind }) => kind },
    { title: "ROLES", cell: ({ roles }) => roles.join(" ") },
    { title: "SCOPE", cell: ({ scope }) => scope || none, flexible: "first" },
    { title: "SINCE", cell: ({ since }) => formatAge(since, now) },
    { title: "USED", cell: ({ used }) => formatAge(used, now) },
    { title: "ENDS", cell: ({ expires }) => `in ${formatDuration(expires - now)}` },
  ];
  return formatTable(items, columns, style, { headers: items.length > 0 });
}
