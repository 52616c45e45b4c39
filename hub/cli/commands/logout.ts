import { findContext, readContexts, writeContext } from "@drover/shared/api/contexts";
import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { say } from "../session.ts";
import { plain } from "../text.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const { env, signal } = terminal;
  const logout = program
    .command("logout")
    .description("End the login of a context, at the hub and here.")
    .argument("[context]", "default: the current one")
    .action(async (context: string | undefined) => {
      const flags = logout.optsWithGlobals<GlobalFlags>();
      const stored = await readContexts(env);
      const name = context ?? flags.context ?? env["DROVER_CONTEXT"] ?? stored.current ?? "";
      const { server, token, expires } = findContext(stored, name);
      if (token === undefined || expires === undefined)
        throw new DroverError("precondition_failed", `the context "${name}" holds no login`, {
          hint: "tokens are ended with drover token revoke NAME",
        });
      const { logOut } = await import("@drover/shared/api/logins");
      const ended = await logOut({ url: server, token }, signal).then(
        () => true,
        (cause: unknown) => {
          // It has ended by itself: nothing is left to do but to forget it.
          if (DroverError.from(cause).code === "unauthorized") return true;
          if (DroverError.from(cause).code === "api_unreachable") return false;
          throw cause;
        },
      );
      await writeContext(name, { server }, { env });
      say({ terminal }, plain(`logged out of ${name}`));
      if (!ended)
        say({ terminal }, plain(`${server} was not reached: there it ends by itself, or with drover session end ID`));
    });
  withExamples(logout, [
    ["drover logout", "of the current context"],
    ["drover logout prod", "of another one"],
  ]);
}
