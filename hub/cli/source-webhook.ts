import { forges, type Forge } from "@drover/shared/api/webhook";
import { Argument, type Command } from "commander";

import type { GlobalFlags } from "./config.ts";
import { withExamples } from "./help.ts";
import { isStructured, openSession, print, printValue, say } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { plain } from "./text.ts";

interface WebhookFlags extends GlobalFlags {
  readonly rotate?: boolean;
}

/** `drover source webhook NAME FORGE`. */
export function defineWebhook(source: Command, terminal: Terminal): void {
  const webhook = source
    .command("webhook")
    .description(
      "Print the address and the secret with which a forge tells the hub of pushes, and where to enter them.",
    )
    .argument("<name>")
    .addArgument(new Argument("<forge>", "who sends").choices(forges))
    .option("--rotate", "make a new secret; the old one is worth nothing at once")
    .action(async (name: string, forge: Forge) => {
      const flags = webhook.optsWithGlobals<WebhookFlags>();
      const session = await openSession(terminal, flags);
      const input = { forge, ...(flags.rotate === true ? { rotate: true } : {}) };
      const made = await session.client.sources.webhook(name.replace(/^source\//u, ""), input, session.signal);
      const address = `${session.url.replace(/\/+$/u, "")}${made.path}`;
      if (isStructured(session.format)) return printValue(session, { ...made, address });
      print(session, [`address  ${plain(address)}`, `secret   ${plain(made.secret)}`]);
      say(session, setUp[forge]);
      return say(session, "the forge has to reach the hub: if it has another name there, write that in the address");
    });
  withExamples(webhook, [
    ["drover source webhook platform github", "what to enter at GitHub"],
    ["drover source webhook platform gitea", "at Gitea or Forgejo"],
    ["drover source webhook platform gitlab --rotate", "with a new secret, after the old one was seen"],
    ["drover source webhook platform generic -o json", "for scripts: name, forge, path, secret, address"],
  ]);
}

const setUp: Readonly<Record<Forge, string>> = {
  github:
    "GitHub: Settings, Webhooks, Add webhook: Payload URL, Content type application/json, Secret, Just the push event",
  gitlab: "GitLab: Settings, Webhooks, Add new webhook: URL, Secret token, Push events and Tag push events",
  gitea: "Gitea, Forgejo: Settings, Webhooks, Add webhook: Target URL, Secret, Trigger on push events",
  bitbucket: "Bitbucket: Repository settings, Webhooks, Add webhook: URL, Secret, Repository push",
  generic:
    "POST anything with the header X-Drover-Signature: t=SECONDS,v1=HEX; SECONDS is the time since 1970, and HEX the " +
    "HMAC-SHA256, keyed with the secret, of SECONDS, a dot and the body",
};
