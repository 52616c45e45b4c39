import { inputs, type HostileInput } from "./corpus.fixture.ts";

type Files = Readonly<Record<string, string>>;

const resource = (text: string): Files => ({ "kustomization.yaml": `resources: [${JSON.stringify(text)}]\n` });

/** Kustomizations, as far as the hub looks at them before the program runs; the program is asked in the system suite. */
export const kustomizationInputs: readonly HostileInput<Files>[] = inputs<Files>([
  ["a base over https", resource("https://git.example/a//b?ref=v1"), "document_invalid"],
  ["a base over ssh", resource("ssh://git@git.example/a"), "document_invalid"],
  ["a base of SCP", resource("git@git.example:a/b"), "document_invalid"],
  ["a base of git's own protocol", resource("git::https://git.example/a"), "document_invalid"],
  ["a base of a host", resource("github.com/a/b"), "document_invalid"],
  ["a base with a ref", resource("a/b?ref=main"), "document_invalid"],
  ["a base of a file", resource("file:///etc"), "document_invalid"],
  ["a file of metadata", resource("http://169.254.169.254/latest/meta-data"), "document_invalid"],
  ["a file of the hub itself", resource("http://127.0.0.1:8080/"), "document_invalid"],
  ["a way out", resource("../../etc"), "document_invalid"],
  ["a way out, later", resource("a/../../../etc"), "document_invalid"],
  ["a place of the machine", resource("/etc/passwd"), "document_invalid"],
  ["a NUL", resource("a\0b"), "document_invalid"],
  [
    "a Helm chart",
    { "kustomization.yaml": "helmCharts: [{ name: a, repo: 'https://charts.example' }]" },
    "document_invalid",
  ],
  [
    "a Helm chart, the old way",
    { "kustomization.yaml": "helmChartInflationGenerator: [{ chartName: a }]" },
    "document_invalid",
  ],
  [
    "a Helm chart in a base",
    { "kustomization.yaml": "resources: [b]", "b/kustomization.yaml": "helmCharts: [{ name: a }]" },
    "document_invalid",
  ],
  ["a remote component", { "kustomization.yaml": "components: ['https://git.example/a']" }, "document_invalid"],
  ["a remote transformer", { "kustomization.yaml": "transformers: ['https://git.example/a']" }, "document_invalid"],
  ["a remote generator", { "kustomization.yaml": "generators: ['https://git.example/a']" }, "document_invalid"],
  ["a remote validator", { "kustomization.yaml": "validators: ['https://git.example/a']" }, "document_invalid"],
  ["remote definitions", { "kustomization.yaml": "crds: ['https://git.example/a']" }, "document_invalid"],
  ["remote configurations", { "kustomization.yaml": "configurations: ['https://git.example/a']" }, "document_invalid"],
  ["a remote patch", { "kustomization.yaml": "patches: [{ path: 'https://git.example/a' }]" }, "document_invalid"],
  [
    "a remote patch, the old way",
    { "kustomization.yaml": "patchesJson6902: [{ path: 'https://git.example/a' }]" },
    "document_invalid",
  ],
  [
    "a remote replacement",
    { "kustomization.yaml": "replacements: [{ path: 'https://git.example/a' }]" },
    "document_invalid",
  ],
  ["a remote schema", { "kustomization.yaml": "openapi: { path: 'https://git.example/a' }" }, "document_invalid"],
  [
    "a remote file of a Secret",
    { "kustomization.yaml": "secretGenerator: [{ name: a, files: ['a=https://git.example/a'] }]" },
    "document_invalid",
  ],
  [
    "a remote environment",
    { "kustomization.yaml": "configMapGenerator: [{ name: a, envs: ['https://git.example/a'] }]" },
    "document_invalid",
  ],
  [
    "an environment, the old way",
    { "kustomization.yaml": "configMapGenerator: [{ name: a, env: /etc/passwd }]" },
    "document_invalid",
  ],
  [
    "a circle",
    {
      "a/kustomization.yaml": "resources: [../b]",
      "b/kustomization.yaml": "resources: [../a]",
      "kustomization.yaml": "resources: [a]",
    },
    "accepted",
  ],
  [
    "500 bases in a row",
    Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [
        index === 0 ? "kustomization.yaml" : `b${index}/kustomization.yaml`,
        `resources: [${index === 0 ? "" : "../"}b${index + 1}]`,
      ]).concat([["b500/kustomization.yaml", "resources: []"]]),
    ),
    "accepted",
  ],
  ["resources that are a map", { "kustomization.yaml": "resources: { a: b }" }, "accepted"],
  ["resources that are maps", { "kustomization.yaml": "resources: [{ a: b }, 1, null]" }, "accepted"],
  ["generators that are texts", { "kustomization.yaml": "configMapGenerator: [a, 1, null]" }, "accepted"],
  ["a document that is a list", { "kustomization.yaml": "[a, b]" }, "accepted"],
  ["no YAML", { "kustomization.yaml": "{{{" }, "accepted"],
  [
    "a bomb",
    {
      "kustomization.yaml": `a: &a [x]\n${Array.from({ length: 30 }, (_, index) => `b${index}: &b${index} [${index === 0 ? "*a, *a" : `*b${index - 1}, *b${index - 1}`}]`).join("\n")}`,
    },
    "accepted",
  ],
  [
    "keys that are built in",
    { "kustomization.yaml": '"__proto__": { resources: [/etc] }\nconstructor: { prototype: {} }\n' },
    "accepted",
  ],
]);

const chart = "apiVersion: v2\nname: web\nversion: 0.1.0\n";
const depends = (name: string, repository: string): Files => ({
  "Chart.yaml": `${chart}dependencies: [{ name: ${JSON.stringify(name)}, version: 1.0.0, repository: ${JSON.stringify(repository)} }]\n`,
});

/** Charts, as far as the hub looks at them before Helm runs. */
export const chartInputs: readonly HostileInput<Files>[] = inputs<Files>([
  ["a dependency of a server", depends("a", "https://charts.example"), "helm-dependency-missing"],
  ["a dependency of metadata", depends("a", "http://169.254.169.254/"), "helm-dependency-missing"],
  ["a dependency of a registry", depends("a", "oci://registry.example/a"), "helm-dependency-missing"],
  ["a dependency of an alias", depends("a", "@private"), "helm-dependency-missing"],
  ["a dependency that leads out", depends("a", "file://../../.."), "helm-dependency-missing"],
  ["a dependency of the machine", depends("a", "file:///etc"), "helm-dependency-missing"],
  ["a dependency that is the chart itself", depends("web", "file://."), "helm-dependency-missing"],
  ["a dependency called ..", depends("..", "file://./x"), "document_invalid"],
  ["a dependency called by a path", depends("../../x", "file://./x"), "document_invalid"],
  ["a dependency called by a path of Windows", depends("..\\x", "file://./x"), "document_invalid"],
  ["a dependency with a NUL", depends("a\0b", "file://./x"), "document_invalid"],
  ["a dependency called __proto__", depends("__proto__", "file://./x"), "helm-dependency-missing"],
  ["a dependency called constructor", depends("constructor", "https://charts.example"), "helm-dependency-missing"],
  ["dependencies that are a map", { "Chart.yaml": `${chart}dependencies: { a: b }\n` }, "accepted"],
  ["dependencies that are texts", { "Chart.yaml": `${chart}dependencies: [a, 1, null]\n` }, "accepted"],
  [
    "1,000 dependencies",
    {
      "Chart.yaml": `${chart}dependencies:\n${Array.from({ length: 1000 }, (_, index) => `- { name: d${index}, version: 1.0.0, repository: "file://x" }`).join("\n")}\n`,
    },
    "input_too_large",
  ],
  [
    "10,001 files",
    {
      "Chart.yaml": chart,
      ...Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`templates/${index}.yaml`, ""])),
    },
    "input_too_large",
  ],
  ["no YAML", { "Chart.yaml": "{{{" }, "accepted"],
  ["a chart that is a list", { "Chart.yaml": "[a]" }, "accepted"],
]);
