import type { BlameResult } from "@drover/shared/api/explanations";
import { DroverError } from "@drover/shared/errors";
import { nearest } from "@drover/shared/nearest";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import { exitCodes } from "../exit-code.ts";
import { formatOrigin, formatVariable, openAnswers, withPath, type ExplainFlags } from "../explaining.ts";
import { withExamples } from "../help.ts";
import { isStructured, print, printValue, sayProblems } from "../session.ts";
import { marks } from "../signs.ts";
import type { Style } from "../terminal.ts";
import { padTo, plain, widthOf } from "../text.ts";
import { yamlLines } from "../yaml-lines.ts";

interface BlameFlags extends ExplainFlags {
  readonly namespace?: string;
}

export function define(program: Command, { terminal, setExitCode }: CommandContext): void {
  const command = withPath(program.command("blame"))
    .description("Show what set each field of an object of a target: file and line, or override, and variables.")
    .argument("<object>", "kind/name, such as deployment/web")
    .argument("<target>", "app@cluster")
    .argument("[field]", "only this field and what is in it, such as spec.replicas")
    .option("-n, --namespace <name>", "namespace of the object, where the name alone is not enough")
    .action(async (object: string, target: string, field: string | undefined) => {
      const flags = command.optsWithGlobals<BlameFlags>();
      const { output, ...ask } = await openAnswers(terminal, flags, target);
      const { namespace } = flags;
      const result = onlyField(await ask.blame({ object, ...(namespace === undefined ? {} : { namespace }) }), field);
      if (sayProblems(output, result.problems)) setExitCode(exitCodes.failure);
      if (isStructured(output.format)) return printValue(output, result);
      if (output.format === "name") return print(output, [plain(result.object)]);
      return print(output, await formatBlame(result, output.style));
    });
  withExamples(command, [
    ["drover blame deployment/web shop@prod-1", "every line of the object with what set it"],
    ["drover blame deploy/web -n shop shop@prod-1 spec.replicas", "one field"],
    ["drover blame deployment/web shop@prod-1 --path config", "as the files of a folder have it, without a hub"],
  ]);
}

function onlyField(result: BlameResult, field: string | undefined): BlameResult {
  if (field === undefined) return result;
  const isIn = (path: string): boolean => [`${field}.`, `${field}[`].some((start) => path.startsWith(start));
  const fields = result.fields.filter(({ path }) => path === field || isIn(path));
  if (fields.length > 0) return { ...result, fields };
  const near = nearest(
    field,
    result.fields.map(({ path }) => path),
  );
  throw new DroverError("not_found", `${result.object} has no field ${field}`, {
    hint: near === undefined ? "all that it has: leave the field out" : `did you mean ${near}?`,
  });
}

async function formatBlame({ value, fields }: BlameResult, style: Style): Promise<readonly string[]> {
  const { left } = marks(style);
  const places = fields.flatMap(({ origin, variables }) => [origin, ...variables]);
  const several = new Set(places.flatMap(({ repository }) => repository || [])).size > 1;
  const origins = new Map(
    fields.map(({ pointer, origin, variables }) => {
      const filled = variables.map((variable) => ` ${left} ${formatVariable(variable, several)}`).join("");
      return [pointer, plain(`${formatOrigin(origin, several)}${filled}`)] as const;
    }),
  );
  const lines = await yamlLines(value);
  // One field is shown without the lines around it.
  const isWhole = lines.every(({ pointer }) => pointer === undefined || origins.has(pointer));
  const shown = isWhole ? lines : lines.filter(({ pointer }) => pointer !== undefined && origins.has(pointer));
  const width = Math.max(0, ...shown.map(({ pointer }) => widthOf(origins.get(pointer ?? "-") ?? "")));
  return shown.map(({ text, pointer }) => {
    const origin = padTo(pointer === undefined ? "" : (origins.get(pointer) ?? ""), width);
    return `${style.paint("gray", origin)}  ${keepIndent(text)}`;
  });
}

function keepIndent(text: string): string {
  return `${/^ */u.exec(text)?.[0] ?? ""}${plain(text.trimStart())}`;
}
