import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

/**
 * Keeps the tables of acceptance cases true: what they say is proved has a test whose title begins with the case, in the
 * suites that they name, and no title names a case that the tables do not know.
 */
const root = join(import.meta.dirname, "..", "..");
const range = (letter: string, last: number): readonly string[] =>
  Array.from({ length: last }, (_, index) => `${letter}${index + 1}`);
/** Reliability promises, edge cases, and threats. */
const known = [...range("R", 33), ...range("E", 82), ...range("T", 36)];

const states = ["proved", "partly", "open"] as const;
interface Row {
  readonly line: string;
  readonly cases: readonly string[];
  readonly state: string;
  /** Files or folders, from the root. */
  readonly suites: readonly string[];
}

const caseName = /\b[ERT]\d+\b/gu;
const inCode = /`(?<text>[^`]+)`/gu;

/** `a/{b,c}` is `a/b` and `a/c`. */
function expand(text: string): readonly string[] {
  const parts = /^(?<before>[^{]*)\{(?<names>[^}]*)\}(?<after>.*)$/u.exec(text)?.groups;
  if (parts === undefined) return [text];
  const { before = "", names = "", after = "" } = parts;
  return names.split(",").map((name) => `${before}${name}${after}`);
}

/** Suites are named from the root, or by their name in `test/system`. Commands have spaces, and are no suites. */
function suitesOf(cell: string): readonly string[] {
  return [...cell.matchAll(inCode)]
    .flatMap(({ groups }) => expand(groups?.["text"] ?? ""))
    .filter((name) => !name.includes(" "))
    .map((name) => (name.includes("/") ? name.replace(/^system\//u, "test/system/") : `test/system/${name}`));
}

/** The rows of a table whose first cell names cases. In the agent's there is a claim in the place of the state. */
function rowsOf(file: string, stated: boolean): readonly Row[] {
  const lines = readFileSync(join(root, file), "utf8").split("\n");
  return lines.flatMap((line) => {
    const [, first = "", second = "", third = ""] = line.split(" | ").map((cell) => cell.replace(/^\| /u, ""));
    const head = line.split(" | ")[0] ?? "";
    const cases = head.startsWith("| ") ? (head.match(caseName) ?? []) : [];
    if (cases.length === 0 || !/^\| (?:[ERT]\d+(?:, )?)+$/u.test(head)) return [];
    return [
      { line: head, cases, state: stated ? first : "proved", suites: suitesOf(stated ? second : `${second} ${third}`) },
    ];
  });
}

const rows = [...rowsOf("test/README.md", true), ...rowsOf("agent/README.md", false)];

/** Every text in a suite that begins with names of cases: titles, and the rows of tables of tests. */
const titled = /["'`](?<names>(?:(?:case \d+|row \d+|[ERT]\d+)(?:, |: ))+)/gu;
const titles = globSync("{agent,hub,proto,shared,deploy,test}/**/*.{test,contract}.ts", { cwd: root })
  .filter((file) => !file.includes("node_modules") && !file.endsWith("system/cases.test.ts"))
  .map((file) => {
    const found = [...readFileSync(join(root, file), "utf8").matchAll(titled)];
    return { file, cases: new Set(found.flatMap(({ groups }) => groups?.["names"]?.match(caseName) ?? [])) };
  });

const isIn = (file: string, suite: string): boolean =>
  file.startsWith(`${suite}/`) || file === `${suite}.test.ts` || file === `${suite}.contract.ts`;

describe("the tables of acceptance cases", () => {
  it("have every case once, in a state that there is", () => {
    const named = rows.flatMap(({ cases }) => cases);
    expect(known.filter((name) => !named.includes(name))).toEqual([]);
    expect(named.filter((name, index) => named.indexOf(name) !== index)).toEqual([]);
    expect(rows.filter(({ state }) => !states.some((one) => one === state)).map(({ line }) => line)).toEqual([]);
  });

  it("name suites that there are, each with a title of the row's cases", () => {
    const claims = rows
      .filter(({ state }) => state !== "open")
      .flatMap((row) => row.suites.map((suite) => ({ row, suite })));
    const wrong = claims.filter(({ row, suite }) => {
      const own = titles.filter(({ file }) => isIn(file, suite));
      return !own.some(({ cases }) => row.cases.some((name) => cases.has(name)));
    });
    expect(wrong.map(({ row, suite }) => `${row.line}: ${suite}${existsSync(join(root, suite)) ? "/" : ""}`)).toEqual(
      [],
    );
  });

  it("claim nothing that no title in those suites begins with", () => {
    const unproved = rows
      .filter(({ state }) => state !== "open")
      .flatMap(({ cases, suites }) =>
        cases.filter(
          (name) => !titles.some(({ file, cases: own }) => own.has(name) && suites.some((suite) => isIn(file, suite))),
        ),
      );
    expect(unproved).toEqual([]);
  });

  it("call nothing open that a title begins with", () => {
    const open = rows.filter(({ state }) => state === "open").flatMap(({ cases }) => cases);
    const named = titles.flatMap(({ file, cases }) =>
      open.filter((name) => cases.has(name)).map((name) => `${name} in ${file}`),
    );
    expect(named).toEqual([]);
  });

  it("know every case that a title begins with", () => {
    const unknown = titles.flatMap(({ file, cases }) =>
      [...cases].filter((name) => !known.includes(name)).map((name) => `${name} in ${file}`),
    );
    expect(unknown).toEqual([]);
  });
});
