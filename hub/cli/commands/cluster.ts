import type { CordonCluster } from "@drover/shared/api/cluster-changes";
import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { formatLabels, parseLabelChanges } from "../names.ts";
import { isStructured, openSession, print, printValue, say, type Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { plain } from "../text.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const cluster = program.command("cluster").description("Label, cordon, accept, revoke, rotate and remove clusters.");
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
  defineCordon(cluster, terminal);
  defineAcceptance(cluster, terminal);
  defineRevoke(cluster, terminal);
  defineRotate(cluster, terminal);
  defineRemove(cluster, terminal);
}

function defineCordon(cluster: Command, terminal: Terminal): void {
  const cordon = cluster
    .command("cordon")
    .description("Keep applications away that the cluster does not have. What it has stays, and is updated.")
    .argument("<name>", "cluster")
    .option("--reason <text>", "told to those who ask why nothing new comes")
    .action(async (name: string) => {
      const flags = cordon.optsWithGlobals<GlobalFlags & { readonly reason?: string }>();
      const { reason } = flags;
      return setCordon(terminal, flags, name, { cordoned: true, ...(reason === undefined ? {} : { reason }) });
    });
  withExamples(cordon, [["drover cluster cordon prod-1 --reason 'moves to other hardware'", "nothing new comes"]]);
  const uncordon = cluster
    .command("uncordon")
    .description("Let applications come again.")
    .argument("<name>", "cluster")
    .action(async (name: string) =>
      setCordon(terminal, uncordon.optsWithGlobals<GlobalFlags>(), name, { cordoned: false }),
    );
  withExamples(uncordon, [["drover cluster uncordon prod-1", "what its labels select comes"]]);
}

async function setCordon(terminal: Terminal, flags: GlobalFlags, name: string, input: CordonCluster): Promise<void> {
  const session = await openSession(terminal, flags);
  const changed = await session.client.clusters.cordon(name, input, session.signal);
  if (isStructured(session.format)) return printValue(session, changed);
  const is = changed.cordoned === "" ? "takes new applications" : `takes no new applications: ${changed.cordoned}`;
  print(session, [session.format === "name" ? changed.name : `${changed.name} ${plain(is)}`]);
}

function defineAcceptance(cluster: Command, terminal: Terminal): void {
  const accept = cluster
    .command("accept")
    .description("Let in an agent that waits to take a cluster over, or a cluster that was revoked or locked.")
    .argument("<name>", "cluster")
    .action(async (name: string) => {
      const session = await openSession(terminal, accept.optsWithGlobals<GlobalFlags>());
      const changed = await session.client.clusters.accept(name, session.signal);
      if (isStructured(session.format)) return printValue(session, changed);
      print(session, [session.format === "name" ? name : `${name} is accepted`]);
    });
  withExamples(accept, [["drover cluster accept prod-1", "why it waits: drover describe cluster prod-1"]]);
  const reject = cluster
    .command("reject")
    .description("Turn away the agent that waits to take a cluster over. The one that has it goes on.")
    .argument("<name>", "cluster")
    .action(async (name: string) => {
      const session = await openSession(terminal, reject.optsWithGlobals<GlobalFlags>());
      const changed = await session.client.clusters.reject(name, session.signal);
      if (isStructured(session.format)) return printValue(session, changed);
      print(session, [session.format === "name" ? name : `the agent that waited for ${name} is rejected`]);
    });
  withExamples(reject, [["drover cluster reject prod-1", "its token is worth nothing any more"]]);
}

function defineRevoke(cluster: Command, terminal: Terminal): void {
  const revoke = cluster
    .command("revoke")
    .description("Let in no agent that speaks for a cluster now. It stays registered, and what runs there stays.")
    .argument("<name>", "cluster")
    .option("--reason <text>", "told to the agent, and kept with the event")
    .action(async (name: string) => {
      const flags = revoke.optsWithGlobals<GlobalFlags & { readonly reason?: string }>();
      const session = await openSession(terminal, flags);
      const input = flags.reason === undefined ? {} : { reason: flags.reason };
      const changed = await session.client.clusters.revoke(name, input, session.signal);
      if (isStructured(session.format)) return printValue(session, changed);
      print(session, [session.format === "name" ? name : `${name} is revoked: its agent gets nothing new`]);
      return say(
        session,
        `to let it in again: drover cluster accept ${name}, or with a new token: drover join ${name}`,
      );
    });
  withExamples(revoke, [
    ["drover cluster revoke prod-1 --reason 'key was in a backup that leaked'", "its agent goes on healing alone"],
  ]);
}

function defineRotate(cluster: Command, terminal: Terminal): void {
  const rotate = cluster
    .command("rotate")
    .description(
      "Have a cluster's agent get a new certificate with a new key at once. The old one is worth nothing then.",
    )
    .argument("<name>", "cluster")
    .action(async (name: string) => {
      const session = await openSession(terminal, rotate.optsWithGlobals<GlobalFlags>());
      const changed = await session.client.clusters.rotate(name, session.signal);
      if (isStructured(session.format)) return printValue(session, changed);
      const offline = changed.state === "offline" ? ", when it is back" : "";
      print(session, [session.format === "name" ? name : `the agent of ${name} gets a new certificate${offline}`]);
    });
  withExamples(rotate, [["drover cluster rotate prod-1", "what runs there notices nothing"]]);
}

function defineRemove(cluster: Command, terminal: Terminal): void {
  const remove = cluster
    .command("remove")
    .alias("detach")
    .description("Forget a cluster and revoke its certificate. What runs there stays, unless you say --uninstall.")
    .argument("<name>", "cluster")
    .option("--uninstall", "first have its agent delete what it runs, now or when it is back")
    .option("--yes", "do not ask; needed where nobody can answer")
    .action(async (name: string) => {
      const flags = remove.optsWithGlobals<GlobalFlags & { readonly yes?: boolean; readonly uninstall?: boolean }>();
      const session = await openSession(terminal, flags);
      if (flags.yes !== true) throw await notSure(session, name, flags.uninstall === true);
      if (flags.uninstall !== true) {
        await session.client.clusters.remove(name, session.signal);
        return say(session, `cluster ${name} removed; what runs there stays`);
      }
      const leaving = await session.client.clusters.uninstall(name, session.signal);
      if (isStructured(session.format)) return printValue(session, leaving);
      return say(
        session,
        plain(`cluster ${name} ${leaving.reason}, and is removed then; see: drover get clusters ${name}`),
      );
    });
  withExamples(remove, [
    ["drover cluster remove prod-1 --yes", "its agent can no longer connect, and what it ran stays"],
    [
      "drover cluster detach prod-1 --uninstall --yes",
      "what it runs is deleted, but for applications with deletion: detach",
    ],
  ]);
}

async function notSure({ client, signal }: Session, name: string, uninstall: boolean): Promise<DroverError> {
  const { applications, state } = await client.clusters.get(name, signal);
  const has = applications.total === 1 ? "1 application" : `${applications.total} applications`;
  const when = state === "offline" ? ", when its agent is back," : "";
  const message = uninstall
    ? `${name} has ${has} that${when} would be deleted there`
    : `${name} has ${has} that it would keep`;
  const again = `drover cluster remove ${name}${uninstall ? " --uninstall" : ""} --yes`;
  const hint = `its agent has to join again afterwards; if that is what you want: ${again}`;
  return new DroverError("precondition_failed", message, { hint });
}
