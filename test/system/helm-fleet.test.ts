import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";

const waiting = { timeout: 60_000, interval: 50 };
const application = (greeting: string): string => `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: shop }
spec:
  source: { path: ./chart }
  helm:
    valueFiles: [values-prod.yaml]
    values: { greeting: ${greeting} }
---
`;
const files = {
  "apps/shop/drover.yaml": application("first") + placement("shop", { fleet: "all" }),
  "apps/shop/chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
  "apps/shop/chart/values-prod.yaml": "from: file\n",
  "apps/shop/chart/templates/hook.yaml": `apiVersion: batch/v1
kind: Job
metadata: { name: "{{ .Release.Name }}-migrate", annotations: { "helm.sh/hook": pre-install } }
spec: { template: { spec: { restartPolicy: Never, containers: [{ name: main, image: "job:missing" }] } } }
`,
  "apps/shop/chart/templates/check.yaml": `apiVersion: v1
kind: Pod
metadata: { name: check, annotations: { "helm.sh/hook": test } }
spec: { containers: [{ name: main, image: "job:missing" }] }
`,
  "apps/shop/chart/templates/map.yaml": `apiVersion: v1
kind: ConfigMap
metadata: { name: "{{ .Release.Name }}" }
data: { greeting: "{{ .Values.greeting }}", from: "{{ .Values.from }}" }
`,
};

describeWithRig(
  "helm",
  "kubectl",
  "git",
)("an application with a chart", () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await startFleet({ servers: "embedded", clusters: { "dev-1": { fleet: "all" } }, files });
  });
  afterAll(() => fleet[Symbol.asyncDispose]());
  const get = (object: string) => fleet.cluster("dev-1").get("default", object);

  it("is applied on a cluster, its hook runs once, and a change of values reaches it", async () => {
    await vi.waitFor(async () => expect(await get("job/shop-migrate")).toBeDefined(), waiting);
    expect(await get("configmap/shop")).toBeUndefined();
    const now = new Date().toISOString();
    const condition = { type: "Complete", status: "True", lastProbeTime: now, lastTransitionTime: now };
    const status = JSON.stringify({ status: { startTime: now, completionTime: now, conditions: [condition] } });
    await fleet
      .cluster("dev-1")
      .run("patch", "job/shop-migrate", "--subresource=status", "--type=merge", "--patch", status);
    await vi.waitFor(
      async () => expect((await get("configmap/shop"))?.data).toEqual({ greeting: "first", from: "file" }),
      waiting,
    );
    const run = (await get("job/shop-migrate"))?.metadata.uid;
    const commit = await fleet.tree.commit("Greet again", {
      "apps/shop/drover.yaml": application("second") + placement("shop", { fleet: "all" }),
    });
    await fleet.settle(commit, ["shop@dev-1"]);
    expect((await get("configmap/shop"))?.data).toEqual({ greeting: "second", from: "file" });
    expect((await get("job/shop-migrate"))?.metadata.uid).toBe(run);
    expect(await get("pod/check")).toBeUndefined();
  });

  it("keeps what runs when a template is broken, and says where", async () => {
    const broken = "data: {{ .Values.none.gone }}\n";
    await fleet.tree.commit("Break it", { "apps/shop/chart/templates/map.yaml": broken });
    await vi.waitFor(async () => {
      const { problems } = await fleet.client.applications.get("shop", AbortSignal.timeout(10_000));
      const at = expect.objectContaining({ file: "apps/shop/chart/templates/map.yaml", line: 1 });
      expect(problems).toContainEqual(expect.objectContaining({ code: "helm-failed", at }));
    }, waiting);
    expect((await get("configmap/shop"))?.data).toEqual({ greeting: "second", from: "file" });
  });
});

const chartOf = (name: string, more: string): string => `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n${more}`;
const everywhere = (name: string): string => `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: ${name} }
spec: { source: { path: ./chart } }
---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: ${name} }
spec: { applications: [${name}], selector: {} }
`;
/** One that is told of the cluster, and one that wants a version which not every cluster has. */
const looking = {
  "apps/told/drover.yaml": everywhere("told"),
  "apps/told/chart/Chart.yaml": chartOf("told", ""),
  "apps/told/chart/templates/map.yaml": `apiVersion: v1
kind: ConfigMap
metadata: { name: told }
data:
  version: {{ .Capabilities.KubeVersion.Version }}
  widgets: {{ .Capabilities.APIVersions.Has "example.org/v1/Widget" | quote }}
`,
  "apps/wants/drover.yaml": everywhere("wants"),
  "apps/wants/chart/Chart.yaml": chartOf("wants", 'kubeVersion: ">=1.32.0-0"\n'),
  "apps/wants/chart/templates/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: wants }\n",
};
const widgets = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.org }
spec:
  group: example.org
  scope: Namespaced
  names: { plural: widgets, kind: Widget }
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
`;

describeWithRig(
  "helm",
  "kubectl",
  "git",
)("a chart whose values overrides give", () => {
  let fleet: Fleet;
  const names = ["eu-1", "eu-2", "us-1"];
  const chart = "apps/shop/chart";
  const overridden = (us: string): string => `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: shop }
spec: { source: { path: ./chart }, helm: { values: { list: [a, b], image: { name: web, tag: "1" }, old: here } } }
---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: shop }
spec:
  applications: [shop]
  selector: {}
  overrides:
    - selector: { matchLabels: { region: eu } }
      helm: { values: { size: 3, list: [c], image: { tag: "2" }, old: null } }
    - selector: { matchLabels: { region: us } }
      helm: { values: ${us} }
`;
  beforeAll(async () => {
    fleet = await startFleet({
      servers: "embedded",
      clusters: { "eu-1": { region: "eu" }, "eu-2": { region: "eu" }, "us-1": { region: "us" } },
      versions: { "eu-1": "v1.34.1", "eu-2": "v1.34.1", "us-1": "v1.31.2" },
      files: {
        ...looking,
        "apps/shop/drover.yaml": overridden('{ size: 5, note: "${cluster.name}" }'),
        [`${chart}/Chart.yaml`]: "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
        [`${chart}/templates/map.yaml`]: `apiVersion: v1
kind: ConfigMap
metadata: { name: shop }
data:
  size: {{ required "size is needed" .Values.size | quote }}
  list: {{ join "," .Values.list | quote }}
  image: "{{ .Values.image.name }}:{{ .Values.image.tag }}"
  old: {{ .Values.old | default "gone" | quote }}
  note: {{ .Values.note | default "" | quote }}
`,
      },
    });
  });
  afterAll(() => fleet[Symbol.asyncDispose]());
  const dataOn = async (name: string) => (await fleet.cluster(name).get("default", "configmap/shop"))?.data;
  const eu = { size: "3", list: "c", image: "web:2", old: "gone", note: "" };
  const us = { size: "5", list: "a,b", image: "web:1", old: "here", note: "us-1" };

  it("is rendered for each set of them: deep, null deletes, lists replace, variables are filled in", async () => {
    await vi.waitFor(async () => expect(await Promise.all(names.map(dataOn))).toEqual([eu, eu, us]), waiting);
    await vi.waitFor(async () => {
      const targets = (await fleet.targets()).filter(({ app }) => app === "shop");
      expect(targets.map(({ state }) => state)).toEqual(["current", "current", "current"]);
    }, waiting);
  });

  it("keeps what runs on the clusters whose values it does not take, and changes the others", async () => {
    await fleet.tree.commit("no size for us", {
      "apps/shop/drover.yaml": overridden('{ note: "new" }').replace("size: 3", "size: 4"),
    });
    await vi.waitFor(async () => expect(await dataOn("eu-2")).toEqual({ ...eu, size: "4" }), waiting);
    expect(await dataOn("us-1")).toEqual(us);
    const { conditions } = await fleet.client.applications.get("shop", AbortSignal.timeout(10_000));
    expect(conditions.find(({ type }) => type === "Placed")).toMatchObject({
      status: "False",
      message: expect.stringMatching(/^us-1: .*size is needed/u),
    });
  });

  const toldOn = async (name: string) => (await fleet.cluster(name).get("default", "configmap/told"))?.data;

  it("is rendered for the version and the APIs of each cluster that it looks at", async () => {
    const [eu, us] = ["v1.34.1", "v1.31.2"].map((version) => ({ version, widgets: "false" }));
    await vi.waitFor(async () => expect(await Promise.all(names.map(toldOn))).toEqual([eu, eu, us]), waiting);
    const cluster = fleet.cluster("eu-1");
    expect(await cluster.kubectl(["apply", "-f", "-"], { stdin: widgets })).toMatchObject({ code: 0 });
    await cluster.run("wait", "--for=condition=Established", "crd/widgets.example.org");
    // An agent looks again each minute, and when it starts.
    await cluster.agent.stop();
    cluster.agent.start();
    await vi.waitFor(async () => expect((await toldOn("eu-1"))?.["widgets"]).toBe("true"), waiting);
    expect(await Promise.all(["eu-2", "us-1"].map(toldOn))).toEqual([eu, us]);
  });

  it("is refused for the clusters alone whose version it does not want", async () => {
    const { problems, conditions } = await fleet.client.applications.get("wants", AbortSignal.timeout(10_000));
    expect(problems.map(({ code }) => code)).toEqual(["helm-kube-version"]);
    expect(conditions.find(({ type }) => type === "Placed")).toMatchObject({
      status: "False",
      message: expect.stringMatching(/^us-1: .*incompatible with Kubernetes v1\.31\.2/u),
    });
    await vi.waitFor(async () => {
      const targets = (await fleet.targets()).filter(({ app }) => app === "wants");
      expect(targets.map(({ cluster, state }) => `${cluster} ${state}`)).toEqual(["eu-1 current", "eu-2 current"]);
    }, waiting);
  });
});
