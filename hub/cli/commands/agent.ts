import type { RbacResult } from "@drover/shared/api/types";
import type { Command } from "commander";
import { stringify } from "yaml";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { parseTargetName } from "../names.ts";
import { isStructured, openSession, printValue, say } from "../session.ts";
import { plain } from "../text.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const agent = program.command("agent").description("What agents need in their clusters.");
  const rbac = agent
    .command("rbac")
    .description("Print the service account of a target, and the least rights that it and the agent need.")
    .argument("<target>", "app@cluster")
    .action(async (name: string) => {
      const target = parseTargetName(name);
      const session = await openSession(terminal, rbac.optsWithGlobals<GlobalFlags>());
      const rights = await session.client.targets.rbac(target, session.signal);
      if (isStructured(session.format)) return printValue(session, rights);
      terminal.stdout.write(formatRbac(rights));
      const [, account = ""] = rights.serviceAccount.split("/");
      if (!rights.named) {
        say(session, `the application names no service account yet; set sync.serviceAccount: ${plain(account)} in Git`);
      }
      for (const kind of rights.unknownKinds) {
        say(session, `not included, since the cluster lacks the kind: ${plain(kind)}; ask again when it is there`);
      }
      return undefined;
    });
  withExamples(rbac, [
    ["drover agent rbac shop@prod-1", "read it first: it hands out rights"],
    ["drover agent rbac shop@prod-1 | kubectl apply -f -", "as somebody who has these rights himself"],
    ["drover agent rbac shop@prod-1 -o json", "for scripts: the account's and the agent's apart"],
  ]);
}

/** YAML for `kubectl apply -f -`: each object says for whom it is. */
function formatRbac({ app, cluster, account, agent }: RbacResult): string {
  const documents = [
    ...account.map((object) => [`for the service account of ${app}@${cluster}`, object] as const),
    ...agent.map((object) => [`for the agent of ${cluster}`, object] as const),
  ];
  return documents.map(([why, object]) => `# ${plain(why)}\n${stringify(object)}`).join("---\n");
}
