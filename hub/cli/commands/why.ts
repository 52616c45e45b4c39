import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import { exitCodes } from "../exit-code.ts";
import { openAnswers, withPath, type ExplainFlags } from "../explaining.ts";
import { withExamples } from "../help.ts";
import { formatWhy } from "../reasons.ts";
import { isStructured, print, printValue, sayProblems } from "../session.ts";

export function define(program: Command, { terminal, setExitCode }: CommandContext): void {
  const command = withPath(program.command("why"))
    .description("Show why an application runs on a cluster: what selects it, and which overrides hold there.")
    .argument("<target>", "app@cluster")
    .action(async (name: string) => {
      const { output, ...ask } = await openAnswers(terminal, command.optsWithGlobals<ExplainFlags>(), name);
      const result = await ask.why();
      if (!result.selected) {
        const [first] = result.placements;
        const why = first === undefined ? "no placement names it" : first.reason;
        throw new DroverError("not_found", `${result.app} does not run on ${result.cluster}: ${why}`, {
          hint: `drover why-not ${name}`,
        });
      }
      if (sayProblems(output, result.problems)) setExitCode(exitCodes.failure);
      if (isStructured(output.format)) return printValue(output, result);
      if (output.format === "name") {
        const names = result.placements.filter(({ selected }) => selected).map((placement) => placement.name);
        return print(output, names);
      }
      return print(output, formatWhy(result, output.style));
    });
  withExamples(command, [
    ["drover why shop@prod-1", "placements, labels and who set them, overrides"],
    ["drover why shop@prod-1 --path config", "as the files of a folder have it, without a hub"],
    ["drover blame deployment/web shop@prod-1", "the same for each field of an object"],
  ]);
}
