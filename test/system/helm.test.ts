import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { createRenderer } from "@drover/hub/controllers/renderer";
import { chartRequest, type Rendered, type Variant } from "@drover/hub/core/render/index";
import { createHelm, type Helm } from "@drover/hub/source/programs/helm";
import type { Snapshot } from "@drover/hub/source/snapshot";
import { canonicalJson } from "@drover/shared/digest";
import { apiListOf } from "@drover/shared/kube/api-list";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { mustRun } from "../rig/command.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { createWorkTree, type FileChanges, type WorkTree } from "../rig/git.ts";
import { program } from "../rig/programs.ts";
import type { ChartCase } from "./chart-case.ts";
import { declare, objectsOf, problemsOf, renderChart, snapshotOf } from "./chart-render.ts";
import { charts, sharedFiles } from "./charts.ts";

const slug = (title: string): string => title.replaceAll(/[^a-z]+/giu, "-").toLowerCase();
const folderOf = (title: string, { chart }: ChartCase): string =>
  chart === undefined ? slug(title) : `${slug(title)}/${chart}`;

/** What a person would type in a checkout. */
async function helmTemplate(tree: WorkTree, title: string, chart: ChartCase): Promise<string> {
  const folder = join(tree.path, folderOf(title, chart));
  const { valueFiles = [], values = {}, includeCRDs = true, skipTests = false, releaseName = "app" } = chart.helm ?? {};
  const layers = join(tree.path, ".git", `values-${slug(title)}`);
  await mkdir(layers);
  const files = valueFiles.map((file) => join(file.startsWith("/") ? tree.path : folder, file));
  for (const [index, layer] of [values, ...(chart.layers ?? [])].entries()) {
    files.push(join(layers, `${index}.yaml`));
    await writeFile(join(layers, `${index}.yaml`), JSON.stringify(layer));
  }
  return mustRun(program("helm"), [
    "template",
    releaseName,
    folder,
    "--namespace",
    "shop",
    ...files.flatMap((file) => ["--values", file]),
    ...(includeCRDs ? ["--include-crds"] : []),
    ...(skipTests ? ["--skip-tests"] : []),
    ...(chart.kubeVersion === undefined ? [] : ["--kube-version", chart.kubeVersion]),
    ...(chart.apiVersions ?? []).flatMap((version) => ["--api-versions", version]),
  ]);
}

function renderCase(snapshot: Snapshot, title: string, chart: ChartCase): Promise<Rendered> {
  const source = { path: folderOf(title, chart) };
  const application = declare({ source, namespace: "shop", ...(chart.helm === undefined ? {} : { helm: chart.helm }) });
  const { layers = [], kubeVersion, apiVersions } = chart;
  const variant = {
    values: layers,
    ...(kubeVersion === undefined ? {} : { kubeVersion }),
    ...(apiVersions === undefined ? {} : { apis: apiListOf(apiVersions) }),
  };
  return renderChart(snapshot, application, { variant });
}

describeWithRig("helm", "git")("helm renders as a person's helm does", () => {
  let tree: WorkTree;
  let snapshot: Snapshot;
  beforeAll(async () => {
    const files = Object.entries(charts).flatMap(([title, chart]) =>
      Object.entries(chart.files).map(([path, content]) => [`${slug(title)}/${path}`, content] as const),
    );
    tree = await createWorkTree({ files: { ...Object.fromEntries(files), ...sharedFiles } });
    snapshot = await snapshotOf(tree);
  });
  afterAll(() => tree[Symbol.asyncDispose]());

  test("there are at least 20", () => {
    expect(new Set(Object.keys(charts).map(slug)).size).toBeGreaterThanOrEqual(20);
  });

  test.each(Object.entries(charts))("%s", async (title, chart) => {
    const rendered = await renderCase(snapshot, title, chart);
    expect(problemsOf(rendered)).toEqual([]);
    if (title.startsWith("a dependency elsewhere")) {
      // A person's helm wants them in the chart's folder.
      for (const folder of ["common", "app"]) {
        await mustRun(program("helm"), ["dependency", "update", join(tree.path, slug(title), folder)]);
      }
    }
    const printed = objectsOf(await helmTemplate(tree, title, chart));
    const objects = canonicalJson(rendered.manifests.map(({ object }) => object));
    expect(objects).toBe(canonicalJson(printed));
    expect(objects).toMatch(chart.has);
    if (chart.hasNot !== undefined) expect(objects).not.toMatch(chart.hasNot);
  });

  test("every object is at its template, those of sub-charts and definitions too", async () => {
    const placesOf = async (title: string): Promise<readonly string[]> => {
      const chart = charts[title];
      if (chart === undefined) throw new Error(`there is no case ${title}`);
      const { manifests } = await renderCase(snapshot, title, chart);
      return manifests.map(({ object, at }) => `${object.metadata.name} ${at?.file ?? ""}`);
    };
    expect(await placesOf("values of a sub-chart and globals")).toEqual([
      "child values-of-a-sub-chart-and-globals/charts/child/templates/c.yaml",
      "parent values-of-a-sub-chart-and-globals/templates/p.yaml",
    ]);
    expect(await placesOf("definitions in crds")).toEqual([
      "gadgets.example.org definitions-in-crds/crds/a.yaml",
      "widgets.example.org definitions-in-crds/crds/a.yaml",
      "w definitions-in-crds/templates/w.yaml",
    ]);
    expect(await placesOf("aliases")).toContain("one aliases/charts/child/templates/c.yaml");
    expect(await placesOf("a dependency elsewhere in the repository")).toEqual([
      "base a-dependency-elsewhere-in-the-repository/base/templates/b.yaml",
      "c a-dependency-elsewhere-in-the-repository/common/templates/c.yaml",
    ]);
  });

  test("every character of a value arrives", async () => {
    const text = "a\u007Fb\u0085c\u2028d\uFEFFe\u0000f";
    const path = slug("characters that YAML takes otherwise");
    const rendered = await renderChart(snapshot, declare({ source: { path }, helm: { values: { text } } }));
    const data = { text: Buffer.from(text).toString("base64"), raw: expect.anything() };
    expect(rendered.manifests[0]?.object["data"]).toEqual(data);
  });

  test("packed sub-charts are rendered, and their objects are at the archive", async () => {
    await using packed = await createWorkTree({ files: { ...charts["aliases"]?.files, "values.yaml": "" } });
    const chart = "apiVersion: v2\nname: parent\nversion: 0.1.0\ndependencies: [{ name: child, version: 0.1.0 }]\n";
    await mustRun(program("helm"), ["package", "charts/child", "--destination", "charts"], { cwd: packed.path });
    await packed.commit("Pack", { "charts/child": undefined, "Chart.yaml": chart });
    const rendered = await renderChart(await snapshotOf(packed), declare({ source: { path: "" } }));
    expect(problemsOf(rendered)).toEqual([]);
    const places = rendered.manifests.map(({ object, at }) => `${object.metadata.name} ${at?.file ?? ""}`);
    expect(places).toEqual(["child charts/child-0.1.0.tgz", "parent templates/p.yaml"]);
    expect(rendered.manifests.map(({ object }) => object)).toEqual(
      objectsOf(await mustRun(program("helm"), ["template", "app", packed.path])),
    );
  });
});

const simple: FileChanges = {
  "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
  "web/values.yaml": "v: chart\n",
  "web/templates/a.yaml": 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { v: "{{ .Values.v }}" }\n',
  "values/prod.yaml": "v: prod\n",
  "other/readme.txt": "1",
};

describeWithRig("helm", "git")("what was rendered is remembered", () => {
  let tree: WorkTree;
  let renders: number;
  const real = createHelm({ environment: process.env });
  const counting: Helm = {
    ...real,
    template(snapshot, request, signal) {
      renders += 1;
      return real.template(snapshot, request, signal);
    },
  };
  beforeEach(async () => {
    renders = 0;
    tree = await createWorkTree({ files: simple });
    return () => tree[Symbol.asyncDispose]();
  });
  const kustomize = (): Promise<never> => Promise.reject(new Error("there is no kustomization"));
  const signal = AbortSignal.timeout(300_000);
  const application = declare({ source: { path: "web" }, helm: { valueFiles: ["/values/prod.yaml"] } });
  const valueOf = ({ manifests }: Rendered): unknown => manifests[0]?.object["data"];

  test("a commit that touches nothing of a chart renders nothing", async () => {
    const { render } = createRenderer({ kustomize, helm: counting });
    const first = await render(application, await snapshotOf(tree), signal);
    await tree.commit("Elsewhere", { "other/readme.txt": "2", "other/new.txt": "1" });
    expect(await render(application, await snapshotOf(tree), signal)).toBe(first);
    expect(renders).toBe(1);
  });

  test.each<[string, FileChanges, unknown]>([
    ["a template", { "web/templates/a.yaml": `${simple["web/templates/a.yaml"] ?? ""}immutable: true\n` }, "prod"],
    ["a value file elsewhere", { "values/prod.yaml": "v: other\n" }, "other"],
    ["a value file that is gone", { "values/prod.yaml": undefined }, undefined],
  ])("%s is rendered again", async (_title, change, value) => {
    const { render } = createRenderer({ kustomize, helm: counting });
    await render(application, await snapshotOf(tree), signal);
    await tree.commit("Change", change);
    const rendered = await render(application, await snapshotOf(tree), signal);
    expect(valueOf(rendered)).toEqual(value === undefined ? undefined : { v: value });
    expect(renders).toBe(2);
  });

  test("every variant is remembered for itself", async () => {
    const { render } = createRenderer({ kustomize, helm: counting });
    const snapshot = await snapshotOf(tree);
    const variants = [{}, { values: [{ v: "one" }] }, { values: [{ v: "two" }] }, { kubeVersion: "v1.27.0" }];
    const found: unknown[] = [];
    for (const variant of [...variants, ...variants]) {
      found.push(valueOf(await render(application, snapshot, signal, variant)));
    }
    const wanted = ["prod", "one", "two", "prod"].map((v) => ({ v }));
    expect(found).toEqual([...wanted, ...wanted]);
    expect(renders).toBe(4);
  });
});

describeWithRig("helm", "git")("a chart that looks at its cluster", () => {
  const files = {
    "plain/Chart.yaml": "apiVersion: v2\nname: plain\nversion: 0.1.0\n",
    "plain/templates/a.yaml":
      "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { v: {{ .Values.v | default 1 | quote }} }\n",
    "bound/Chart.yaml": 'apiVersion: v2\nname: bound\nversion: 0.1.0\nkubeVersion: ">=1.33.0-0"\n',
    "bound/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n",
    "asks/Chart.yaml": "apiVersion: v2\nname: asks\nversion: 0.1.0\n",
    "asks/charts/sub/Chart.yaml": 'apiVersion: v2\nname: sub\nversion: 0.1.0\nkubeVersion: ">=1.99.0"\n',
    "asks/charts/sub/templates/a.yaml": `apiVersion: v1
kind: ConfigMap
metadata: { name: a }
data:
  widget: {{ .Capabilities.APIVersions.Has "example.org/v1/Widget" | quote }}
  budget: {{ .Capabilities.APIVersions.Has "policy/v1" | quote }}
  old: {{ .Capabilities.APIVersions.Has "policy/v1beta1" | quote }}
`,
  };
  const served = apiListOf(["v1", "policy/v1", "example.org/v1", "example.org/v1/Widget"]);
  const helm = createHelm({ environment: process.env });
  let tree: WorkTree;
  let snapshot: Snapshot;
  beforeAll(async () => {
    tree = await createWorkTree({ files });
    snapshot = await snapshotOf(tree);
  });
  afterAll(() => tree[Symbol.asyncDispose]());
  const render = (path: string, variant: Variant) =>
    renderChart(snapshot, declare({ source: { path } }), { helm, variant });

  test.each([
    ["plain", [], { version: false, apis: false }],
    ["plain", [{ v: "{{ .Capabilities.KubeVersion }}" }], { version: true, apis: false }],
    ["bound", [], { version: true, apis: false }],
    ["asks", [], { version: false, apis: true }],
  ])("is known as such: %s %j", async (path, values, looks) => {
    expect(await helm.looks(snapshot, chartRequest(declare({ source: { path } }), { values }))).toEqual(looks);
  });

  test("is told of the definitions of the cluster, and a warning says where Helm does not believe that one is gone", async () => {
    const rendered = await render("asks", { apis: served });
    expect(rendered.manifests[0]?.object["data"]).toEqual({ widget: "true", budget: "true", old: "true" });
    expect(problemsOf(rendered)).toEqual([
      "warning helm-api-assumed asks/charts/sub/templates/a.yaml:7:1: the cluster does not serve policy/v1beta1, but Helm tells the chart that it does (ask for the version that replaced it first)",
    ]);
    const lacking = await render("asks", { apis: apiListOf(["v1", "policy/v1"]) });
    expect(lacking.manifests[0]?.object["data"]).toMatchObject({ widget: "false" });
  });

  test("that wants another version is refused for that version alone", async () => {
    expect(problemsOf(await render("bound", { kubeVersion: "v1.33.1" }))).toEqual([]);
    expect(problemsOf(await render("bound", { kubeVersion: "v1.31.2" }))).toEqual([
      "error helm-kube-version bound/Chart.yaml:1:1: chart requires kubeVersion: >=1.33.0-0 which is incompatible with Kubernetes v1.31.2",
    ]);
  });
});

describe("an application with a chart", () => {
  test("is refused by name where helm is missing", async () => {
    await using tree = await createWorkTree({ files: simple });
    const nowhere = createHelm({ environment: { PATH: "/nowhere", DROVER_RIG_CACHE: "/nowhere" } });
    const rendered = renderChart(await snapshotOf(tree), declare({ source: { path: "web" } }), { helm: nowhere });
    await expect(rendered).rejects.toMatchObject({
      code: "program_missing",
      hint: expect.stringContaining("install helm"),
    });
  });
});
