import type { PlannedChanges, PlannedObject, PlannedTargets } from "@drover/hub/offline/plan";
import { DroverError } from "@drover/shared/errors";
import { formatProblem } from "@drover/shared/problems";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import { exitCodes } from "../exit-code.ts";
import { readFolder, withFolderFlags, type FolderFlags } from "../folder.ts";
import { withExamples } from "../help.ts";
import { marks } from "../signs.ts";
import { styleOf, type Style } from "../terminal.ts";
import { plain } from "../text.ts";

interface PlanFlags extends FolderFlags {
  readonly against: string;
  readonly exitCode?: boolean;
}

export function define(program: Command, { terminal, setExitCode }: CommandContext): void {
  const command = withFolderFlags(
    program
      .command("plan")
      .description("Show what the files of a folder would change on the clusters that they declare, without a hub.")
      .argument("[path]", "folder of the repository", ".")
      .option("--against <commit>", "compare with this commit", "HEAD"),
  )
    .option("--exit-code", `exit with ${exitCodes.changes} when there are changes`)
    .action(async (path: string) => {
      const flags = command.optsWithGlobals<PlanFlags>();
      const { planChanges } = await import("@drover/hub/offline/plan");
      const before = await readFolder(terminal, path, { ...flags, revision: flags.against });
      const after = await readFolder(terminal, path, flags);
      const errors = after.problems.filter(({ severity }) => severity === "error");
      for (const problem of errors) terminal.stderr.write(`error: ${formatProblem(problem)}\n`);
      const plan = planChanges(before, after);
      terminal.stdout.write(format(plan, flags.output ?? "table", styleOf(terminal, terminal.stdout, flags)));
      terminal.stderr.write(`${summary(plan)}\n`);
      if (errors.length > 0) setExitCode(exitCodes.failure);
      else if (flags.exitCode === true && plan.changes.length > 0) setExitCode(exitCodes.changes);
    });
  withExamples(command, [
    ["drover plan", "what is not committed yet"],
    ["drover plan --against HEAD~1", "what the last commit changes, and what is not committed"],
    ["drover plan config --against origin/main", "what a branch changes"],
  ]);
}

function format(plan: PlannedChanges, output: string, style: Style): string {
  if (output === "json") return `${JSON.stringify(plan, null, 2)}\n`;
  if (output === "table") return plan.changes.map((change) => `${formatTargets(change, style)}\n`).join("");
  throw new DroverError("usage", `"${output}" is not an output format of plan`, { hint: "formats: table json" });
}

const words = { add: "comes to", remove: "leaves", change: "changes on" } as const;
const signs = { add: "+", remove: "-", change: "~" } as const;
const colours = { add: "green", remove: "red", change: "yellow" } as const;

function formatTargets({ app, kind, clusters, objects }: PlannedTargets, style: Style): string {
  const shown =
    clusters.length > 5 ? `${clusters.slice(0, 5).join(", ")} and ${clusters.length - 5} more` : clusters.join(", ");
  const title = style.paint("bold", `${plain(app)} ${words[kind]} ${plain(shown)}`);
  return [title, ...objects.flatMap((object) => formatObject(object, style))].join("\n");
}

function formatObject({ object, kind, fields }: PlannedObject, style: Style): readonly string[] {
  const { arrow, none } = marks(style);
  const short = (value: string | undefined): string => {
    const text = plain(value ?? none);
    return text.length > 80 ? `${text.slice(0, 77)}...` : text;
  };
  const lines = fields.map(
    ({ path, before, after }) => `      ${plain(path)}  ${short(before)} ${arrow} ${short(after)}`,
  );
  return [`  ${style.paint(colours[kind], `${signs[kind]} ${plain(object)}`)}`, ...lines];
}

function summary({ changes, unchanged }: PlannedChanges): string {
  const targets = changes.reduce((sum, { clusters }) => sum + clusters.length, 0);
  const apps = new Set(changes.map(({ app }) => app)).size;
  if (targets === 0) return `nothing changes on ${unchanged} targets`;
  return `${apps} application${apps === 1 ? "" : "s"} on ${targets} of ${targets + unchanged} targets`;
}
