import { chartYaml, configMap, job, definition, type ChartCase } from "./chart-case.ts";

/** What templates make, and what else is in a chart. */
export const templates: Readonly<Record<string, ChartCase>> = {
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
  "templates in values, which include others": {
    files: {
      "Chart.yaml": chartYaml("tpl", "appVersion: 1.2.3\n"),
      "values.yaml":
        'labels:\n  app: "{{ include \\"tpl.name\\" . }}"\n  version: "{{ .Chart.AppVersion }}"\ninner: "{{ tpl .Values.labels.app . }}-{{ .Template.Name | base }}"\n',
      "templates/_names.tpl": '{{- define "tpl.name" }}{{ .Chart.Name }}-{{ .Release.Name }}{{ end }}\n',
      "templates/t.yaml":
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: t\n  labels: {{- tpl (toYaml .Values.labels) . | nindent 4 }}\ndata: { v: {{ tpl .Values.inner . | quote }} }\n",
    },
    has: /tpl-app-t\.yaml.*"app":"tpl-app","version":"1\.2\.3"/u,
  },
};
