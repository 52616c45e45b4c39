import type { AuditEntry } from "@drover/shared/api/access";
import { parseDuration } from "@drover/shared/duration";
import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { exitCodes } from "../exit-code.ts";
import { withExamples } from "../help.ts";
import { collect, isStructured, openSession, print, printValue, say, type Session } from "../session.ts";
import { marks } from "../signs.ts";
import { formatTable, type Column } from "../table.ts";

export function define(program: Command, { terminal, setExitCode }: CommandContext): void {
  const audit = program
    .command("audit")
    .description("Show who did what, oldest first: what was changed, and what was refused.")
    .option("--since <duration>", "only the last 30m, 8h, 7d …")
    .action(async () => {
      const { since, ...flags } = audit.optsWithGlobals<GlobalFlags & { readonly since?: string }>();
      const from = since === undefined ? {} : { since: terminal.now() - readSince(since) };
      const session = await openSession(terminal, flags);
      const entries = await collect(session.client.audit.all(from, session.signal));
      if (isStructured(session.format)) return printValue(session, { items: entries });
      print(session, tableOf(entries, session));
      if (entries.length === 0) say(session, "there are no entries");
    });
  withExamples(audit, [
    ["drover audit --since 24h", "the last day"],
    ["drover audit -o json", "all, with their hashes"],
    ["drover audit verify", "was anything rewritten?"],
  ]);

  const verify = audit
    .command("verify")
    .description(
      "Have the hub recompute the chain of entries, and name the first that does not follow. Exit code 1 then.",
    )
    .action(async () => {
      const session = await openSession(terminal, verify.optsWithGlobals<GlobalFlags>());
      const check = await session.client.audit.check(session.signal);
      if (check.broken !== 0) setExitCode(exitCodes.failure);
      if (isStructured(session.format)) return printValue(session, check);
      if (check.broken !== 0)
        return print(session, [`entry ${check.broken} does not follow from those before it: the log was changed`]);
      print(session, [`${check.entries} entries, ${check.first} to ${check.last}, follow from each other`]);
      say(session, `the newest is ${check.hash}: noted elsewhere, it shows later that nothing was rewritten`);
    });
  withExamples(verify, [["drover audit verify", "the whole chain"]]);
}

/** One line for each, whatever is in it. */
export function tableOf(
  entries: readonly AuditEntry[],
  { style, format }: Pick<Session, "style" | "format">,
): readonly string[] {
  const { none } = marks(style);
  const columns: readonly Column<AuditEntry>[] = [
    { title: "ID", cell: ({ id }) => String(id) },
    { title: "TIME", cell: ({ at }) => new Date(at).toISOString().replace(/\.\d+Z$/u, "Z") },
    { title: "WHO", cell: ({ actor }) => actor || none, flexible: "last" },
    { title: "WHAT", cell: ({ verb, kind, name }) => `${verb} ${kind} ${name}`.trimEnd(), flexible: "last" },
    { title: "RESULT", cell: ({ result }) => result, paint: (text, { result }) => paintResult(text, result, style) },
    ...(format === "wide"
      ? [
          { title: "FROM", cell: ({ address }: AuditEntry) => address },
          { title: "REQUEST", cell: ({ request }: AuditEntry) => request },
        ]
      : []),
    { title: "DETAIL", cell: ({ changed, reason }) => reason || changed.join(" "), flexible: "first" },
  ];
  return formatTable(entries, columns, style, { headers: entries.length > 0 });
}

function paintResult(text: string, result: string, style: Session["style"]): string {
  return result === "done" ? text : style.paint("red", text);
}

function readSince(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new DroverError("usage", `"${text}" is not a duration`, { hint: "write it as 30m, 8h or 7d" });
}
