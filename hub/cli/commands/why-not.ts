import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import { openAnswers, withPath, type ExplainFlags } from "../explaining.ts";
import { withExamples } from "../help.ts";
import { formatWhyNot } from "../reasons.ts";
import { isStructured, print, printValue } from "../session.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const command = withPath(program.command("why-not"))
    .description("Show why an application does not run on a cluster: what each of its placements misses there.")
    .argument("<target>", "app@cluster")
    .action(async (name: string) => {
      const { output, ...ask } = await openAnswers(terminal, command.optsWithGlobals<ExplainFlags>(), name);
      const result = await ask.why();
      const selecting = result.placements.find(({ selected }) => selected);
      if (selecting !== undefined) {
        throw new DroverError("precondition_failed", `${name} is to run: ${selecting.reason}`, {
          hint: `drover why ${name}`,
        });
      }
      if (isStructured(output.format)) return printValue(output, result);
      if (output.format === "name")
        return print(
          output,
          result.placements.map((placement) => placement.name),
        );
      return print(output, formatWhyNot(result, output.style));
    });
  withExamples(command, [
    ["drover why-not shop@dev-1", "the selector, the exclusion, the limit or the cordon that is in the way"],
    ["drover why-not shop@dev-1 --path config", "as the files of a folder have it, without a hub"],
  ]);
}
