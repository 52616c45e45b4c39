import { once } from "node:events";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { createHelm } from "@drover/hub/source/programs/helm";
import { afterEach, beforeEach, expect, test } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { createWorkTree, type FileChanges, type WorkTree } from "../rig/git.ts";
import { program } from "../rig/programs.ts";
import { declare, problemsOf, renderChart, snapshotOf } from "./chart-render.ts";
import { haveOwnTemporaryFolder } from "./own-temporary-folder.ts";

const chart = "apiVersion: v2\nname: web\nversion: 0.1.0\n";
const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { v: "{{ .Values.v }}" }\n';
const secret = (template: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { password: "${template}" }\n`;
const withTemplate = (text: string): FileChanges => ({ "Chart.yaml": chart, "templates/a.yaml": text });

/** One entry of a tar archive, as far as its header is read. */
function tarEntry(name: string, type: string, content: Uint8Array): Uint8Array {
  const padded = Math.ceil(content.length / 512) * 512;
  const entry = Buffer.alloc(512 + padded);
  entry.write(name, 0, "latin1");
  entry.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  entry.write(type, 156, "latin1");
  entry.set(content, 512);
  return entry;
}

describeWithRig("helm", "git")("T6: a hostile chart", () => {
  let tree: WorkTree;
  let trap: Server;
  let caught: string[];
  haveOwnTemporaryFolder("helm-hostile");
  beforeEach(async () => {
    tree = await createWorkTree();
    caught = [];
    trap = createServer((request, response) => {
      caught.push(request.url ?? "");
      response.end("{}");
    }).listen(0, "127.0.0.1");
    await once(trap, "listening");
  });
  afterEach(async () => {
    trap.close();
    await tree[Symbol.asyncDispose]();
    expect(caught).toEqual([]);
    expect((await readdir(tmpdir())).filter((name) => name.startsWith("drover-helm-"))).toEqual([]);
  });

  const trapUrl = (): string => {
    const address = trap.address();
    return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  };
  const renderFiles = async (files: FileChanges, helm: Record<string, unknown> = {}) => {
    await tree.commit("Files", files);
    const path = files["web/Chart.yaml"] === undefined ? "" : "web";
    return renderChart(await snapshotOf(tree), declare({ source: { path }, renderer: "helm", helm }));
  };

  test.each<[string, FileChanges, Record<string, unknown>, readonly string[]]>([
    [
      "a template that gives up",
      withTemplate('a: 1\n{{ if true }}\n  {{ fail "set the host" }}\n{{ end }}\n'),
      {},
      ["error helm-failed templates/a.yaml:3:6: set the host"],
    ],
    [
      "a value that is not there, in a named template",
      {
        "web/Chart.yaml": chart,
        "web/templates/_h.tpl": '{{ define "x" }}\n{{ .Values.a.b }}\n{{ end }}',
        "web/templates/a.yaml": 'k: {{ include "x" . }}\n',
      },
      {},
      ["error helm-failed web/templates/_h.tpl:2:11: <.Values.a.b>: nil pointer evaluating interface {}.b"],
    ],
    [
      "a template that is none",
      withTemplate("a: {{ if }}\n"),
      {},
      ["error helm-failed templates/a.yaml:1:1: missing value for if"],
    ],
    [
      "a function that runs programs or reads the environment",
      withTemplate('a: {{ env "HOME" }}\n'),
      {},
      ['error helm-failed templates/a.yaml:1:1: function "env" not defined'],
    ],
    [
      "output that is no YAML",
      withTemplate("a: b\n c: d\n"),
      {},
      [
        "error helm-failed templates/a.yaml:1:1: renders no valid YAML: line 2: mapping values are not allowed in this context (the line is one of the output)",
      ],
    ],
    [
      "values that do not fit the schema",
      {
        ...withTemplate(configMap),
        "values.schema.json": '{"properties": {"v": {"type": "string"}}, "required": ["w"]}',
      },
      { values: { v: 1 } },
      [
        "error helm-schema Chart.yaml:1:1: the values do not fit the schema of the chart web: at '': missing property 'w'; at '/v': got number, want string",
      ],
    ],
    [
      "a value file that is no YAML",
      { ...withTemplate(configMap), "values-x.yaml": "a: 1\nb: [\n" },
      { valueFiles: ["values-x.yaml"] },
      ["error helm-failed values-x.yaml:2:1: did not find expected node content"],
    ],
    [
      "values of the chart that are no YAML",
      { ...withTemplate(configMap), "values.yaml": "a: 1\nb: [\n" },
      {},
      ["error helm-failed values.yaml:2:1: did not find expected node content"],
    ],
    [
      "a value file that is missing, at its place in the application",
      withTemplate(configMap),
      { valueFiles: ["gone.yaml"] },
      ["error values-file-missing drover.yaml:14:9: there is no file gone.yaml in the repository"],
    ],
    [
      "dependencies that nobody brought",
      {
        "Chart.yaml": `${chart}dependencies:\n- name: redis\n  version: 1.0.0\n  repository: https://charts.example\n- name: lib\n  version: 1.0.0\n  repository: file://../../lib\n- { name: gone, version: 1.0.0, repository: "file://./gone" }\n`,
      },
      {},
      [
        'error helm-dependency-missing Chart.yaml:5:3: redis is not in charts/, and its repository https://charts.example is not declared (write repositories: [{ url: "https://charts.example" }] into spec.helm of the application, or run helm dependency update and commit charts/)',
        "error helm-dependency-missing Chart.yaml:8:3: the dependency lib leads out of the repository or in a circle",
        "error helm-dependency-missing Chart.yaml:11:3: there is no chart in gone, which is to be gone",
      ],
    ],
    [
      "a cluster of another version than the chart wants",
      { ...withTemplate(configMap), "Chart.yaml": `${chart}kubeVersion: ">=1.99"\n` },
      {},
      [
        "error helm-kube-version Chart.yaml:1:1: chart requires kubeVersion: >=1.99 which is incompatible with Kubernetes v1.35.0",
      ],
    ],
    [
      "a library that is no application",
      { ...withTemplate(configMap), "Chart.yaml": `${chart}type: library\n` },
      {},
      ["error helm-failed Chart.yaml:1:1: library charts are not installable"],
    ],
    [
      "the same object twice, at its templates",
      { ...withTemplate(configMap), "templates/b.yaml": configMap },
      {},
      [
        "error duplicate-object templates/b.yaml:1:1: ConfigMap default/a is declared a second time, first at templates/a.yaml:1 (remove one of the two)",
      ],
    ],
  ])("%s is told where it is", async (_title, files, helm, expected) => {
    expect(problemsOf(await renderFiles(files, helm))).toEqual(expected);
  });

  test.each(["../../../../outside", "..", "a/b", "/outside", "a\\b"])(
    "a dependency called %s is refused",
    async (name) => {
      const dependencies = `dependencies: [{ name: ${JSON.stringify(name)}, version: 1.0.0, repository: "file://../x" }]\n`;
      const rendered = await renderFiles({ "web/Chart.yaml": chart + dependencies, "x/Chart.yaml": chart });
      expect(problemsOf(rendered)).toEqual(["error helm-failed web/Chart.yaml:4:16: this is no name of a chart"]);
    },
  );

  test("a dependency takes no other chart's folder", async () => {
    const dependencies = 'dependencies: [{ name: x, version: 1.0.0, repository: "file://../x" }]\n';
    const files = { "web/Chart.yaml": chart + dependencies, "x/Chart.yaml": chart, "web/charts/x": "a file" };
    expect(problemsOf(await renderFiles(files))).toEqual([
      "error helm-dependency-missing web/Chart.yaml:4:16: charts/x is there already, and is not the chart x",
    ]);
  });

  test("links that fan out again and again are given up at once", async () => {
    await tree.write(withTemplate(configMap));
    for (let level = 0; level < 7; level += 1) {
      await mkdir(join(tree.path, `links/${level}`), { recursive: true });
      for (let link = 0; link < 20; link += 1) {
        await symlink(`../${level + 1}`, join(tree.path, `links/${level}/${link}`));
      }
    }
    await mkdir(join(tree.path, "links/7"));
    await writeFile(join(tree.path, "links/7/.keep"), "");
    await symlink("../links/0", join(tree.path, "templates/links"));
    const problems = problemsOf(await renderFiles({}));
    expect(problems.join()).toMatch(/^error helm-failed .*the chart has more than 500 folders and dependencies$/u);
  });

  test("two files that depend on each other lead in a circle", async () => {
    const dependsOn = (name: string, other: string): string =>
      `apiVersion: v2\nname: ${name}\nversion: 0.1.0\ndependencies: [{ name: ${other}, version: 0.1.0, repository: "file://../${other}" }]\n`;
    const rendered = await renderFiles({
      "web/Chart.yaml": dependsOn("web", "b"),
      "b/Chart.yaml": dependsOn("b", "web"),
    });
    expect(problemsOf(rendered).join()).toMatch(/helm-dependency-missing .*in a circle/u);
  });

  test("E12: what is rendered differently each time is named, and no password is shown", async () => {
    const rendered = await renderFiles(withTemplate(`${secret("{{ randAlphaNum 20 }}")}---\n${configMap}`));
    expect(problemsOf(rendered)).toEqual([
      "error helm-nondeterministic templates/a.yaml:1:1: Secret s is rendered differently each time at data[password] (give it in the values, or make it in the cluster and refer to it)",
    ]);
  });

  test("E12: also where values bring it in", async () => {
    const files = withTemplate(secret("{{ tpl .Values.v . }}"));
    for (const helm of [{ values: { v: "{{ uuidv4 }}" } }, { valueFiles: ["v.yaml"] }]) {
      const rendered = await renderFiles({ ...files, "v.yaml": 'v: "{{ now }}"\n' }, helm);
      expect(problemsOf(rendered).join()).toContain("helm-nondeterministic");
    }
  });

  test("chance without a part in the result is no fault, and lookup is warned of", async () => {
    const template = '{{ $now := now }}{{ $s := lookup "v1" "Secret" "a" "b" }}\n';
    const rendered = await renderFiles(withTemplate(template + secret("{{ ($s.data).password | default 1 }}")));
    expect(problemsOf(rendered)).toEqual([
      "warning helm-lookup templates/a.yaml:1:1: lookup finds nothing here: a render asks no cluster",
    ]);
    expect(rendered.manifests).toHaveLength(1);
  });

  test("helm runs a second time only where chance may have a part", async () => {
    const folder = join(tree.path, ".git", "programs");
    const runs = join(folder, "runs");
    await mkdir(folder);
    const script = `#!/bin/sh\necho run >> ${runs}\nexec ${program("helm")} "$@"\n`;
    await writeFile(join(folder, "helm"), script, { mode: 0o755 });
    const helm = createHelm({ environment: { PATH: folder, DROVER_RIG_CACHE: "/nowhere" } });
    const runsOf = async (template: string): Promise<number> => {
      await writeFile(runs, "");
      await tree.commit("Files", { ...withTemplate(template), "README.md": "{{ now }}" });
      await renderChart(await snapshotOf(tree), declare({ source: { path: "" } }), { helm });
      return (await readFile(runs, "utf8")).split("\n").length - 1;
    };
    expect(await runsOf(configMap)).toBe(1);
    expect(await runsOf(`{{/* now */}}${configMap}# randAlpha is not called\n`)).toBe(1);
    expect(await runsOf(secret("{{ uuidv4 }}"))).toBe(2);
    expect(await runsOf(secret("{{ fail `no` }}{{ uuidv4 }}"))).toBe(1);
  });

  test.each<[string, string, string]>([
    ["out of the repository", "../../../../../../etc/passwd", "leads out of the repository"],
    ["to a place of the machine", "/etc/passwd", "leads out of the repository"],
    ["to itself", "link.yaml", "leads in a circle"],
  ])("a link %s is refused", async (_title, target, message) => {
    await tree.write(withTemplate(configMap));
    await symlink(target, join(tree.path, "templates/link.yaml"));
    expect(problemsOf(await renderFiles({}))).toEqual([
      `error helm-failed templates/link.yaml:1:1: the symbolic link templates/link.yaml ${message} (links may only lead to files of the same repository)`,
    ]);
  });

  test("links inside the repository bring what they lead to", async () => {
    await tree.write({ "web/Chart.yaml": chart, "shared/a.yaml": configMap, "values/v.yaml": "v: linked\n" });
    await symlink("../shared", join(tree.path, "web/templates"));
    await symlink("../values/v.yaml", join(tree.path, "web/values.yaml"));
    const rendered = await renderFiles({ "web/Chart.yaml": chart });
    expect(problemsOf(rendered)).toEqual([]);
    expect(rendered.manifests[0]?.object["data"]).toEqual({ v: "linked" });
  });

  test("no schema is fetched from the network or the machine", async () => {
    const schema = { $ref: `${trapUrl()}/s.json`, allOf: [{ $ref: "file:///etc/passwd" }] };
    const rendered = await renderFiles({ ...withTemplate(configMap), "values.schema.json": JSON.stringify(schema) });
    expect(problemsOf(rendered).map((problem) => problem.replace(/:\d+\/s/u, "/s"))).toEqual([
      "warning helm-schema-outside values.schema.json:1:1: the values are not checked: their schema refers to http://127.0.0.1/s.json, which is not in it",
      "warning helm-schema-outside values.schema.json:1:1: the values are not checked: their schema refers to file:///etc/passwd, which is not in it",
    ]);
    expect(rendered.manifests).toHaveLength(1);
  });

  test("getHostByName and .Files find nothing outside", async () => {
    const template =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { dns: "{{ getHostByName "localhost" }}", file: "{{ .Files.Get "../../../../../../etc/passwd" }}" }\n';
    const rendered = await renderFiles(withTemplate(template));
    expect(problemsOf(rendered)).toEqual([]);
    expect(rendered.manifests[0]?.object["data"]).toEqual({ dns: "", file: "" });
  });

  test.each<[string, () => Uint8Array, RegExp]>([
    ["a bomb", () => gzipSync(Buffer.alloc(70 * 1024 * 1024)), /unpacks to more than 67108864 bytes/u],
    ["no archive", () => Buffer.from("nothing"), /is no \.tgz/u],
    ["a link", () => gzipSync(tarEntry("x/link", "2", Buffer.of())), /has a link or device at x\/link/u],
    ["a path out of it", () => gzipSync(tarEntry("../x", "0", Buffer.of())), /a file outside itself: \.\.\/x/u],
    ["an entry that is cut off", () => gzipSync(tarEntry("x", "0", Buffer.alloc(9)).subarray(0, 520)), /is cut off/u],
  ])("a packed sub-chart that is %s is refused", async (_title, bytes, message) => {
    await tree.write({ ...withTemplate(configMap), "charts/readme.txt": "" });
    await writeFile(join(tree.path, "charts/x-1.0.0.tgz"), bytes());
    const [problem, ...others] = problemsOf(await renderFiles({}));
    expect(problem).toMatch(/^error helm-failed charts\/x-1\.0\.0\.tgz:1:1: charts\/x-1\.0\.0\.tgz: the archive/u);
    expect(problem).toMatch(message);
    expect(others).toEqual([]);
  });

  test.each([
    [
      "memory",
      '{{ define "a" }}{{ range until 10000 }}xxxxxxxxxxxxxxxxxxxxxxxx{{ end }}{{ end }}a: {{ range until 100000 }}{{ include "a" . }}{{ end }}',
    ],
    ["a list without end", "a: {{ range until 1000000000 }}{{ end }}"],
  ])("%s that has no bound is refused", { timeout: 60_000 }, async (_title, template) => {
    expect(problemsOf(await renderFiles(withTemplate(template)))).toEqual([
      "error helm-failed Chart.yaml:1:1: the program needs more memory than it may have",
    ]);
  });

  test("templates that include themselves are refused, in one sentence", async () => {
    const [problem] = problemsOf(
      await renderFiles(withTemplate('{{ define "a" }}{{ include "a" . }}{{ end }}a: {{ include "a" . }}')),
    );
    expect(problem?.length).toBeLessThan(700);
    expect(problem).toMatch(/^error helm-failed/u);
  });

  test("work without end is stopped in its time, and is no fault of the revision", async () => {
    const loop =
      "{{ range $a := until 10000 }}{{ range until 10000 }}{{ range until 10000 }}{{ end }}{{ end }}{{ end }}";
    await tree.commit("Files", withTemplate(loop));
    const helm = createHelm({ environment: process.env, limits: { timeoutMs: 1000 } });
    const rendered = renderChart(await snapshotOf(tree), declare({ source: { path: "" } }), { helm });
    await expect(rendered).rejects.toMatchObject({ code: "timeout" });
  });

  test("more output than the bound is refused", async () => {
    await tree.commit("Files", withTemplate(`${configMap}# {{ repeat 100000 "x" }}\n`));
    const helm = createHelm({ environment: process.env, limits: { maxOutputBytes: 50_000 } });
    const rendered = await renderChart(await snapshotOf(tree), declare({ source: { path: "" } }), { helm });
    expect(problemsOf(rendered)).toEqual(["error helm-failed Chart.yaml:1:1: the output is more than 50000 bytes"]);
  });

  test("a name that is too long for a release asks for one", async () => {
    await tree.commit("Files", withTemplate(configMap));
    const name = "a".repeat(54);
    const rendered = await renderChart(await snapshotOf(tree), declare({ source: { path: "" } }, name));
    expect(problemsOf(rendered)[0]).toMatch(/^error helm-release-name .*\(set helm\.releaseName\)$/u);
    const named = declare({ source: { path: "" }, helm: { releaseName: "short" } }, name);
    expect(problemsOf(await renderChart(await snapshotOf(tree), named))).toEqual([]);
  });

  test("no chart where one is asked for is told at the application", async () => {
    expect(problemsOf(await renderFiles({ "a.yaml": configMap }))).toEqual([
      "error no-chart drover.yaml:1:1: there is no Chart.yaml in the root",
    ]);
  });
});
