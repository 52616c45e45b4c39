import { DroverError } from "@drover/shared/errors";
import { nearest } from "@drover/shared/nearest";
import { Command, CommanderError } from "commander";

import { commands } from "./command-table.ts";
import { formatError } from "./error-text.ts";
import { exitCodeOf, exitCodes } from "./exit-code.ts";
import { formatFlagsHelp, formatHelp } from "./help.ts";
import type { Terminal } from "./terminal.ts";
import { onScreen, styleOf } from "./terminal.ts";

/** Runs one command line. Returns the exit code; writes everything else to the terminal. */
export async function run(argv: readonly string[], outside: Terminal): Promise<number> {
  const terminal = { ...outside, stdout: onScreen(outside.stdout), stderr: onScreen(outside.stderr) };
  const program = createProgram(terminal);
  try {
    return await dispatch(program, argv, terminal);
  } catch (cause) {
    if (cause instanceof CommanderError && cause.exitCode === 0) return exitCodes.ok;
    const error = cause instanceof CommanderError ? asUsageError(cause, argv) : DroverError.from(cause);
    if (error.code === "canceled" && terminal.signal.aborted) return exitCodes.interrupted;
    const style = styleOf(terminal, terminal.stderr, { ascii: argv.includes("--ascii") });
    terminal.stderr.write(formatError(error, style));
    return exitCodeOf(error.code);
  }
}

async function dispatch(program: Command, argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name, topic] = program.parseOptions([...argv]).operands;
  if (name === undefined || (name === "help" && topic === undefined)) {
    terminal.stdout.write(argv.includes("--version") ? "see: drover version\n" : formatHelp(commands));
    return exitCodes.ok;
  }
  if (name === "help" && topic === "flags") {
    terminal.stdout.write(formatFlagsHelp());
    return exitCodes.ok;
  }
  const wanted = name === "help" ? (topic ?? "") : name;
  const entry = commands.find((candidate) => candidate.name === wanted);
  if (entry === undefined) throw unknownCommand(wanted);
  // Only the command that runs is loaded: starting is most of what a short command costs.
  const { define } = await entry.load();
  let exitCode: number = exitCodes.ok;
  const commandNames = commands.map((command) => command.name);
  define(program, { terminal, commandNames, setExitCode: (code) => void (exitCode = code) });
  await program.parseAsync(name === "help" ? [wanted, "--help"] : [...argv], { from: "user" });
  return exitCode;
}

function createProgram(terminal: Terminal): Command {
  return new Command("drover")
    .exitOverride()
    .helpCommand(false)
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      // Errors are shown by `run`, in Drover's own form.
      writeErr: () => undefined,
      getOutHelpWidth: () => Math.min(terminal.stdout.columns ?? 100, 120),
    })
    .option("-o, --output <format>")
    .option("--context <name>")
    .option("--server <url>")
    .option("--token-file <file>")
    .option("--ascii")
    .option("--version");
}

function unknownCommand(name: string): DroverError {
  const meant = nearest(
    name,
    commands.map((command) => command.name),
  );
  return new DroverError("usage", `there is no command "${name}"`, {
    hint: meant === undefined ? "all commands: drover help" : `did you mean drover ${meant}?`,
  });
}

/** Commander puts its suggestion on a second line; it becomes the hint. */
function asUsageError(cause: CommanderError, argv: readonly string[]): DroverError {
  if (cause.code === "commander.help") {
    const name = argv.find((argument) => commands.some((command) => command.name === argument)) ?? "";
    return new DroverError("usage", `drover ${name} needs to be told what to do`, {
      hint: `what it can do: drover ${name} --help`,
      cause,
    });
  }
  const [first = "", suggestion] = cause.message.split("\n");
  const meant = suggestion?.replaceAll(/^\(|\)$/gu, "").toLowerCase();
  return new DroverError("usage", first.replace(/^error: /u, ""), {
    hint: meant ?? "see the command's examples: --help",
    cause,
  });
}
