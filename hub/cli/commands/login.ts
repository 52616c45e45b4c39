import { findContext, readContexts, writeContext } from "@drover/shared/api/contexts";
import type { DeviceLogin } from "@drover/shared/api/session";
import { formatDuration } from "@drover/shared/duration";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import { checkUrl, type GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { isStructured, openOutput, printValue, say } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { plain } from "../text.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const login = program
    .command("login")
    .description("Log in with your organisation's identity provider, and remember it for 8 hours in a context.")
    .argument("[hub]", "address of the hub, or a context; default: the current context's")
    .option("--no-browser", "only print where to go")
    .action(async (hub: string | undefined) => {
      const { browser, ...flags } = login.optsWithGlobals<GlobalFlags & { readonly browser: boolean }>();
      const output = openOutput(terminal, flags);
      const { name, server } = await chooseHub(hub ?? flags.server, flags, terminal);
      const { logIn } = await import("@drover/shared/api/logins");
      const show = (begun: DeviceLogin): void => showLogin(begun, terminal, browser);
      const { token, status: _status, ...who } = await logIn({ url: server }, show, terminal.signal);
      await writeContext(name, { server, token, expires: who.expires }, { env: terminal.env, current: true });
      if (isStructured(output.format)) return printValue(output, { context: name, ...who });
      const where = who.scope === "" ? "everywhere" : `on clusters with ${who.scope}`;
      say(output, plain(`${who.name} is logged in: ${who.roles.join(", ")} ${where}`));
      const left = formatDuration(who.expires - terminal.now());
      return say(output, plain(`context ${name} is the current one, for ${left}; to end it: drover logout`));
    });
  withExamples(login, [
    ["drover login https://hub.example.com", "the first time; its context is called hub.example.com"],
    ["drover login https://hub.example.com --context prod", "with a name of your own"],
    ["drover login", "again, to the hub of the current context"],
  ]);
}

async function chooseHub(
  hub: string | undefined,
  flags: GlobalFlags,
  { env }: Terminal,
): Promise<{ readonly name: string; readonly server: string }> {
  if (hub?.includes("://") === true) {
    const server = checkUrl(hub).replace(/\/+$/u, "");
    return { name: flags.context ?? new URL(server).host, server };
  }
  const stored = await readContexts(env);
  const name = hub ?? flags.context ?? env["DROVER_CONTEXT"] ?? stored.current;
  if (name === undefined) return { name: "", server: checkUrl("") };
  return { name, server: findContext(stored, name).server };
}

/** The code is shown even where the address holds it: comparing the two is what tells one's own login from another's. */
function showLogin(login: DeviceLogin, terminal: Terminal, browser: boolean): void {
  const { userCode, verificationUri, verificationUriComplete, expiresInSeconds } = login;
  const address = verificationUriComplete === "" ? verificationUri : verificationUriComplete;
  say({ terminal }, plain(`open ${address}`));
  say({ terminal }, plain(`and compare the code, or type it in there: ${userCode}`));
  say({ terminal }, `waiting for you, for ${formatDuration(expiresInSeconds * 1000)}; Ctrl-C gives up`);
  if (browser) terminal.openBrowser(address);
}
