import { formatDuration } from "@drover/shared/duration";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { exitCodes } from "../exit-code.ts";
import { withExamples } from "../help.ts";
import { isStructured, openSession, print, printValue, say } from "../session.ts";
import { plain } from "../text.ts";

export function define(program: Command, { terminal, setExitCode }: CommandContext): void {
  const auth = program.command("auth").description("Show whose token you have, and what you may do with it.");
  const whoami = auth
    .command("whoami")
    .description("Show the name, the roles and the scope of your token.")
    .action(async () => {
      const session = await openSession(terminal, whoami.optsWithGlobals<GlobalFlags>());
      const self = await session.client.self(session.signal);
      if (isStructured(session.format)) return printValue(session, self);
      const { name, roles, scope, expires, person } = self;
      if (session.format === "name") return print(session, [plain(name)]);
      const where = scope === "" ? "everywhere" : `on clusters with ${scope}`;
      const until = expires === 0 ? "" : `, for ${formatDuration(expires - terminal.now())} more`;
      print(session, [plain(`${name}: ${roles.join(", ")} ${where}${until}`)]);
      if (person !== undefined) say(session, plain(`known to ${person.issuer} as ${person.subject}`));
    });
  withExamples(whoami, [["drover auth whoami", "whose token this context has"]]);

  const can = auth
    .command("can-i")
    .description("Ask whether you may do something. Exit code 4 when not.")
    .argument("<verb>", "read, sync, approve, pause, join, label …")
    .argument("<kind>", "cluster, application, target, source, credential, token …")
    .argument("[name]", "one of them; a target is written app@cluster")
    .action(async (verb: string, kind: string, name: string | undefined) => {
      const session = await openSession(terminal, can.optsWithGlobals<GlobalFlags>());
      const query = { verb, kind, ...(name === undefined ? {} : { name }) };
      const { allowed, reason, roles } = await session.client.can(query, session.signal);
      if (!allowed) setExitCode(exitCodes.auth);
      if (isStructured(session.format)) return printValue(session, { allowed, reason, roles });
      print(session, [allowed ? "yes" : "no"]);
      if (!allowed) say(session, plain(`${reason}; roles that may: ${roles.join(", ")}`));
    });
  withExamples(can, [
    ["drover auth can-i approve application shop", "may I?"],
    ["drover auth can-i sync target shop@prod-1", "one application on one cluster"],
    ["drover auth can-i join cluster", "any"],
  ]);
}
