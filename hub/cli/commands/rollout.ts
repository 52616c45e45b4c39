import { shortRevision } from "@drover/shared/api/revision";
import type { ControlRollout, Rollout } from "@drover/shared/api/rollouts";
import type { ApplicationDetail } from "@drover/shared/api/types";
import type { Command } from "commander";

import { formatAge } from "../age.ts";
import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { withExamples } from "../help.ts";
import { isStructured, openSession, print, printValue, say, type Session } from "../session.ts";
import { formatTable, type Column } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { plain } from "../text.ts";

interface ControlFlags extends GlobalFlags {
  readonly strategy?: string;
  readonly wave?: string;
  readonly revision?: string;
}

export function define(program: Command, { terminal }: CommandContext): void {
  const rollout = program
    .command("rollout")
    .description("See how far a change is, pause it, let it go on, approve waves.");
  const show = rollout
    .command("show")
    .description("Show the waves of an application's rollouts, and what each cluster waits for.")
    .argument("<app>", "application")
    .action(async (app: string) => {
      const session = await openSession(terminal, show.optsWithGlobals<GlobalFlags>());
      return printRollouts(session, await session.client.applications.get(app, session.signal));
    });
  withExamples(show, [["drover rollout show shop", "waves, and clusters that wait"]]);
  const pause = defineControl(rollout, terminal, {
    action: "pause",
    text: "Release nothing more before it is resumed.",
  });
  withExamples(pause, [["drover rollout pause shop", "clusters that have it keep it"]]);
  const resume = defineControl(rollout, terminal, {
    action: "resume",
    text: "Let what is paused or frozen go on. What has failed so far counts no more.",
  });
  withExamples(resume, [["drover rollout resume shop", "the next clusters get it"]]);
  const approve = defineControl(rollout, terminal, {
    action: "approve",
    text: "Let the wave begin that waits for it.",
  });
  approve
    .option("--wave <name>", "this wave, though it is not its turn yet")
    .option("--revision <commit>", "only while this is what is being released");
  withExamples(approve, [
    ["drover rollout approve shop", "for the revision that is being released, and no other"],
    ["drover rollout approve shop --revision 4be1f02", "for what you have looked at, and nothing that came since"],
  ]);
}

function defineControl(
  rollout: Command,
  terminal: Terminal,
  { action, text }: { readonly action: ControlRollout["action"]; readonly text: string },
): Command {
  const command = rollout
    .command(action)
    .description(text)
    .argument("<app>", "application")
    .option("--strategy <name>", "only of this strategy")
    .action(async (app: string) => {
      const { strategy, wave, revision, ...flags } = command.optsWithGlobals<ControlFlags>();
      const session = await openSession(terminal, flags);
      const control = {
        action,
        ...(strategy === undefined ? {} : { strategy }),
        ...(wave === undefined ? {} : { wave }),
        ...(revision === undefined ? {} : { revision }),
      };
      const changed = await session.client.applications.controlRollout(app, control, session.signal);
      if (isStructured(session.format)) return printValue(session, changed.rollouts);
      return say(session, `done; see: drover rollout show ${app}`);
    });
  return command;
}

function printRollouts(session: Session, { name, rollouts }: ApplicationDetail): Promise<void> | void {
  if (isStructured(session.format)) return printValue(session, { items: rollouts });
  if (rollouts.length === 0)
    return say(session, `${name} has no rollout: its changes reach all clusters at once, or none came yet`);
  print(
    session,
    rollouts.flatMap((rollout, index) => [...(index === 0 ? [] : [""]), ...linesOf(rollout, session)]),
  );
}

function linesOf(rollout: Rollout, { style, terminal }: Session): readonly string[] {
  const { strategy, revision, phase, message, waves, waiting, started } = rollout;
  const head = `${style.paint("bold", plain(strategy))}  ${phase} ${shortRevision(revision)}, begun ${formatAge(started, terminal.now())} ago`;
  const columns: readonly Column<Rollout["waves"][number]>[] = [
    { title: "WAVE", cell: (wave) => wave.name },
    { title: "CLUSTERS", cell: (wave) => String(wave.clusters) },
    { title: "CURRENT", cell: (wave) => String(wave.current) },
    { title: "UNDER WAY", cell: (wave) => String(wave.underWay) },
    { title: "FAILED", cell: (wave) => String(wave.failed) },
    { title: "PENDING", cell: (wave) => String(wave.pending) },
    { title: "OFFLINE", cell: (wave) => String(wave.deferred) },
    { title: "PASSED", cell: (wave) => (wave.passed ? "yes" : "no") },
  ];
  return [
    plain(message === "" ? head : `${head}: ${message}`),
    ...formatTable(waves, columns, style),
    ...waiting.map(({ cluster, reason }) => `  ${plain(cluster)}: ${plain(reason)}`),
  ];
}
