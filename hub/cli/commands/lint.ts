import { DroverError } from "@drover/shared/errors";
import type { Problem } from "@drover/shared/problems";
import type { Command } from "commander";

import type { CommandContext } from "../command-table.ts";
import { exitCodes } from "../exit-code.ts";
import { readFolder, withFolderFlags, type FolderFlags } from "../folder.ts";
import { withExamples } from "../help.ts";
import { formatProblems, lintFormats, type LintFormat } from "../lint-formats.ts";
import { styleOf } from "../terminal.ts";

export function define(program: Command, { terminal, setExitCode }: CommandContext): void {
  const command = withFolderFlags(
    program
      .command("lint")
      .description(
        "Look for mistakes in the files of a repository, without a hub: what cannot be read, leads nowhere, or will not work.",
      )
      .argument("[path]", "folder of the repository", "."),
  )
    .option("--strict", "fail for warnings too")
    .action(async (path: string) => {
      const flags = command.optsWithGlobals<FolderFlags & { readonly strict?: boolean }>();
      const format = checkFormat(flags.output);
      const { lint } = await import("@drover/hub/core/lint/index");
      const project = await readFolder(terminal, path, flags);
      const problems = [...project.problems, ...lint(project)].toSorted(byPlace);
      terminal.stdout.write(formatProblems(problems, format, styleOf(terminal, terminal.stdout, flags)));
      const errors = problems.filter(({ severity }) => severity === "error").length;
      const applications = project.declarations.filter(({ kind }) => kind === "Application").length;
      terminal.stderr.write(
        `${count(errors, "error")}, ${count(problems.length - errors, "warning")} in ${count(applications, "application")}\n`,
      );
      if (errors > 0 || (flags.strict === true && problems.length > 0)) setExitCode(exitCodes.failure);
    });
  withExamples(command, [
    ["drover lint", "the repository in this folder"],
    ["drover lint config -o github", "annotations in a workflow of GitHub"],
    ["drover lint --strict", "for CI: warnings fail too"],
  ]);
}

function checkFormat(text: string | undefined): LintFormat {
  const format = lintFormats.find((candidate) => candidate === (text ?? "table"));
  if (format !== undefined) return format;
  throw new DroverError("usage", `"${text}" is not an output format of lint`, {
    hint: `formats: ${lintFormats.join(" ")}`,
  });
}

function byPlace({ at: a }: Problem, { at: b }: Problem): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  return a.file.localeCompare(b.file, "en") || a.line - b.line || a.column - b.column;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
