import { formatPosition } from "@drover/shared/errors";
import { formatProblem, type Problem } from "@drover/shared/problems";

import type { Style } from "./terminal.ts";
import { plain } from "./text.ts";

export const lintFormats = ["table", "json", "sarif", "github", "junit"] as const;
export type LintFormat = (typeof lintFormats)[number];

/** Problems in the form that a person, or a tool of CI, reads. */
export function formatProblems(problems: readonly Problem[], format: LintFormat, style: Style): string {
  switch (format) {
    case "table":
      return problems.map((problem) => `${formatLine(problem, style)}\n`).join("");
    case "json":
      return `${JSON.stringify({ problems }, null, 2)}\n`;
    case "sarif":
      return `${JSON.stringify(toSarif(problems), null, 2)}\n`;
    case "github":
      return problems.map((problem) => `${toGitHub(problem)}\n`).join("");
    case "junit":
      return toJUnit(problems);
  }
}

function formatLine({ severity, code, message, at, hint }: Problem, style: Style): string {
  const where = at === undefined ? "" : `${plain(formatPosition(at))}: `;
  const what = style.paint(severity === "error" ? "red" : "yellow", severity);
  const more = hint === undefined ? "" : `\n    ${style.paint("gray", `hint: ${plain(hint)}`)}`;
  return `${where}${what}: ${plain(message)} ${style.paint("gray", `[${code}]`)}${more}`;
}

/** SARIF 2.1.0, as code scanning takes it. */
function toSarif(problems: readonly Problem[]): object {
  const rules = [...new Set(problems.map(({ code }) => code))].toSorted().map((id) => ({ id }));
  const results = problems.map(({ code, severity, message, at, hint }) => ({
    ruleId: code,
    level: severity,
    message: { text: hint === undefined ? message : `${message} (${hint})` },
    ...(at === undefined
      ? {}
      : {
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: at.file },
                region: { startLine: at.line, startColumn: at.column },
              },
            },
          ],
        }),
  }));
  const version = "2.1.0";
  const driver = { name: "drover", rules };
  return { $schema: "https://json.schemastore.org/sarif-2.1.0.json", version, runs: [{ tool: { driver }, results }] };
}

/** A workflow command of GitHub Actions. */
function toGitHub({ severity, message, at, hint, code }: Problem): string {
  const escape = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (text: string): string => escape(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const place = at === undefined ? "" : `file=${property(at.file)},line=${at.line},col=${at.column},`;
  return `::${severity} ${place}title=${property(code)}::${escape(hint === undefined ? message : `${message} (${hint})`)}`;
}

function toJUnit(problems: readonly Problem[]): string {
  const failures = problems.filter(({ severity }) => severity === "error").length;
  const cases = problems.map((problem) => {
    const name = `${problem.code} ${problem.at === undefined ? "" : formatPosition(problem.at)}`.trim();
    const text = escapeXml(formatProblem(problem));
    const body = problem.severity === "error" ? `<failure message="${text}"/>` : `<system-out>${text}</system-out>`;
    return `    <testcase classname="drover.lint" name="${escapeXml(name)}">${body}</testcase>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  <testsuite name="drover lint" tests="${problems.length}" failures="${failures}">\n${cases.join("")}  </testsuite>\n</testsuites>\n`;
}

function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return plain(text).replaceAll(/[&<>"]/gu, (character) => entities[character] ?? "");
}
