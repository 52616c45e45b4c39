import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { formatLabels, parseLabelChanges } from "../names.ts";
import { isStructured, openSession, print, printValue, say } from "../session.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const cluster = program.command("cluster").description("Label and remove clusters.");
  const label = cluster
    .command("label")
    .description("Set and remove labels. Applications come and go with them.")
    .argument("<name>", "cluster")
    .argument("<labels...>", "env=prod sets, env- removes")
    .action(async (name: string, labels: string[]) => {
      const changes = parseLabelChanges(labels);
      const session = await openSession(terminal, label.optsWithGlobals<GlobalFlags>());
      const changed = await session.client.clusters.label(name, changes, session.signal);
      if (isStructured(session.format)) return printValue(session, changed);
      print(session, [session.format === "name" ? changed.name : `${changed.name}  ${formatLabels(changed.labels)}`]);
      return say(session, `next: drover get targets --cluster ${name}`);
    });
  withExamples(label, [
    ["drover cluster label prod-1 tier=gold", "set"],
    ["drover cluster label prod-1 tier-", "remove"],
  ]);
  const remove = cluster
    .command("remove")
    .description("Forget a cluster and revoke its certificate. What runs there stays.")
    .argument("<name>", "cluster")
    .option("--yes", "do not ask; needed where nobody can answer")
    .action(async (name: string) => {
      const flags = remove.optsWithGlobals<GlobalFlags & { readonly yes?: boolean }>();
      const session = await openSession(terminal, flags);
      const { applications } = await session.client.clusters.get(name, session.signal);
      if (flags.yes !== true) {
        throw new DroverError(
          "precondition_failed",
          `${name} has ${applications.total} applications that it would keep`,
          {
            hint: `its agent has to join again afterwards; if that is what you want: drover cluster remove ${name} --yes`,
          },
        );
      }
      await session.client.clusters.remove(name, session.signal);
      say(session, `cluster ${name} removed; what runs there stays`);
    });
  withExamples(remove, [["drover cluster remove prod-1 --yes", "its agent can no longer connect"]]);
}
