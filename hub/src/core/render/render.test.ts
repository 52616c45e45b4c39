import { DroverError } from "@drover/shared/errors";
import { apiListOf } from "@drover/shared/kube/api-list";
import { formatObjectKey, objectKey } from "@drover/shared/kube/manifest";
import { formatProblem } from "@drover/shared/problems";
import { defaultSync } from "@drover/shared/sync-options";
import { describe, expect, test } from "vitest";

import type { Application } from "../application.ts";
import { defaultHelm } from "../helm.ts";
import type { ChartOutput, ChartRequest } from "./chart.ts";
import { chooseRenderer, render, type Rendered, type Variant } from "./index.ts";
import { snapshotOf, type Files } from "./snapshot.fixture.ts";

const signal = new AbortController().signal;
const application = (change: Partial<Application> = {}): Application => ({
  kind: "Application",
  name: "shop",
  labels: {},
  repository: "config",
  source: { repository: "config", path: "app", exclude: [] },
  renderer: "auto",
  namespace: "shop",
  substitute: false,
  sync: { prune: true, allowEmpty: false, createNamespace: true, deletion: "uninstall", options: defaultSync },
  at: { file: "drover.yaml", line: 1, column: 1 },
  ...change,
});
const renderFiles = (files: Files, change: Partial<Application> = {}, output = ""): Promise<Rendered> =>
  render(
    {
      application: application(change),
      snapshot: snapshotOf(files),
      kustomize: () => Promise.resolve(new TextEncoder().encode(output)),
      helm: () => Promise.reject(new Error("no chart was expected")),
    },
    signal,
  );
const chartFiles = { "app/Chart.yaml": "name: a", "app/templates/a.yaml": "" };
const requestOf = async (change: Partial<Application>, variant: Variant = {}): Promise<ChartRequest | undefined> => {
  let asked: ChartRequest | undefined;
  const helm = (request: ChartRequest): Promise<ChartOutput> => {
    asked = request;
    return Promise.resolve({ printed: [], problems: [], fileOf: (name) => name });
  };
  const kustomize = (): Promise<never> => Promise.reject(new Error("no kustomization was expected"));
  await render(
    { application: application(change), snapshot: snapshotOf(chartFiles), kustomize, helm, variant },
    signal,
  );
  return asked;
};
const keysOf = ({ manifests }: Rendered): string[] => manifests.map(({ object }) => formatObjectKey(objectKey(object)));
const problemsOf = ({ problems }: Rendered): string[] => problems.map(formatProblem);
const configMap = (name: string, rest = ""): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n${rest}`;

describe("plain files", () => {
  test("become objects in apply order, whatever their files are called, each with its place", async () => {
    const rendered = await renderFiles({
      "app/1-web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n",
      "app/deep/2.json": JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } }),
      "app/3.yml": `# nothing here\n---\n---\n${configMap("b")}---\n${configMap("a")}`,
      "app/README.md": "a: {",
      "application/4.yaml": configMap("other"),
      "app/.github/5.yaml": "on: push",
    });
    expect(rendered.problems).toEqual([]);
    expect(keysOf(rendered)).toEqual(["Namespace shop", "ConfigMap a", "ConfigMap b", "Deployment.apps web"]);
    expect(rendered.manifests.map(({ at }) => `${at?.file ?? ""}:${at?.line ?? 0}`)).toEqual([
      "app/deep/2.json:1",
      "app/3.yml:8",
      "app/3.yml:4",
      "app/1-web.yaml:1",
    ]);
  });

  test("case 15: lists are flattened, also lists in lists, and items keep their places", async () => {
    const rendered = await renderFiles({
      "app/a.yaml":
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n" +
        "- apiVersion: v1\n  kind: ConfigMapList\n  items:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: b}\n",
    });
    expect(problemsOf(rendered)).toEqual([]);
    expect(rendered.manifests.map(({ object, at }) => [object.metadata.name, at?.line])).toEqual([
      ["a", 4],
      ["b", 10],
    ]);
  });

  test("leave Drover's own documents out", async () => {
    const text = `apiVersion: drover.dev/v1alpha1\nkind: Application\nmetadata: {name: shop}\n---\n${configMap("a")}`;
    expect(keysOf(await renderFiles({ "app/drover.yaml": text }))).toEqual(["ConfigMap a"]);
  });

  test("that are no Kubernetes objects are named and left out", async () => {
    const rendered = await renderFiles({ "app/a.yaml": configMap("a"), "app/values.yaml": "image: web\n" });
    expect(keysOf(rendered)).toEqual(["ConfigMap a"]);
    expect(rendered.problems).toMatchObject([
      { code: "no-object", severity: "warning", at: { file: "app/values.yaml" } },
    ]);
  });

  test("that the application excludes are not read, and an exclusion of nothing is named", async () => {
    const files = { "app/a.yaml": configMap("a"), "app/tests/b.yaml": "a: [", "app/tests.yaml": configMap("c") };
    const source = { repository: "config", path: "app", exclude: ["tests", "nope.yaml"] };
    const rendered = await renderFiles(files, { source });
    expect(keysOf(rendered)).toEqual(["ConfigMap a", "ConfigMap c"]);
    expect(problemsOf(rendered)).toEqual(["drover.yaml:1:1: there is no nope.yaml to exclude in app"]);
  });

  test("folders for another renderer are named and left out", async () => {
    const rendered = await renderFiles({
      "app/a.yaml": configMap("a"),
      "app/overlay/kustomization.yaml": "resources: [x.yaml]",
      "app/overlay/patch.yaml": configMap("a"),
      "app/chart/Chart.yaml": "name: chart",
      "app/chart/templates/a.yaml": "{{ if }}",
    });
    expect(keysOf(rendered)).toEqual(["ConfigMap a"]);
    expect(rendered.problems.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
      "warning other-renderer",
      "warning other-renderer",
    ]);
  });
});

test.each<[string, Files, string[]]>([
  [
    "E10: the same object twice, naming both places",
    { "app/a.yaml": configMap("x"), "app/b.yaml": `---\n${configMap("z")}---\n${configMap("x")}` },
    ["app/b.yaml:6:1: ConfigMap shop/x is declared a second time, first at app/a.yaml:1 (remove one of the two)"],
  ],
  [
    "case 14: the same object with and without the application's namespace",
    {
      "app/a.yaml": configMap("x"),
      "app/b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: shop}\n",
    },
    ["app/b.yaml:1:1: ConfigMap shop/x is declared a second time, first at app/a.yaml:1 (remove one of the two)"],
  ],
  [
    "E11: a missing name",
    { "app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels: {a: b}\n" },
    ["app/a.yaml:3:1: metadata.name is missing"],
  ],
  [
    "E11: only generateName",
    { "app/a.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: x-\n" },
    ["app/a.yaml:4:3: an object with only generateName would be a new one every time (give it a name)"],
  ],
  ["no metadata", { "app/a.yaml": "apiVersion: v1\nkind: Pod\n" }, ["app/a.yaml:1:1: metadata.name is missing"]],
  [
    "a missing kind and a missing version",
    { "app/a.yaml": "apiVersion: v1\nmetadata: {name: a}\n---\nkind: Pod\nmetadata: {name: a}\n" },
    ["app/a.yaml:1:1: kind is missing", "app/a.yaml:4:1: apiVersion is missing"],
  ],
  [
    "a name that is a path",
    { "app/a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: ../../x}\n" },
    ['app/a.yaml:3:12: "../../x" is no name'],
  ],
  [
    "case 9: labels that YAML reads as numbers and booleans",
    {
      "app/a.yaml":
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels:\n    version: 1.0\n  annotations: {on: x, b: yes}\n",
    },
    [
      "app/a.yaml:6:5: metadata.labels: version has to be text (quote it)",
      "app/a.yaml:7:24: metadata.annotations: b has to be text (quote it)",
    ],
  ],
  [
    "E9: all problems of all files, not only the first",
    { "app/a.yaml": "a: [", "app/b.yaml": "b: 1\nb: 2\n", "app/c.yaml": configMap("c") },
    [
      "app/a.yaml:1:5: the list that a [ opens is not closed before this place (close it, and indent all of its lines further than its key)",
      'app/b.yaml:2:1: duplicate key "b" (first written in line 1)',
    ],
  ],
  [
    "a file that is too large to read",
    {
      "app/a.yaml": new DroverError("input_too_large", "app/a.yaml has 50000000 bytes", {
        at: { file: "app/a.yaml", line: 1, column: 1 },
      }),
    },
    ["app/a.yaml:1:1: app/a.yaml has 50000000 bytes"],
  ],
])("names the place of %s", async (_title, files, expected) => {
  const problems = (await renderFiles(files)).problems.filter(({ severity }) => severity === "error");
  expect(problems.map(formatProblem)).toEqual(expected);
});

test("a chart is rendered with the application's name, namespace and values, and those of the variant after them", async () => {
  const chart = { path: "app", namespace: "shop", valueFiles: [], skipTests: false, repositories: [] };
  const bare = { ...chart, releaseName: "shop", values: [{}], includeCRDs: true, capabilities: {} };
  expect(await requestOf({})).toEqual(bare);
  const valueFiles = [{ path: "v.yaml", at: { file: "drover.yaml", line: 2, column: 1 } }];
  const helm = { ...defaultHelm, releaseName: "other", values: { a: 1 }, valueFiles, includeCRDs: false };
  const capabilities = { kubeVersion: "v1.30.0", apis: apiListOf(["a/v1"]) };
  const variant = { values: [{ a: 2 }, { a: 3 }], ...capabilities };
  expect(await requestOf({ helm }, variant)).toEqual({
    ...chart,
    releaseName: "other",
    values: [{ a: 1 }, { a: 2 }, { a: 3 }],
    valueFiles,
    includeCRDs: false,
    capabilities,
  });
});

test.each<[string, Partial<Application>, readonly string[], string]>([
  ["a kustomization beside a chart", {}, ["Chart.yaml", "kustomization.yaml"], "kustomize"],
  ["a chart", {}, ["Chart.yaml"], "helm"],
  ["a chart below the folder", {}, ["a/Chart.yaml"], "plain"],
  ["options for Helm", { helm: defaultHelm }, ["Chart.yaml", "kustomization.yaml"], "helm"],
  ["a wish for plain YAML", { renderer: "plain" }, ["Chart.yaml", "kustomization.yaml"], "plain"],
  ["a wish for Helm", { renderer: "helm" }, ["kustomization.yaml"], "helm"],
])("%s decides what renders a folder", (_title, change, files, expected) => {
  const snapshot = snapshotOf(Object.fromEntries(files.map((file) => [`app/${file}`, ""])));
  expect(chooseRenderer(application(change), snapshot)).toBe(expected);
});

test("a chart is no plain YAML, when it is asked for as such", async () => {
  const files = { "app/Chart.yaml": "name: a", "app/templates/a.yaml": "{{" };
  expect(problemsOf(await renderFiles(files, { renderer: "plain" }))).toEqual([
    "app/Chart.yaml:1:1: app/Chart.yaml makes its folder a Helm chart, which is no plain YAML (set renderer: helm)",
  ]);
});

describe("the folder", () => {
  test("E3: that is gone is an error, so that what runs is kept", async () => {
    const rendered = await renderFiles({ "other/a.yaml": configMap("a") });
    expect(rendered.problems).toMatchObject([{ code: "no-folder", severity: "error", at: { file: "drover.yaml" } }]);
  });

  test("E2: that is gone on purpose renders nothing", async () => {
    const sync = {
      prune: true,
      allowEmpty: true,
      createNamespace: true,
      deletion: "uninstall" as const,
      options: defaultSync,
    };
    expect(await renderFiles({ "other/a.yaml": configMap("a") }, { sync })).toEqual({ manifests: [], problems: [] });
  });
});

describe("kustomize", () => {
  const files = { "app/kustomization.yaml": "resources: [a.yaml]", "app/a.yaml": configMap("a") };

  test("is used where there is a kustomization; its objects are said to be there", async () => {
    const rendered = await renderFiles(files, {}, configMap("built", "status: {}\n"));
    expect(rendered).toMatchObject({
      manifests: [{ object: { metadata: { name: "built" } }, at: { file: "app/kustomization.yaml", line: 1 } }],
      problems: [],
    });
  });

  test("E16: an object that no server takes is refused", async () => {
    const rendered = await renderFiles(files, {}, configMap("large", `data: { a: ${"x".repeat(1_600_000)} }\n`));
    expect(rendered.problems).toMatchObject([{ code: "output-too-large", at: { file: "app/kustomization.yaml" } }]);
  });

  test("is not used for what is declared to be plain", async () => {
    expect(keysOf(await renderFiles(files, { renderer: "plain" }, configMap("built")))).toEqual(["ConfigMap a"]);
  });

  test("without a kustomization says so", async () => {
    const rendered = await renderFiles({ "app/a.yaml": configMap("a") }, { renderer: "kustomize" });
    expect(problemsOf(rendered)).toEqual(["drover.yaml:1:1: there is no kustomization.yaml in app"]);
  });

  test.each([
    ["render_failed", "problem"],
    ["document_invalid", "problem"],
    ["program_missing", "error"],
    ["timeout", "error"],
  ] as const)("a failure with the code %s is a %s", async (code, kind) => {
    const input = {
      application: application(),
      snapshot: snapshotOf(files),
      kustomize: () => Promise.reject(new DroverError(code, "said so")),
      helm: () => Promise.reject(new Error("no chart was expected")),
    };
    const outcome = render(input, signal);
    if (kind === "error") await expect(outcome).rejects.toMatchObject({ code });
    else expect(problemsOf(await outcome)).toEqual(["app/kustomization.yaml:1:1: said so"]);
  });
});
