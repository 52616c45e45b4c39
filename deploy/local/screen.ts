import { styleText } from "node:util";

interface StepResult<T> {
  readonly text: string;
  readonly value: T;
  /** It went through, but not everything is as it should be. */
  readonly incomplete?: boolean;
}

/** Progress lines on stderr and the summary on stdout, as `drover up` of the reference shows them. */
export function createScreen(now: () => number) {
  const started = now();
  const seconds = (since: number): string => `${((now() - since) / 1000).toFixed(1)}s`;
  return {
    /** Runs one step and prints its line with the time it took. */
    async step<T>(name: string, body: () => Promise<StepResult<T>>): Promise<T> {
      const since = now();
      const { text, value, incomplete = false } = await body();
      const sign = incomplete ? styleText("yellow", "!") : styleText("green", "✔");
      process.stderr.write(`${sign} ${name.padEnd(9)} ${text}  ${styleText("dim", seconds(since))}\n`);
      return value;
    },
    total: () => seconds(started),
    print: (text: string) => void process.stdout.write(`${text}\n`),
    problem(message: string, hint: string) {
      process.stderr.write(`${styleText("red", "✗")} ${message}\n  hint: ${hint}\n`);
    },
  };
}

export type Screen = ReturnType<typeof createScreen>;
