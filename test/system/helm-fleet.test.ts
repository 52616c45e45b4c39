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
      files: {
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
    const targets = await fleet.targets();
    expect(targets.map(({ state }) => state)).toEqual(["current", "current", "current"]);
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
});
