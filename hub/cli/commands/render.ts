import { DroverError } from "@drover/shared/errors";
import { formatProblem } from "@drover/shared/problems";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import { exitCodes } from "../exit-code.ts";
import { readFolder, withFolderFlags, type FolderFlags } from "../folder.ts";
import { withExamples } from "../help.ts";

export function define(program: Command, { terminal, setExitCode }: CommandContext): void {
  const command = withFolderFlags(
    program
      .command("render")
      .description("Print what an application comes to on a cluster, from the files of a folder and without a hub.")
      .argument("<app>", "name of the application, or app@cluster")
      .argument("[path]", "folder of the repository", "."),
  ).action(async (name: string, path: string) => {
    const flags = command.optsWithGlobals<FolderFlags>();
    const { renderTarget } = await import("@drover/hub/offline/render-target");
    const project = await readFolder(terminal, path, flags);
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
    ["drover render shop@prod-1 --kube-version v1.31.2", "as its chart renders for that version of Kubernetes"],
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
