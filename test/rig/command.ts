import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly stdin?: string;
  readonly cwd?: string;
  /** Added to, and stronger than, the test's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a short program to its end. A non-zero exit is a result, not an error; a signal or a missing program throws. */
export async function runCommand(
  program: string,
  args: readonly string[],
  { stdin = "", cwd, env = {} }: CommandOptions = {},
  signal: AbortSignal = AbortSignal.timeout(60_000),
): Promise<CommandResult> {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, signal, stdio: "pipe" });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, name) => {
      if (code === null) reject(new Error(`${program} ${args.join(" ")}: ended by ${name}`));
      else resolve(code);
    });
  });
  // A program that ends without reading its input closes the pipe; its exit code tells the story.
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin);
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}

/** Like `runCommand`, but a non-zero exit throws with what the program printed. Returns its standard output. */
export async function mustRun(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
  signal?: AbortSignal,
): Promise<string> {
  const { code, stdout, stderr } = await runCommand(program, args, options, signal);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: exit code ${code}\n${stderr}${stdout}`);
  return stdout;
}
