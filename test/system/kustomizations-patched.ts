import { configMap, changed, patched, type KustomizationCase } from "./kustomization-case.ts";

export const patches: Readonly<Record<string, KustomizationCase>> = {
  "a strategic patch in a file": {
    files: patched(
      { path: "p.yaml" },
      {
        "p.yaml":
          "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { template: { spec: { containers: [{ name: web, env: [{ name: A, value: '2' }, { name: C, value: '3' }] }] } } }\n",
      },
    ),
    has: /"name":"A","value":"2".*"name":"B".*"name":"side"/u,
  },
  "a strategic patch in place that deletes": {
    files: patched({
      patch:
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, annotations: { team: null } }\nspec: { replicas: null, template: { spec: { containers: [{ name: side, $patch: delete }], volumes: [{ $patch: replace }] } } }\n",
    }),
    has: /"name":"web"/u,
    hasNot: /"replicas"|"side"|"team"/u,
  },
  "a patch that deletes an object": {
    files: patched({ patch: "apiVersion: v1\nkind: Service\nmetadata: { name: web }\n$patch: delete\n" }),
    has: /"Deployment"/u,
    hasNot: /"Service"/u,
  },
  "a JSON patch in place": {
    files: patched({
      target: { kind: "Deployment" },
      patch: JSON.stringify([
        { op: "test", path: "/spec/replicas", value: 1 },
        { op: "add", path: "/spec/template/spec/containers/0/ports/-", value: { containerPort: 81 } },
        { op: "remove", path: "/metadata/labels/app" },
        { op: "add", path: "/metadata/annotations/a~1b", value: "c" },
        { op: "copy", from: "/spec/replicas", path: "/spec/minReadySeconds" },
      ]),
    }),
    has: /"a\/b":"c".*"minReadySeconds":1.*"containerPort":81/u,
  },
  "a JSON patch in a file of YAML": {
    files: patched(
      { target: { kind: "Service", name: "web" }, path: "p.yaml" },
      { "p.yaml": "- { op: replace, path: /spec/ports/0/port, value: 8080 }\n" },
    ),
    has: /"port":8080/u,
  },
  "a patch for whatever a selector of labels finds": {
    files: patched({
      target: { labelSelector: "app in (web),!old" },
      patch: "- { op: add, path: /spec/paused, value: true }\n",
    }),
    has: /"paused":true/u,
  },
  "a patch for names by a regular expression, and annotations": {
    files: patched({
      target: { kind: "Deployment|Service", name: "w.b", annotationSelector: "team=a" },
      patch: "- { op: add, path: /spec/paused, value: true }\n",
    }),
    has: /"paused":true/u,
  },
  "a patch that renames, where it may": {
    files: changed({
      patches: [
        {
          target: { kind: "Service" },
          options: { allowNameChange: true, allowKindChange: true },
          patch: "apiVersion: v1\nkind: Endpoints\nmetadata: { name: renamed }\n",
        },
      ],
    }),
    has: /"kind":"Endpoints".*"name":"renamed"/u,
  },
  "several patches in one file": {
    files: patched(
      { path: "p.yaml" },
      {
        "p.yaml":
          "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { replicas: 7 }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { type: NodePort }\n",
      },
    ),
    has: /"type":"NodePort".*"replicas":7/su,
  },
  "the old fields for patches": {
    files: changed(
      {
        patchesStrategicMerge: ["p.yaml"],
        patchesJson6902: [{ target: { version: "v1", kind: "Service", name: "web" }, path: "j.json" }],
      },
      {
        "p.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { replicas: 5 }\n",
        "j.json": '[{"op": "add", "path": "/spec/type", "value": "NodePort"}]',
      },
    ),
    has: /"type":"NodePort".*"replicas":5/su,
  },
  "replacements, by delimiter and index, made where there is nothing": {
    files: changed({
      replacements: [
        {
          source: { kind: "Service", name: "web", fieldPath: "metadata.name" },
          targets: [
            {
              select: { kind: "Deployment" },
              fieldPaths: ["spec.template.spec.containers.[name=web].image"],
              options: { delimiter: ":", index: 0 },
            },
            {
              select: { kind: "Deployment" },
              fieldPaths: ["metadata.annotations.from-service"],
              options: { create: true },
            },
          ],
        },
      ],
    }),
    has: /"from-service":"web".*"image":"web:1\.29"/u,
  },
  "replacements in a file, that reject": {
    files: changed(
      { resources: ["web.yaml", "service.yaml", "c.yaml"], replacements: [{ path: "r.yaml" }] },
      {
        "c.yaml": configMap("source", "count: nine"),
        "r.yaml":
          "source: { kind: ConfigMap, name: source, fieldPath: data.count }\ntargets: [{ select: { name: web }, reject: [{ kind: Service }], fieldPaths: [metadata.labels.count], options: { create: true } }]\n",
      },
    ),
    has: /"labels":\{"app":"web","count":"nine"\}/u,
  },
};
