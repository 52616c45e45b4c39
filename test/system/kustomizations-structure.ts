import {
  tree,
  below,
  component,
  configMap,
  widget,
  base,
  overlay,
  changed,
  type KustomizationCase,
} from "./kustomization-case.ts";

export const structure: Readonly<Record<string, KustomizationCase>> = {
  "bases upon bases": {
    files: {
      ...base,
      ...below("mid", tree({ resources: ["../base"], namePrefix: "mid-", commonAnnotations: { level: "mid" } })),
      ...below(
        "top",
        tree({
          resources: ["../mid"],
          nameSuffix: "-top",
          commonAnnotations: { level: "top" },
          patches: [
            { patch: "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { replicas: 4 }\n" },
          ],
        }),
      ),
    },
    path: "top",
    has: /"level":"top".*"name":"mid-web-top".*"replicas":4/su,
  },
  "one base twice, under two names": {
    files: {
      ...base,
      ...below("a", tree({ resources: ["../base"], nameSuffix: "-a" })),
      ...below("b", tree({ resources: ["../base"], nameSuffix: "-b" })),
      ...tree({ resources: ["a", "b"] }),
    },
    has: /"name":"web-a".*"name":"web-b"/su,
  },
  "the old field for bases": {
    files: { ...base, ...below("over", tree({ bases: ["../base"], namePrefix: "x-" })) },
    path: "over",
    has: /"x-web"/u,
  },
  "the other names of the file": {
    files: {
      ...below("a", { "kustomization.yml": "resources: [c.yaml]\n", "c.yaml": configMap("a") }),
      ...below("b", { Kustomization: "resources: [c.yaml]\n", "c.yaml": configMap("b") }),
      ...tree({ resources: ["a", "b"] }),
    },
    has: /"name":"a".*"name":"b"/su,
  },
  "components in their order": {
    files: {
      ...overlay({ components: ["../one", "../two"] }),
      ...below(
        "one",
        tree(
          { ...component, replicas: [{ name: "web", count: 2 }], resources: ["c.yaml"] },
          { "c.yaml": configMap("extra") },
        ),
      ),
      ...below(
        "two",
        tree({
          ...component,
          replicas: [{ name: "web", count: 3 }],
          patches: [{ target: { name: "extra" }, patch: "- { op: add, path: /data/two, value: 'yes' }" }],
        }),
      ),
    },
    path: "over",
    has: /"two":"yes".*"replicas":3/su,
  },
  "a component that adds to what is generated": {
    files: {
      ...overlay({ configMapGenerator: [{ name: "conf", literals: ["k=base"] }], components: ["../more"] }),
      ...below(
        "more",
        tree({ ...component, configMapGenerator: [{ name: "conf", behavior: "merge", literals: ["more=yes"] }] }),
      ),
    },
    path: "over",
    has: /"k":"base","more":"yes"/u,
  },
  "a component within a component": {
    files: {
      ...overlay({ components: ["../outer"] }),
      ...below("outer", tree({ ...component, components: ["../inner"], commonAnnotations: { outer: "yes" } })),
      ...below("inner", tree({ ...component, commonAnnotations: { inner: "yes" } })),
    },
    path: "over",
    has: /"inner":"yes","outer":"yes"/u,
  },
  "built-in transformers in files and in place": {
    files: changed(
      {
        transformers: [
          "t.yaml",
          "apiVersion: builtin\nkind: AnnotationsTransformer\nmetadata: { name: t }\nannotations: { a: b }\nfieldSpecs: [{ path: metadata/annotations, create: true }]\n",
        ],
      },
      {
        "t.yaml":
          "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: { name: p }\nprefix: only-\nfieldSpecs: [{ kind: Service, path: metadata/name }]\n---\napiVersion: builtin\nkind: ReplicaCountTransformer\nmetadata: { name: r }\nreplica: { name: web, count: 6 }\nfieldSpecs: [{ kind: Deployment, path: spec/replicas }]\n",
      },
    ),
    has: /"only-web".*"replicas":6/su,
  },
  "a namespace only where there is none": {
    files: changed(
      { resources: ["web.yaml", "c.yaml"], transformers: ["n.yaml"] },
      {
        "c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c, namespace: own }\n",
        "n.yaml":
          "apiVersion: builtin\nkind: NamespaceTransformer\nmetadata: { name: n, namespace: other }\nunsetOnly: true\n",
      },
    ),
    has: /"namespace":"own".*"namespace":"other"/su,
  },
  "references of kinds of one's own, by configurations": {
    files: tree(
      { resources: ["w.yaml", "c.yaml"], namePrefix: "pre-", configurations: ["names.yaml"] },
      {
        "w.yaml": widget("w", "conf: { name: c }, image: a"),
        "c.yaml": configMap("c"),
        "names.yaml": "nameReference: [{ kind: ConfigMap, fieldSpecs: [{ kind: Widget, path: spec/conf/name }] }]\n",
      },
    ),
    has: /"conf":\{"name":"pre-c"\}/u,
  },
  "references of kinds of one's own, by their definitions": {
    files: tree(
      { resources: ["w.yaml", "c.yaml"], namePrefix: "pre-", crds: ["crd.json"] },
      {
        "w.yaml": widget("w", "conf: { name: c }"),
        "c.yaml": configMap("c"),
        "crd.json": JSON.stringify({
          "example.org/v1.Widget": {
            Schema: {
              properties: {
                spec: { $ref: "example.org/v1.Spec" },
                kind: { type: "string" },
                apiVersion: { type: "string" },
                metadata: { $ref: "k8s.io/apimachinery/pkg/apis/meta/v1.ObjectMeta" },
              },
            },
            Dependencies: ["example.org/v1.Spec"],
          },
          "example.org/v1.Spec": {
            Schema: {
              properties: {
                conf: {
                  "x-kubernetes-object-ref-api-version": "v1",
                  "x-kubernetes-object-ref-kind": "ConfigMap",
                  type: "object",
                },
              },
            },
            Dependencies: [],
          },
        }),
      },
    ),
    has: /"conf":\{"name":"pre-c"\}/u,
  },
  "lists of kinds of one's own, merged by a schema": {
    files: tree(
      {
        resources: ["w.yaml"],
        openapi: { path: "schema.json" },
        patches: [{ patch: widget("w", "parts: [{ name: b, size: 9 }]") }],
      },
      {
        "w.yaml": widget("w", "parts: [{ name: a, size: 1 }, { name: b, size: 2 }]"),
        "schema.json": JSON.stringify({
          definitions: {
            "org.example.v1.Widget": {
              properties: {
                apiVersion: { type: "string" },
                kind: { type: "string" },
                metadata: { type: "object" },
                spec: {
                  type: "object",
                  properties: {
                    parts: {
                      type: "array",
                      items: { type: "object" },
                      "x-kubernetes-patch-merge-key": "name",
                      "x-kubernetes-patch-strategy": "merge",
                    },
                  },
                },
              },
              type: "object",
              "x-kubernetes-group-version-kind": [{ group: "example.org", kind: "Widget", version: "v1" }],
            },
          },
        }),
      },
    ),
    has: /\{"name":"a","size":1\},\{"name":"b","size":9\}|\{"name":"b","size":9\},\{"name":"a","size":1\}/u,
  },
  "lists of objects, and several documents in a file": {
    files: tree(
      { resources: ["list.yaml", "many.yaml"], namePrefix: "p-" },
      {
        "list.yaml": `apiVersion: v1\nkind: List\nitems:\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: a } }\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: b } }\n`,
        "many.yaml": `---\n${configMap("c")}---\n# nothing\n---\n${configMap("d")}`,
      },
    ),
    has: /"p-a".*"p-b".*"p-c".*"p-d"/su,
  },
  "values that YAML takes otherwise": {
    files: tree(
      { resources: ["c.yaml"], commonAnnotations: { on: "yes", octal: "0644" } },
      {
        "c.yaml": configMap(
          "c",
          "yes: 'no', exp: '1e3', oct: '0644', date: '2026-01-01', big: '12345678901234567890', text: \"a\\tb\"",
        ),
      },
    ),
    has: /"oct":"0644".*"on":"yes"/su,
  },
};
