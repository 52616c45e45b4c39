import type { BlameResult } from "@drover/shared/api/explanations";
import { describe, expect, test } from "vitest";

import type { ChartRequest } from "../render/chart.ts";
import { targetOf, type BlameCase } from "./blame.fixture.ts";
import { blame } from "./index.ts";

const clusters = `apiVersion: drover.dev/v1alpha1
kind: Cluster
metadata:
  name: prod-1
  labels:
    env: prod
spec:
  vars:
    domain: example.org
`;
const application = `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: shop }
spec:
  source: { path: app }
  namespace: shop
  substitute: true
`;
const placement = (overrides: string): string => `${application}---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: everywhere }
spec:
  applications: [shop]
  selector: {}
  overrides:
${overrides}`;

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  strategy: { type: RollingUpdate }
  template:
    spec:
      containers:
        - name: main
          image: nginx:1.29
          args: [a, b]
          ports:
            - containerPort: 80
          env:
            - name: URL
              value: "https://\${cluster.vars.domain}/"
            - name: KEPT
              value: x
`;

const files = (overrides: string, more: Readonly<Record<string, string>> = {}) => ({
  "clusters.yaml": clusters,
  "drover.yaml": placement(overrides),
  "app/web.yaml": deployment,
  ...more,
});
const first = "    - selector: {}\n";

/** `file:line part ← variable file:line`, as people read it. */
function originOf({ fields }: BlameResult, path: string): string {
  const field = fields.find((one) => one.path === path);
  if (field === undefined) return `no ${path}, but ${fields.map((one) => one.path).join(" ")}`;
  const { origin, variables } = field;
  const place = origin.at === undefined ? "" : `${origin.at.file}:${origin.at.line}`;
  const filled = variables.map(({ name, kind, at }) => ` ← ${name} ${kind}${at === undefined ? "" : ` ${at.line}`}`);
  return [origin.kind, place, origin.part ?? ""].filter((text) => text !== "").join(" ") + filled.join("");
}

const originIn = async (given: BlameCase, path: string, object = "deployment/web"): Promise<string> =>
  originOf(await blame(targetOf(given), { object }), path);

const containers = "spec.template.spec.containers[name=main]";

test.each<[what: string, overrides: string, path: string, origin: string]>([
  ["a field of a file has its line", "", "spec.replicas", "manifest app/web.yaml:6"],
  ["an item of a list has its own", "", `${containers}.env[name=KEPT].value`, "manifest app/web.yaml:20"],
  ["a default is Drover's", "", `${containers}.ports[containerPort=80,protocol=TCP].protocol`, "drover"],
  [
    "a namespace that the object names not is the application's",
    "",
    "metadata.namespace",
    "application drover.yaml:6 namespace",
  ],
  [
    "or an override's",
    `${first}      namespace: "shop-\${cluster.labels.env}"\n`,
    "metadata.namespace",
    "override drover.yaml:17 namespace",
  ],
  [
    "a variable has where its value is from",
    "",
    `${containers}.env[name=URL].value`,
    "manifest app/web.yaml:18 ← cluster.vars.domain cluster 9",
  ],
  [
    "the variables of an override come over those of the cluster",
    `${first}      vars:\n        domain: other\n`,
    `${containers}.env[name=URL].value`,
    "manifest app/web.yaml:18 ← cluster.vars.domain override 18",
  ],
  [
    "a strategic patch has the line of the field",
    `${first}      patches:\n        - target: { kind: Deployment }\n          strategic:\n            spec:\n              template:\n                spec:\n                  priorityClassName: high\n                  containers:\n                    - name: main\n                      image: other\n`,
    `${containers}.image`,
    "override drover.yaml:26 patches[0]",
  ],
  [
    "and leaves their origin to the items that it does not name",
    `${first}      patches:\n        - target: { kind: Deployment }\n          strategic: { spec: { template: { spec: { containers: [{ name: main, env: [{ name: NEW, value: y }] }] } } } }\n`,
    `${containers}.env[name=KEPT].value`,
    "manifest app/web.yaml:20",
  ],
  [
    "a merge patch replaces a list whole",
    `${first}      patches:\n        - target: { kind: Deployment }\n          merge: { spec: { template: { spec: { containers: [{ name: main, image: other }] } } } }\n`,
    `${containers}.image`,
    "override drover.yaml:19 patches[0]",
  ],
  [
    "a JSON patch has the line of its operation",
    `${first}      patches:\n        - target: { kind: Deployment }\n          json:\n            - { op: test, path: /spec/replicas, value: 2 }\n            - { op: replace, path: /spec/strategy/type, value: Recreate }\n`,
    "spec.strategy.type",
    "override drover.yaml:21 patches[0]",
  ],
  [
    "what is put before an item of a list leaves it as it was",
    `${first}      patches:\n        - target: { kind: Deployment }\n          json: [{ op: add, path: /spec/template/spec/containers/0/args/0, value: new }]\n`,
    `${containers}.args[1]`,
    "manifest app/web.yaml:13",
  ],
  [
    "images",
    `${first}      images:\n        - { name: none, newTag: "1" }\n        - { name: nginx, newTag: "1.30" }\n`,
    `${containers}.image`,
    "override drover.yaml:19 images[1]",
  ],
  [
    "replicas, with the default of a variable",
    `${first}      replicas:\n        - name: web\n          count: "\${cluster.vars.size:-3}"\n`,
    "spec.replicas",
    "override drover.yaml:19 replicas[0] ← cluster.vars.size default",
  ],
  [
    "labels",
    `${first}      labels:\n        a: b\n        env: "\${cluster.labels.env}"\n`,
    "metadata.labels[env]",
    "override drover.yaml:19 labels ← cluster.labels.env cluster 6",
  ],
  [
    "annotations",
    `${first}      annotations:\n        a: "\${cluster.name}"\n`,
    "metadata.annotations[a]",
    "override drover.yaml:18 annotations ← cluster.name name",
  ],
  [
    "the last override wins",
    `${first}      labels: { a: b }\n${first}      labels: { a: c }\n`,
    "metadata.labels[a]",
    "override drover.yaml:19 labels",
  ],
  [
    "one that sets what was so already sets nothing",
    `${first}      replicas: [{ name: web, count: 2 }]\n`,
    "spec.replicas",
    "manifest app/web.yaml:6",
  ],
  [
    "one for other clusters sets nothing",
    "    - selector: { matchLabels: { env: dev } }\n      labels: { a: b }\n",
    "metadata.labels[a]",
    expect.stringMatching(/^no metadata/u),
  ],
])("%s", async (_what, overrides, path, origin) => {
  const written = overrides === "" ? `${first}      vars: { unused: 1 }\n` : overrides;
  expect(await originIn({ files: files(written) }, path)).toEqual(origin);
});

test.each([
  ["a person", { labels: { tier: "gold" } }, "tier", "hub"],
  ["its agent", { labels: { "facts.drover.dev/nodes": "3" } }, "facts.drover.dev/nodes", "fact"],
  ["nobody", {}, "tier", "missing"],
])("a label that a cluster has from %s says so", async (_who, given, key, kind) => {
  const overrides = `${first}      annotations: { a: "\${cluster.labels.${key}}" }\n`;
  const result = await blame(targetOf({ files: files(overrides), given: { "prod-1": given } }), {
    object: "deploy/web",
  });
  expect(originOf(result, "metadata.annotations[a]")).toBe(
    `override drover.yaml:17 annotations ← cluster.labels.${key} ${kind}`,
  );
  expect(result.problems.map(({ code }) => code)).toEqual(kind === "missing" ? ["variable-missing"] : []);
});

test("a Secret is masked wherever it is from, and its texts are found where they are written", async () => {
  const secret =
    'apiVersion: v1\nkind: Secret\nmetadata: { name: key }\nstringData:\n  a: "hidden-${cluster.name}"\n  b: |\n    hidden\n';
  const overrides = `${first}      patches:\n        - target: { kind: Secret }\n          merge: { stringData: { c: hidden } }\n`;
  const result = await blame(targetOf({ files: files(overrides, { "app/key.yaml": secret }) }), {
    object: "secret/key",
  });
  expect(result.value["data"]).toEqual({ a: "***(hidden)", b: "***(hidden)", c: "***(hidden)" });
  expect(["a", "b", "c"].map((key) => originOf(result, `data[${key}]`))).toEqual([
    "manifest app/key.yaml:5 ← cluster.name name",
    "manifest app/key.yaml:6",
    "override drover.yaml:19 patches[0]",
  ]);
  expect(JSON.stringify(result)).not.toContain(Buffer.from("hidden").toString("base64").replace(/=+$/u, ""));
});

test("an item of a List and a document after another have their own lines", async () => {
  const list = `kind: ConfigMap
apiVersion: v1
metadata: { name: one }
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: { name: two }
    data:
      a: b
`;
  const given = { files: files(`${first}      vars: { unused: 1 }\n`, { "app/list.yaml": list }) };
  expect(await originIn(given, "data[a]", "configmaps/two")).toBe("manifest app/list.yaml:12");
  expect(await originIn(given, "kind", "cm/one")).toBe("manifest app/list.yaml:1");
});

describe("kustomize", () => {
  const kustomized = {
    "clusters.yaml": clusters,
    "drover.yaml": placement(`${first}      labels: { a: b }\n`),
    "app/kustomization.yaml": "resources: [../base]\nimages: [{ name: nginx, newTag: '1.30' }]\n",
    "app/patch.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { replicas: 7 }\n",
    "base/web.yaml": deployment,
  };
  const kustomize = deployment.replace("nginx:1.29", "nginx:1.30").replace("replicas: 2", "replicas: 7");
  test.each([
    ["spec.strategy.type", "kustomize base/web.yaml:7"],
    ["spec.replicas", "kustomize app/patch.yaml:4"],
    ["metadata.name", "kustomize base/web.yaml:4"],
    [`${containers}.image`, "kustomize app/kustomization.yaml:1"],
    [`${containers}.env[name=URL].value`, "kustomize base/web.yaml:18 ← cluster.vars.domain cluster 9"],
    ["metadata.labels[a]", "override drover.yaml:17 labels"],
  ])("%s is %s", async (path, origin) => {
    expect(await originIn({ files: kustomized, kustomize }, path)).toBe(origin);
  });
});

describe("a chart", () => {
  const charted = {
    "clusters.yaml": clusters,
    "drover.yaml": placement(
      `${first}      helm:\n        values:\n          theme: dark\n          tag: "\${cluster.vars.domain}"\n`,
    ).replace(
      "  namespace: shop",
      "  namespace: shop\n  helm:\n    valueFiles: [prod.yaml]\n    values:\n      size: large",
    ),
    "app/Chart.yaml": "name: shop",
    "app/prod.yaml": "mode: fast",
  };
  const helm = ({ valueFiles, values }: ChartRequest): string => {
    const all = Object.assign({ tag: "1", size: "small", theme: "light" }, ...values) as Record<string, string>;
    const data = { ...all, fixed: "yes", mode: valueFiles.length > 0 ? "fast" : "slow", tag: `v${all["tag"]}` };
    const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "map" }, data };
    return `---\n# Source: shop/templates/map.yaml\n${JSON.stringify(map)}\n`;
  };
  test.each([
    ["data[fixed]", "chart shop/templates/map.yaml:1"],
    ["data[mode]", "chart app/prod.yaml:1 helm.valueFiles[0]"],
    ["data[size]", "application drover.yaml:10 helm.values"],
    ["data[theme]", "override drover.yaml:23 helm.values"],
    ["data[tag]", "override drover.yaml:22 helm.values"],
  ])("%s is %s", async (path, origin) => {
    expect(await originIn({ files: charted, helm }, path, "cm/map")).toBe(origin);
  });

  test("that cannot be rendered without its values is of its template", async () => {
    const strict = (request: ChartRequest): string => (request.values.length > 1 ? helm(request) : "a: [");
    expect(await originIn({ files: charted, helm: strict }, "data[theme]", "cm/map")).toBe(
      "chart shop/templates/map.yaml:1",
    );
  });
});

test.each([
  ["deployment/wbe", undefined, 'did you mean "deployment/web"?'],
  ["deploy/web", "shpo", "there is Deployment.apps shop/web"],
  ["deployment", undefined, "write KIND/NAME, such as deployment/web"],
])("%s in %s: %s", async (object, namespace, hint) => {
  const target = targetOf({ files: files(`${first}      labels: { a: b }\n`) });
  await expect(blame(target, { object, namespace })).rejects.toMatchObject({ hint });
});

test("an object of another application is said to be that one's, and two of a name are told apart", async () => {
  const key = { group: "", kind: "ConfigMap", namespace: "other", name: "map" };
  const twin = `${deployment}---\n${deployment.replace("name: web", "name: web\n  namespace: other")}`;
  const target = targetOf({
    files: files(`${first}      labels: { a: b }\n`, { "app/web.yaml": twin }),
    others: [{ app: "search", keys: [key] }],
  });
  await expect(blame(target, { object: "cm/map" })).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining("search has it"),
  });
  await expect(blame(target, { object: "deploy/web" })).rejects.toMatchObject({
    message: "deploy/web is Deployment.apps shop/web or Deployment.apps other/web",
  });
  const { object } = await blame(target, { object: "deployments.apps/web", namespace: "other" });
  expect(object).toBe("Deployment.apps other/web");
});

test("what cannot be rendered says why, with its place", async () => {
  const target = targetOf({
    files: files(`${first}      labels: { a: b }\n`, {
      "app/web.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
    }),
  });
  await expect(blame(target, { object: "deploy/web" })).rejects.toMatchObject({
    code: "render_failed",
    at: { file: "app/web.yaml" },
  });
});
