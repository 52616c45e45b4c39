import { DroverError } from "@drover/shared/errors";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import { withExamples } from "../help.ts";

export function define(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command("schema")
    .description("Print the JSON Schema (draft 2020-12) of files of a repository, or of one kind, for editors.")
    .argument("[kind]", "Application, Cluster, Placement …; default: all kinds, and whatever else is in a file")
    .action(async (kind?: string) => {
      const { schemaKinds, schemaOf, schemaOfFiles } = await import("@drover/hub/core/schema/index");
      const wanted = schemaKinds.find((name) => name.toLowerCase() === kind?.toLowerCase());
      if (kind !== undefined && wanted === undefined) {
        throw new DroverError("usage", `there is no kind "${kind}"`, { hint: `kinds: ${schemaKinds.join(" ")}` });
      }
      const schema = wanted === undefined ? schemaOfFiles() : schemaOf(wanted);
      terminal.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
    });
  withExamples(command, [
    ["drover schema > drover.schema.json", "into the repository; then, as the first line of a file:"],
    ["# yaml-language-server: $schema=../../drover.schema.json", "the path from that file"],
    ["drover schema placement", "of one kind"],
  ]);
}
