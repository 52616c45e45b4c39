import { chartYaml, configMap, job, definition, parentAndChild, type ChartCase } from "./chart-case.ts";

/** Charts of charts. */
export const nested: Readonly<Record<string, ChartCase>> = {
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
  "globals of a parent over those of a sub-chart, and of a cluster over both": {
    files: {
      ...parentAndChild,
      "values.yaml": "global: { b: parent, c: parent }\n",
      "charts/child/values.yaml": "size: x\ncolour: x\nglobal: { a: child, b: child, c: child }\n",
    },
    layers: [{ global: { c: "cluster" } }],
    has: /map\[a:child b:parent c:cluster\]/u,
  },
  "null takes a default of a sub-chart away": {
    files: {
      ...parentAndChild,
      "values.yaml": "child: { size: null }\n",
      "charts/child/values.yaml": "size: child\ncolour: { a: 1, b: 2 }\n",
    },
    helm: { values: { child: { colour: { a: null } } } },
    has: /map\[b:2\]/u,
    hasNot: /a:1/u,
  },
  "a condition over tags": {
    files: {
      ...parentAndChild,
      "Chart.yaml": chartYaml(
        "parent",
        "dependencies: [{ name: child, version: 0.1.0, condition: 'child.none,child.enabled', tags: [back] }]\n",
      ),
      "values.yaml": "tags: { back: false }\nchild: { enabled: true, size: on }\n",
    },
    has: /"child".*"parent"/su,
  },
  "named templates across sub-charts": {
    files: {
      ...parentAndChild,
      "values.yaml": "child: { size: asked }\n",
      "charts/child/templates/_names.tpl":
        '{{- define "child.name" }}of-the-child{{ end }}\n{{- define "child.size" }}{{ .Chart.Name }}-{{ .Values.size }}{{ end }}\n',
      "charts/child/templates/c.yaml": configMap("c", 'v: "{{ include "child.name" . }} {{ include "parent.own" . }}"'),
      "templates/_names.tpl":
        '{{- define "child.name" }}of-the-parent{{ end }}\n{{- define "parent.own" }}{{ .Chart.Name }}{{ end }}\n',
      "templates/p.yaml": configMap("p", 'v: "{{ include "child.size" .Subcharts.child }}"'),
    },
    has: /of-the-parent child.*child-asked/su,
  },
  "files, definitions and hooks of a sub-chart": {
    files: {
      ...parentAndChild,
      "values.yaml": "child: { size: x }\n",
      "conf.txt": "parent\n",
      "charts/child/conf.txt": "first\nsecond\n",
      "charts/child/crds/a.yaml": definition("widgets", "Widget"),
      "charts/child/templates/c.yaml": [
        configMap("c", 'v: "{{ range .Files.Lines "conf.txt" }}<{{ . }}>{{ end }}"'),
        `apiVersion: v1\nkind: Secret\nmetadata: { name: s }\ndata:\n  {{- (.Files.Glob "*.txt").AsSecrets | nindent 2 }}\n`,
        job("before", '"helm.sh/hook": pre-install'),
      ].join("---\n"),
    },
    has: /CustomResourceDefinition.*<first><second>.*Zmlyc3QKc2Vjb25kCg==.*app-before/su,
  },
};
