import {
  configMap,
  account,
  rights,
  scaler,
  ingress,
  widget,
  overlay,
  changed,
  type KustomizationCase,
} from "./kustomization-case.ts";

export const fields: Readonly<Record<string, KustomizationCase>> = {
  "an image by tag": { files: changed({ images: [{ name: "nginx", newTag: "1.30" }] }), has: /nginx:1\.30/u },
  "an image by digest": {
    files: changed({ images: [{ name: "side", digest: `sha256:${"0".repeat(64)}` }] }),
    has: /side@sha256:0/u,
  },
  "an image by another name, also of a registry with a port": {
    files: changed({
      images: [
        { name: "registry.example:5000/tools/init", newName: "mirror/init" },
        { name: "nginx", newName: "mirror/nginx", newTag: "2" },
      ],
    }),
    has: /mirror\/nginx:2.*mirror\/init:1/u,
  },
  "names with a prefix and a suffix, and what refers to them": {
    files: changed(
      { resources: ["web.yaml", "service.yaml", "conf.yaml", "more.yaml"], namePrefix: "pre-", nameSuffix: "-suf" },
      { "conf.yaml": configMap("conf"), "more.yaml": [account, rights, scaler, ingress].join("---\n") },
    ),
    has: /"name":"pre-conf-suf"/u,
  },
  "a namespace for what has one, and in what refers to it": {
    files: changed(
      { resources: ["web.yaml", "service.yaml", "more.yaml"], namespace: "new" },
      { "more.yaml": `${account}---\n${rights}` },
    ),
    has: /"namespace":"new"/u,
    hasNot: /"namespace":"default"/u,
  },
  "labels beside selectors": {
    files: changed({ labels: [{ pairs: { env: "prod" } }] }),
    has: /"labels":\{"app":"web","env":"prod"\}/u,
    hasNot: /"matchLabels":\{"app":"web","env"/u,
  },
  "labels in selectors and templates": {
    files: changed({
      labels: [
        { pairs: { env: "prod" }, includeSelectors: true },
        { pairs: { only: "template" }, includeTemplates: true },
      ],
    }),
    has: /"matchLabels":\{"app":"web","env":"prod"\}/u,
  },
  "labels at fields of one's own": {
    files: changed(
      {
        resources: ["w.yaml"],
        labels: [{ pairs: { env: "prod" }, fields: [{ path: "spec/tags", kind: "Widget", create: true }] }],
      },
      { "w.yaml": widget("w", "size: 1") },
    ),
    has: /"tags":\{"env":"prod"\}/u,
  },
  "labels of all, the old way": {
    files: changed({ commonLabels: { owner: "me" } }),
    has: /"matchLabels":\{"app":"web","owner":"me"\}/u,
  },
  "annotations of all": {
    files: changed({ commonAnnotations: { note: "yes", team: "b" } }),
    has: /"note":"yes","team":"b"/u,
  },
  "replicas by name": { files: changed({ replicas: [{ name: "web", count: 0 }] }), has: /"replicas":0/u },
  "where objects come from": {
    files: overlay({ buildMetadata: ["originAnnotations", "transformerAnnotations"], namePrefix: "a-" }),
    path: "over",
    has: /config\.kubernetes\.io\/origin/u,
  },
  "an order of one's own": {
    files: changed({
      sortOptions: { order: "legacy", legacySortOptions: { orderFirst: ["Service"], orderLast: ["Deployment"] } },
    }),
    has: /"Service".*"Deployment"/u,
  },
  "variables, the old way": {
    files: changed({
      resources: ["web.yaml", "service.yaml"],
      vars: [
        {
          name: "SERVICE",
          objref: { kind: "Service", name: "web", apiVersion: "v1" },
          fieldref: { fieldpath: "metadata.name" },
        },
      ],
      namePrefix: "pre-",
      patches: [
        {
          target: { kind: "Deployment" },
          patch: '- { op: add, path: /spec/template/spec/containers/1/args, value: ["--to=$(SERVICE)"] }\n',
        },
      ],
    }),
    has: /--to=pre-web/u,
  },
};
