import { resolve } from "node:path";

import { contextsFile, readContexts, useContext, writeContext } from "@drover/shared/api/contexts";
import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { print, say } from "../session.ts";
import type { Column } from "../table.ts";
import { formatTable } from "../table.ts";
import { styleOf } from "../terminal.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const { env } = terminal;
  const context = program.command("context").description("Choose the hub that commands talk to.");
  const list = context
    .command("ls")
    .description("List contexts; * marks the current one.")
    .action(async () => {
      const flags = list.optsWithGlobals<GlobalFlags>();
      const { current, contexts } = await readContexts(env);
      const rows = Object.entries(contexts).map(([name, { server }]) => ({ name, server, current: name === current }));
      if (flags.output === "json") {
        terminal.stdout.write(`${JSON.stringify({ items: rows }, null, 2)}\n`);
      } else if (rows.length === 0) {
        say({ terminal }, `no contexts in ${contextsFile(env)}; start a hub here with npm start`);
      } else {
        print({ terminal }, formatTable(rows, columns, styleOf(terminal, terminal.stdout, flags)));
      }
    });
  withExamples(list, [["drover context ls", "all hubs that are known here"]]);

  const use = context
    .command("use")
    .description("Make a context the current one.")
    .argument("<name>")
    .action(async (name: string) => {
      await useContext(name, env);
      say({ terminal }, `commands now talk to ${name}`);
    });
  withExamples(use, [["drover context use local", "the hub of npm start"]]);

  const add = context
    .command("add")
    .description("Add or replace a context; takes --server and --token-file.")
    .argument("<name>")
    .option("--use", "make it the current one")
    .action(async (name: string) => {
      const { server, tokenFile, use: current } = add.optsWithGlobals<GlobalFlags & { readonly use?: boolean }>();
      if (server === undefined || !URL.canParse(server)) {
        throw new DroverError("usage", "--server takes the address of the hub", {
          hint: `drover context add ${name} --server https://hub.example.com --token-file FILE`,
        });
      }
      const entry = { server, ...(tokenFile === undefined ? {} : { tokenFile: resolve(terminal.cwd, tokenFile) }) };
      await writeContext(name, entry, { env, ...(current === undefined ? {} : { current }) });
      say({ terminal }, `context ${name} written to ${contextsFile(env)}`);
    });
  withExamples(add, [
    ["drover context add prod --server https://hub.example.com --token-file ~/.drover-token --use", "and use it"],
  ]);
}

interface Row {
  readonly name: string;
  readonly server: string;
  readonly current: boolean;
}

const columns: readonly Column<Row>[] = [
  { title: "", cell: ({ current }) => (current ? "*" : "") },
  { title: "NAME", cell: ({ name }) => name },
  { title: "SERVER", cell: ({ server }) => server, flexible: "first" },
];
