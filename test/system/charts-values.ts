import { chartYaml, configMap, type ChartCase } from "./chart-case.ts";

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

/** What values come to. */
export const values: Readonly<Record<string, ChartCase>> = {
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
  "a list of maps, of the application and then of a cluster": {
    files: {
      "Chart.yaml": chartYaml("ports"),
      "values.yaml": "ports: [{ name: http, port: 80, extra: { a: b } }, { name: metrics, port: 9090 }]\n",
      "templates/s.yaml":
        'apiVersion: v1\nkind: Service\nmetadata: { name: s }\nspec:\n  ports:\n    {{- range $i, $p := .Values.ports }}\n    - { name: "{{ $p.name }}-{{ $i }}", port: {{ $p.port }} }\n    {{- end }}\n',
    },
    helm: { values: { ports: [{ name: "web", port: 8080 }] } },
    layers: [
      {
        ports: [
          { name: "cluster", port: 1 },
          { name: "again", port: 2 },
        ],
      },
    ],
    has: /"cluster-0","port":1.*"again-1","port":2/u,
    hasNot: /http|metrics|web/u,
  },
};
