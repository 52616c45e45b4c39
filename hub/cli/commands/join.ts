import { formatDuration } from "@drover/shared/duration";
import { Option, type Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { parseLabels } from "../names.ts";
import { isStructured, openSession, printValue, say } from "../session.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command("join")
    .description("Register a cluster and print the one manifest that makes it join.")
    .argument("<name>", "what the cluster is to be called")
    .option("-l, --labels <labels>", "env=prod,region=eu; may be given several times", append, [])
    .option("--least-privilege", "an agent that only acts as the service accounts that applications name")
    .addOption(new Option("--link <link>", "how its agent reaches the hub").choices(["grpc", "nats"]))
    .action(async (name: string) => {
      const flags = command.optsWithGlobals<JoinFlags>();
      const labels = { ...parseLabels(flags.labels) };
      const rights = flags.leastPrivilege === true ? "least" : "all";
      const link = flags.link === undefined ? {} : { link: flags.link };
      const session = await openSession(terminal, flags);
      const joined = await session.client.clusters.join({ name, labels, rights, ...link }, session.signal);
      if (isStructured(session.format)) return printValue(session, joined);
      terminal.stdout.write(joined.manifest.endsWith("\n") ? joined.manifest : `${joined.manifest}\n`);
      const left = formatDuration(joined.expires - terminal.now());
      say(session, `the manifest holds a token that works once, within ${left}: apply it, do not keep it`);
      if (terminal.stdout.isTTY === true) say(session, `to apply it: drover join ${name} | kubectl apply -f -`);
      return say(session, `then: drover get clusters ${name}`);
    });
  withExamples(command, [
    ["drover join prod-1 -l env=prod | kubectl apply -f -", "into the cluster that kubectl points at"],
    ["drover join prod-1 -l env=prod,region=eu > prod-1.yaml", "to apply by other means"],
    ["drover join prod-1 --link nats | kubectl apply -f -", "when only the hub's NATS broker is reached from there"],
    ["drover join prod-1 --least-privilege | kubectl apply -f -", "then, for each target: drover agent rbac"],
  ]);
}

interface JoinFlags extends GlobalFlags {
  readonly labels: readonly string[];
  readonly leastPrivilege?: boolean;
  readonly link?: "grpc" | "nats";
}

function append(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}
