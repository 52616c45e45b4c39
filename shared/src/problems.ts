import { formatPosition, type Position } from "./errors.ts";

export type Severity = "error" | "warning";

/** Something wrong in what a person wrote. Problems are collected and reported all at once, never one by one. */
export interface Problem {
  /** Stable, kebab-case: `duplicate-key`, `unknown-kind`, `patch-no-match` … */
  readonly code: string;
  readonly severity: Severity;
  /** One sentence without a trailing dot. */
  readonly message: string;
  readonly at?: Position;
  readonly hint?: string;
}

/** Each problem once: what several renders of one file find is one problem. */
export function uniqueProblems(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}

/** `file:line:column: message (hint)`: one line for logs, conditions and terminals. */
export function formatProblem(problem: Problem): string {
  const where = problem.at === undefined ? "" : `${formatPosition(problem.at)}: `;
  const hint = problem.hint === undefined ? "" : ` (${problem.hint})`;
  return `${where}${problem.message}${hint}`;
}
