import { dayMs, maxTokenDays, roles, type CreatedToken, type Role, type Token } from "@drover/shared/api/access";
import { formatDuration, parseDuration } from "@drover/shared/duration";
import { DroverError } from "@drover/shared/errors";
import { nearest } from "@drover/shared/nearest";
import type { Command } from "commander";

import { formatAge } from "../age.ts";
import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { collect, isStructured, openSession, print, printValue, say, type Session } from "../session.ts";
import { marks } from "../signs.ts";
import { formatTable, type Column } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { plain } from "../text.ts";

interface CreateFlags extends GlobalFlags {
  readonly role: readonly Role[];
  readonly scope?: string;
  readonly expires: string;
}

export function define(program: Command, { terminal }: CommandContext): void {
  const token = program
    .command("token")
    .description("Make tokens for people and programs, see which there are, and end them.");
  defineCreate(token, terminal);
  defineList(token, terminal);
  defineRevoke(token, terminal);
}

function defineCreate(token: Command, terminal: Terminal): void {
  const create = token
    .command("create")
    .description("Make a token. It is printed this once: the hub keeps only its hash.")
    .argument("<name>")
    .requiredOption("--role <role>", `what it may do, several times for several: ${roles.join(", ")}`, readRoles)
    .option("--scope <selector>", "only clusters with these labels, and what runs there")
    .option("--expires <duration>", `how long it lives, at most ${maxTokenDays}d`, "24h")
    .action(async (name: string) => {
      const { role, scope, expires, ...flags } = create.optsWithGlobals<CreateFlags>();
      const input = {
        name,
        roles: [...role],
        expiresInSeconds: readLifetime(expires),
        ...(scope === undefined ? {} : { scope }),
      };
      const session = await openSession(terminal, flags);
      return printCreated(session, await session.client.tokens.create(input, session.signal));
    });
  withExamples(create, [
    ["drover token create ci --role editor", "for a day"],
    ["drover token create oncall --role rollout-operator --scope env=prod --expires 30d", "on some clusters only"],
  ]);
}

function printCreated(session: Session, created: CreatedToken): Promise<void> | void {
  if (isStructured(session.format)) return printValue(session, created);
  print(session, [created.token]);
  const { name, expires } = created;
  const left = formatDuration(expires - session.terminal.now());
  say(session, plain(`token ${name} lives for ${left}; it is shown this once, so keep it now`));
}

function defineList(token: Command, terminal: Terminal): void {
  const list = token
    .command("list")
    .description("Show the tokens that were made: what they are for, and when they were used last.")
    .action(async () => {
      const session = await openSession(terminal, list.optsWithGlobals<GlobalFlags>());
      const rows = await collect(session.client.tokens.all({}, session.signal));
      if (isStructured(session.format)) return printValue(session, { items: rows });
      const named = session.format === "name";
      const lines = named ? rows.map(({ name }) => name) : tableOf(rows, session);
      print(session, lines);
      if (rows.length === 0) say(session, "there are none but the one in the hub's file: drover token create --help");
    });
  withExamples(list, [
    ["drover token list", "all, with when they end"],
    ["drover token list -o json", "for scripts"],
  ]);
}

function tableOf(rows: readonly Token[], { style, terminal }: Session): readonly string[] {
  const { none } = marks(style);
  const now = terminal.now();
  const columns: readonly Column<Token>[] = [
    { title: "NAME", cell: ({ name }) => name, flexible: "last" },
    { title: "ROLES", cell: (token) => token.roles.join(" ") },
    { title: "SCOPE", cell: ({ scope }) => scope || none, flexible: "first" },
    { title: "ENDS", cell: ({ expires }) => (expires <= now ? "ended" : `in ${formatDuration(expires - now)}`) },
    { title: "USED", cell: ({ used }) => formatAge(used, now) || "never" },
    { title: "MADE BY", cell: ({ createdBy }) => createdBy },
  ];
  return formatTable(rows, columns, style, { headers: rows.length > 0 });
}

function defineRevoke(token: Command, terminal: Terminal): void {
  const revoke = token
    .command("revoke")
    .description("End a token at once, and the event streams that are open with it within seconds.")
    .argument("<name>")
    .action(async (name: string) => {
      const session = await openSession(terminal, revoke.optsWithGlobals<GlobalFlags>());
      await session.client.tokens.revoke(name, session.signal);
      say(session, `token ${name} revoked`);
    });
  withExamples(revoke, [["drover token revoke ci", "whoever has it has nothing any more"]]);
}

function readRoles(text: string, before: readonly Role[] = []): readonly Role[] {
  const role = roles.find((candidate) => candidate === text);
  if (role !== undefined) return [...before, role];
  const meant = nearest(text, roles);
  throw new DroverError("usage", `"${text}" is not a role`, {
    hint: meant === undefined ? `roles: ${roles.join(" ")}` : `did you mean ${meant}?`,
  });
}

function readLifetime(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 60_000 && ms <= maxTokenDays * dayMs) return Math.round(ms / 1000);
  throw new DroverError("usage", `a token cannot live for "${text}"`, {
    hint: `write it as 8h or 30d: at least 1m, at most ${maxTokenDays}d`,
  });
}
