import { resolve } from "node:path";

import { DroverError } from "@drover/shared/errors";
import { formatProblem } from "@drover/shared/problems";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import type { GlobalFlags } from "../config.ts";
import { exitCodes } from "../exit-code.ts";
import { withExamples } from "../help.ts";

export function define(program: Command, { terminal, setExitCode }: CommandContext): void {
  const command = program
    .command("render")
    .description("Print what an application comes to on a cluster, from the files of a folder and without a hub.")
    .argument("<app>", "name of the application, or app@cluster")
    .argument("[path]", "folder of the repository", ".")
    .option("--fetch", "fetch charts and artifacts from where they are published, without credentials")
    .action(async (name: string, path: string) => {
      const flags = command.optsWithGlobals<GlobalFlags & { readonly fetch?: boolean }>();
      const { readProject } = await import("@drover/hub/offline/project");
      const { renderTarget } = await import("@drover/hub/offline/render-target");
      const folder = resolve(terminal.cwd, path);
      const project = await readProject(
        { folder, environment: terminal.env, fetch: flags.fetch === true },
        terminal.signal,
      );
      const [app = "", cluster] = name.split("@");
      const { objects, problems } = renderTarget(project, { app, cluster });
      for (const problem of problems) terminal.stderr.write(`${problem.severity}: ${formatProblem(problem)}\n`);
      if (problems.some(({ severity }) => severity === "error")) setExitCode(exitCodes.failure);
      terminal.stdout.write(await format(objects, flags.output ?? "yaml"));
    });
  withExamples(command, [
    ["drover render shop", "as its files have it"],
    ["drover render shop@prod-1", "with the overrides and variables of a cluster that is declared"],
    ["drover render shop@prod-1 config -o json", "of another folder"],
  ]);
}

async function format(objects: readonly object[], output: string): Promise<string> {
  if (output === "json") return `${JSON.stringify({ items: objects }, null, 2)}\n`;
  if (output !== "yaml") {
    throw new DroverError("usage", `"${output}" is not an output format of render`, { hint: "formats: yaml json" });
  }
  const { stringify } = await import("yaml");
  return objects.map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 })).join("---\n");
}
