import { access, mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import { withExamples } from "../help.ts";
import { scaffold } from "../scaffold.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command("init")
    .description("Write the files of a small configuration repository: clusters, infrastructure, apps.")
    .argument("[path]", "folder to write them to", ".")
    .action(async (path: string) => {
      const folder = resolve(terminal.cwd, path);
      const { schemaOfFiles } = await import("@drover/hub/core/schema/index");
      const files = Object.entries(scaffold(schemaOfFiles()));
      for (const [file] of files) {
        const exists = await access(join(folder, file)).then(
          () => true,
          () => false,
        );
        // Half of it written would be worse than nothing.
        if (exists) {
          const hint = "choose a folder without these files: drover init config";
          throw new DroverError("precondition_failed", `${file} is there already, and nothing was written`, { hint });
        }
      }
      for (const [file, text] of files) {
        await mkdir(dirname(join(folder, file)), { recursive: true });
        await writeFile(join(folder, file), text, { flag: "wx" });
        terminal.stdout.write(`${file}\n`);
      }
      terminal.stderr.write("next: git init, commit, drover lint, and drover source add with its address\n");
    });
  withExamples(command, [
    ["drover init", "in this folder"],
    ["drover init config", "in a folder of its own"],
  ]);
}
