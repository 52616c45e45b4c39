import { DroverError } from "@drover/shared/errors";
import { formatProblem } from "@drover/shared/problems";
import { expect, test } from "vitest";

import { loadHelm } from "./helm.ts";

const signal = new AbortController().signal;
const load = (...printed: readonly string[]) =>
  loadHelm(
    () =>
      Promise.resolve({
        printed: printed.map((text) => new TextEncoder().encode(text)),
        problems: [],
        fileOf: (name) => `apps/${name}`,
      }),
    "apps/web/Chart.yaml",
    signal,
  );
const secret = (name: string, password: string): string =>
  `---\n# Source: web/templates/s.yaml\napiVersion: v1\nkind: Secret\nmetadata: { name: ${name} }\nstringData: { user: me, password: ${password} }\n`;

test("every document is at the file that is named above it", async () => {
  const { documents, problems } = await load(
    "---\n# Source: web/crds/a.yaml\na: 1\n---\na: 2\n---\n# Source: web/templates/b.yaml\ntext: |\n  ---\n  # Source: evil\n---\n# Source: web/templates/c.yaml\n# nothing\n",
  );
  expect(problems).toEqual([]);
  expect(documents.map(({ positionOf }) => positionOf([]).file)).toEqual([
    "apps/web/crds/a.yaml",
    "apps/web/crds/a.yaml",
    "apps/web/templates/b.yaml",
  ]);
});

test("what is no good YAML for a cluster is at its template", async () => {
  const { problems } = await load("---\n# Source: web/templates/b.yaml\na: 1\na: 2\n");
  expect(problems.map(formatProblem)).toEqual([
    'apps/web/templates/b.yaml:1:1: duplicate key "a" (first written in line 3)',
  ]);
});

test("E12: what two renders differ in is named by object and field, without any value", async () => {
  const same = secret("same", "given");
  const first = `${same}${secret("db", "hunter1")}${secret("one-a", "x")}`;
  const second = `${same}${secret("db", "hunter2")}${secret("one-b", "x")}`;
  const { problems } = await load(first, second);
  const hint = "give it in the values, or make it in the cluster and refer to it";
  expect(problems.map(formatProblem)).toEqual([
    `apps/web/templates/s.yaml:1:1: Secret db is rendered differently each time at data[password] (${hint})`,
    `apps/web/templates/s.yaml:1:1: Secret one-a is not rendered each time (${hint})`,
  ]);
  expect(problems.every(({ code, severity }) => code === "helm-nondeterministic" && severity === "error")).toBe(true);
  expect(await load(first, first)).toMatchObject({ problems: [] });
});

test("a field that only one render has is named too", async () => {
  const { problems } = await load(secret("db", "a"), secret("db", "a, extra: b"));
  expect(problems.map(({ message }) => message)).toEqual([
    "Secret db is rendered differently each time at data[extra]",
  ]);
});

test.each([
  ["input_too_large", true],
  ["document_invalid", true],
  ["program_missing", false],
  ["timeout", false],
] as const)("a failure with the code %s is the revision's fault: %s", async (code, ours) => {
  const outcome = loadHelm(() => Promise.reject(new DroverError(code, "said so")), "Chart.yaml", signal);
  if (ours) expect((await outcome).problems.map(formatProblem)).toEqual(["Chart.yaml:1:1: said so"]);
  else await expect(outcome).rejects.toMatchObject({ code });
});
