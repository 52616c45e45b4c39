import { styleText } from "node:util";

/** Progress lines on stderr and the summary on stdout, as `drover up` of the reference shows them. */
export function createScreen(now: () => number) {
  const started = now();
  const seconds = (since: number): string => `${((now() - since) / 1000).toFixed(1)}s`;
  return {
    /** Runs one step and prints its line with the time it took. */
    async step<T>(name: string, body: () => Promise<{ readonly text: string; readonly value: T }>): Promise<T> {
      const since = now();
      const { text, value } = await body();
      process.stderr.write(
        `${styleText("green", "✔")} ${name.padEnd(9)} ${text}  ${styleText("dim", seconds(since))}\n`,
      );
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
