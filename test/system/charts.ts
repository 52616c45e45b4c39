import type { FileChanges } from "../rig/git.ts";

/** A small chart of one claim, told as an application uses it and as a person calls Helm. */
export interface ChartCase {
  /** Below the folder of the case, where the chart is unless `chart` says otherwise. */
  readonly files: FileChanges;
  /** The chart's folder, from that of the case. */
  readonly chart?: string;
  /** `spec.helm` and what an application says besides. */
  readonly helm?: {
    readonly releaseName?: string;
    readonly valueFiles?: readonly string[];
    readonly values?: Readonly<Record<string, unknown>>;
    readonly includeCRDs?: boolean;
    readonly skipTests?: boolean;
  };
  /** Values of one cluster. */
  readonly layers?: readonly Readonly<Record<string, unknown>>[];
  readonly kubeVersion?: string;
  readonly apiVersions?: readonly string[];
  /** Has to be in the objects, so that a case cannot pass by rendering nothing of its claim. */
  readonly has: RegExp;
  readonly hasNot?: RegExp;
}

const chartYaml = (name: string, rest = ""): string => `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n${rest}`;

/** A ConfigMap whose data are lines of a template. */
const configMap = (name: string, ...lines: readonly string[]): string =>
  [`apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "${name}" }\ndata:`, ...lines].join("\n  ") + "\n";

const job = (name: string, ...annotations: readonly string[]): string => `apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-${name}"
  annotations: { ${annotations.join(", ")} }
spec: { template: { spec: { restartPolicy: Never, containers: [{ name: main, image: "registry.example/job:1" }] } } }
`;

const definition = (plural: string, kind: string): string => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${plural}.example.org }
spec:
  group: example.org
  names: { kind: ${kind}, plural: ${plural} }
  scope: Namespaced
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
`;

const precedence = {
  "Chart.yaml": chartYaml("web"),
  "values.yaml": "map: { a: chart, b: chart, c: chart, d: chart, e: chart }\nlist: [1, 2, 3]\n",
  "one.yaml": "map: { b: one, c: one, d: one, e: one }\n",
  "two.yaml": "map: { c: two, d: two, e: two }\n",
  "templates/a.yaml": configMap(
    "a",
    "map: {{ toJson .Values.map | quote }}",
    "list: {{ toJson .Values.list | quote }}",
  ),
};

const numbers = configMap(
  "n",
  'int: "{{ .Values.int }}"',
  'exact: "{{ int64 .Values.int }}"',
  'million: "{{ .Values.million }}"',
  'exponent: "{{ .Values.exponent }}"',
  'half: "{{ .Values.half }}"',
  'negative: "{{ .Values.negative }}"',
  "all: {{ toJson .Values | quote }}",
);

const parentAndChild = {
  "Chart.yaml": chartYaml("parent", "dependencies: [{ name: child, version: 0.1.0, condition: child.enabled }]\n"),
  "charts/child/Chart.yaml": chartYaml("child"),
  "charts/child/values.yaml": "size: child\ncolour: child\n",
  "charts/child/templates/c.yaml": configMap(
    "child",
    'v: "{{ .Values.size }} {{ .Values.colour }} {{ .Values.global }}"',
  ),
  "templates/p.yaml": configMap("parent", 'v: "{{ .Values.child.size }}"'),
};

export const charts: Readonly<Record<string, ChartCase>> = {
  "values of a sub-chart and globals": {
    files: { ...parentAndChild, "values.yaml": "global: { env: test }\nchild: { size: parent }\n" },
    has: /parent child map\[env:test\]/u,
  },
  "a condition that is false": {
    files: { ...parentAndChild, "values.yaml": "child: { enabled: false, size: x }\n" },
    has: /"parent"/u,
    hasNot: /"child"/u,
  },
  "tags that switch off": {
    files: {
      ...parentAndChild,
      "Chart.yaml": chartYaml("parent", "dependencies: [{ name: child, version: 0.1.0, tags: [back] }]\n"),
      "values.yaml": "tags: { back: false }\nchild: { size: x }\n",
    },
    has: /"parent"/u,
    hasNot: /"child"/u,
  },
  "values of the chart, of files in their order, of the application and of a cluster": {
    files: precedence,
    helm: { valueFiles: ["one.yaml", "./two.yaml"], values: { map: { d: "app", e: "app" } } },
    layers: [{ map: { e: "cluster" } }],
    has: /chart.*one.*two.*app.*cluster/u,
  },
  "null takes a key away, a list replaces": {
    files: precedence,
    helm: { values: { map: { a: null, b: {} }, list: [9] } },
    has: /"\[9\]"/u,
    hasNot: /\\"a\\"/u,
  },
  "a value file elsewhere in the repository": {
    files: { ...precedence, "values/prod.yaml": "map: { a: prod }\n" },
    helm: { valueFiles: ["/shared/values.yaml", "values/../values/prod.yaml", "../shared/values-2.yaml"] },
    has: /prod.*shared.*shared-2/u,
  },
  hooks: {
    files: {
      "Chart.yaml": chartYaml("hooks"),
      "templates/h.yaml": [
        job("before", '"helm.sh/hook": "pre-install,pre-upgrade"', '"helm.sh/hook-weight": "-5"'),
        job("after", '"helm.sh/hook": post-install', '"helm.sh/hook-delete-policy": hook-succeeded'),
        configMap("a", "k: v"),
      ].join("---\n"),
      "templates/tests/t.yaml": job("check", '"helm.sh/hook": test'),
    },
    has: /after.*before.*check/su,
  },
  "no tests where none are wanted": {
    files: {
      "Chart.yaml": chartYaml("hooks"),
      "templates/h.yaml": job("before", '"helm.sh/hook": pre-install'),
      "templates/tests/t.yaml": job("check", '"helm.sh/hook": test'),
    },
    helm: { skipTests: true },
    has: /before/u,
    hasNot: /check/u,
  },
  "definitions in crds": {
    files: {
      "Chart.yaml": chartYaml("crds"),
      "crds/a.yaml": `${definition("widgets", "Widget")}---\n${definition("gadgets", "Gadget")}`,
      "templates/w.yaml": "apiVersion: example.org/v1\nkind: Widget\nmetadata: { name: w }\n",
    },
    has: /gadgets.*widgets.*"Widget"/su,
  },
  "definitions that are left to others": {
    files: {
      "Chart.yaml": chartYaml("crds"),
      "crds/a.yaml": definition("widgets", "Widget"),
      "templates/w.yaml": "apiVersion: example.org/v1\nkind: Widget\nmetadata: { name: w }\n",
    },
    helm: { includeCRDs: false },
    has: /"Widget"/u,
    hasNot: /CustomResourceDefinition/u,
  },
  "files of the chart": {
    files: {
      "Chart.yaml": chartYaml("files"),
      "conf/a.ini": "[a]\nkey = {{ value }}\n",
      "conf/b.ini": "b: ü\n",
      "ignored.txt": "no",
      ".helmignore": "ignored.txt\n",
      "templates/f.yaml": `${configMap("f", 'one: {{ .Files.Get "conf/a.ini" | quote }}', 'ignored: {{ .Files.Get "ignored.txt" | quote }}')}  {{- (.Files.Glob "conf/*.ini").AsConfig | nindent 2 }}\n`,
    },
    has: /key = \{\{ value \}\}.*"ignored":""/su,
  },
  tpl: {
    files: {
      "Chart.yaml": chartYaml("tpl"),
      "values.yaml": 'text: "{{ .Values.who }} at {{ .Release.Name }}"\nwho: me\n',
      "templates/t.yaml": configMap("t", "v: {{ tpl .Values.text . | quote }}"),
    },
    has: /me at app/u,
  },
  "named templates": {
    files: {
      "Chart.yaml": chartYaml("named"),
      "templates/_helpers.tpl":
        '{{- define "named.labels" -}}\napp: {{ .Chart.Name }}\nrelease: {{ .Release.Name | trunc 63 }}\n{{- end }}\n',
      "templates/n.yaml":
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: labels\n  labels:\n    {{- include "named.labels" . | nindent 4 }}\n',
    },
    has: /"app":"named","release":"app"/u,
  },
  "a library chart": {
    files: {
      "Chart.yaml": chartYaml("user", "dependencies: [{ name: lib, version: 0.1.0 }]\n"),
      "charts/lib/Chart.yaml": chartYaml("lib", "type: library\n"),
      "charts/lib/templates/_map.tpl": `{{- define "lib.map" }}\n${configMap("from-lib", "k: {{ .Values.k | quote }}")}{{- end }}\n`,
      "values.yaml": "k: value\n",
      "templates/u.yaml": '{{ include "lib.map" . }}\n',
    },
    has: /from-lib.*/u,
  },
  "the cluster's version and kinds": {
    files: {
      "Chart.yaml": chartYaml("caps", 'kubeVersion: ">=1.20.0-0"\n'),
      "templates/c.yaml": configMap(
        "c",
        'version: "{{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.Minor }}"',
        'widget: "{{ .Capabilities.APIVersions.Has "example.org/v1/Widget" }}"',
        'gadget: "{{ .Capabilities.APIVersions.Has "example.org/v1/Gadget" }}"',
      ),
    },
    kubeVersion: "v1.27.3",
    apiVersions: ["example.org/v1/Widget", "example.org/v1"],
    has: /"gadget":"false".*v1\.27\.3 27.*"widget":"true"/u,
  },
  "a schema that the values fit": {
    files: {
      "Chart.yaml": chartYaml("schema"),
      "values.schema.json":
        '{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"$ref": "#/definitions/n"}}, "definitions": {"n": {"type": "integer"}}}',
      "values.yaml": "a: 1\n",
      "templates/s.yaml": configMap("s", 'a: "{{ .Values.a }}"'),
    },
    has: /"a":"1"/u,
  },
  notes: {
    files: {
      "Chart.yaml": chartYaml("notes"),
      "templates/NOTES.txt": "Thank you for installing {{ .Chart.Name }}.\napiVersion: v1\n",
      "templates/n.yaml": configMap("n", "k: v"),
    },
    has: /"n"/u,
    hasNot: /Thank/u,
  },
  "range over maps": {
    files: {
      "Chart.yaml": chartYaml("range"),
      "values.yaml": "env: { zeta: 1, alpha: two, mid: true }\nempty: {}\n",
      "templates/r.yaml": configMap(
        "r",
        "{{- range $key, $value := .Values.env }}",
        "{{ $key }}: {{ $value | quote }}",
        "{{- end }}",
        "{{- range .Values.empty }}",
        "never: x",
        "{{- else }}",
        "none: x",
        "{{- end }}",
      ),
    },
    has: /"alpha":"two","mid":"true","none":"x","zeta":"1"/u,
  },
  "big numbers of a file": {
    files: {
      "Chart.yaml": chartYaml("numbers"),
      "values.yaml": "int: 9007199254740991\nmillion: 1000000\nexponent: 1e6\nhalf: 0.5\nnegative: -12345678\n",
      "templates/n.yaml": numbers,
    },
    has: /"exact":"9007199254740991"/u,
  },
  "big numbers of the application": {
    files: { "Chart.yaml": chartYaml("numbers"), "templates/n.yaml": numbers },
    helm: {
      values: { int: 9_007_199_254_740_991, million: 1_000_000, exponent: 1e6, half: 0.5, negative: -12_345_678 },
    },
    has: /"exact":"9007199254740991"/u,
  },
  "characters that YAML takes otherwise": {
    files: {
      "Chart.yaml": chartYaml("characters"),
      "templates/c.yaml": configMap(
        "c",
        "text: {{ .Values.text | b64enc | quote }}",
        "raw: {{ .Values.text | quote }}",
      ),
    },
    helm: { values: { text: "ü 🐑 :#\n'\"%{{ x }}\t" } },
    has: /🐑/u,
  },
  "quoted booleans": {
    files: {
      "Chart.yaml": chartYaml("booleans"),
      "values.yaml": 'plain: yes\nquoted: "yes"\ntext: "true"\nflag: true\n',
      "templates/b.yaml": configMap(
        "b",
        "plain: {{ .Values.plain | quote }}",
        "quoted: {{ .Values.quoted | quote }}",
        'kinds: "{{ kindOf .Values.text }} {{ kindOf .Values.flag }} {{ kindOf .Values.quoted }}"',
        "kept: 'on'",
      ),
    },
    has: /"kept":"on","kinds":"string bool string"/u,
  },
  "sub-charts of sub-charts": {
    files: {
      "Chart.yaml": chartYaml("top"),
      "values.yaml": "global: { g: top }\nmid: { own: from-top, low: { own: low-from-top } }\n",
      "charts/mid/Chart.yaml": chartYaml("mid"),
      "charts/mid/values.yaml": "own: mid\nlow: { own: low-from-mid, second: low-from-mid }\n",
      "charts/mid/templates/m.yaml": configMap("mid", 'v: "{{ .Values.own }} {{ .Values.global.g }}"'),
      "charts/mid/charts/low/Chart.yaml": chartYaml("low"),
      "charts/mid/charts/low/values.yaml": "own: low\nsecond: low\nthird: low\n",
      "charts/mid/charts/low/templates/l.yaml": configMap(
        "low",
        'v: "{{ .Values.own }} {{ .Values.second }} {{ .Values.third }} {{ .Values.global.g }}"',
      ),
    },
    has: /low-from-top low-from-mid low top.*from-top top/su,
  },
  "import-values": {
    files: {
      "Chart.yaml": chartYaml(
        "importer",
        "dependencies: [{ name: child, version: 0.1.0, import-values: [data, { child: default, parent: mine }] }]\n",
      ),
      "charts/child/Chart.yaml": chartYaml("child"),
      "charts/child/values.yaml": "exports: { data: { exported: yes-it-is } }\ndefault: { x: 1 }\n",
      "templates/i.yaml": configMap("i", 'v: "{{ .Values.exported }} {{ .Values.mine.x }}"'),
    },
    has: /yes-it-is 1/u,
  },
  "empty documents": {
    files: {
      "Chart.yaml": chartYaml("empty"),
      "templates/a.yaml": `---\n---\n# nothing\n---\n{{ if false }}\n${configMap("never", "k: v")}{{ end }}\n---\n${configMap("a", "k: v")}---\n`,
      "templates/b.yaml": "{{- if false }}\nkind: x\n{{- end }}\n",
    },
    has: /"a"/u,
    hasNot: /never/u,
  },
  "lists of objects": {
    files: {
      "Chart.yaml": chartYaml("lists"),
      "templates/l.yaml":
        "apiVersion: v1\nkind: List\nitems:\n{{- range until 3 }}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: { name: m-{{ . }} }\n{{- end }}\n",
    },
    has: /m-0.*m-1.*m-2/su,
  },
  aliases: {
    files: {
      ...parentAndChild,
      "Chart.yaml": chartYaml(
        "parent",
        "dependencies: [{ name: child, version: 0.1.0, alias: one }, { name: child, version: 0.1.0, alias: two }]\n",
      ),
      "values.yaml": "child: {}\none: { size: first }\ntwo: { size: second }\n",
      "charts/child/templates/c.yaml": configMap("{{ .Chart.Name }}", 'v: "{{ .Values.size }}"'),
    },
    has: /first.*second/su,
  },
  "a chart of the first generation": {
    files: {
      ...parentAndChild,
      "Chart.yaml": "apiVersion: v1\nname: parent\nversion: 0.1.0\n",
      "requirements.yaml": "dependencies: [{ name: child, version: 0.1.0, repository: 'https://charts.example' }]\n",
      "values.yaml": "child: { size: parent }\n",
    },
    has: /parent child/u,
  },
  "the name of the release": {
    files: {
      "Chart.yaml": chartYaml("release"),
      "templates/r.yaml": configMap(
        "{{ .Release.Name }}",
        'v: "{{ .Release.Namespace }} {{ .Release.Service }} {{ .Release.IsInstall }} {{ .Release.Revision }}"',
      ),
    },
    helm: { releaseName: "other.name" },
    has: /shop Helm true 1.*"other\.name"/u,
  },
  "a dependency elsewhere in the repository": {
    chart: "app",
    files: {
      "app/Chart.yaml": chartYaml(
        "app",
        "dependencies: [{ name: common, version: 0.1.0, repository: 'file://../common' }]\n",
      ),
      "app/values.yaml": "common: { v: from-app }\n",
      "common/Chart.yaml": chartYaml(
        "common",
        "dependencies: [{ name: base, version: 0.1.0, repository: 'file://../base' }]\n",
      ),
      "common/templates/c.yaml": configMap("c", 'v: "{{ .Values.v }}"'),
      "base/Chart.yaml": chartYaml("base"),
      "base/templates/b.yaml": configMap("base", "v: base"),
    },
    has: /"base".*from-app/su,
  },
};

/** Beside the charts, for those that read it. */
export const sharedFiles: FileChanges = {
  "shared/values.yaml": "map: { b: shared, a: shared }\n",
  "shared/values-2.yaml": "map: { c: shared-2 }\n",
};
