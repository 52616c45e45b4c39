import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { startChartRepository, type ChartRepository } from "../rig/chart-repository.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { packageChart, packFiles, registryUser, startRegistry, type Registry } from "../rig/registry.ts";
import { temporaryFolder, type TemporaryFolder } from "../rig/watchdog.ts";
import { configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";

const waiting = { timeout: 60_000, interval: 50 };
const soon = AbortSignal.timeout(300_000);
const template = `apiVersion: v1
kind: ConfigMap
metadata: { name: "{{ .Release.Name }}" }
data: { version: "{{ .Chart.Version }}", greeting: "{{ .Values.greeting }}" }
`;

describeWithRig(
  "helm",
  "kubectl",
  "git",
  "docker-registry",
)("applications whose source is outside of Git", () => {
  let fleet: Fleet;
  let registry: Registry;
  let repository: ChartRepository;
  let charts: TemporaryFolder;
  const publish = async (name: string, version: string): Promise<void> => {
    const folder = join(charts.path, `${name}-${version}`);
    await mkdir(folder);
    const archive = await packageChart(folder, { name, version }, { "templates/map.yaml": template });
    await (name === "web" ? repository.publish(archive) : registry.pushChart(archive, "charts"));
  };
  const pushFiles = async (v: string): Promise<string> =>
    registry.pushArtifact("shop", "v1", await packFiles({ "map.yaml": configMap("files", { v }) }));
  const declare = (greeting: string): string => {
    const helm = `helm: { values: { greeting: ${greeting} } }`;
    const applications = [
      ["web", `chart: { repository: "${repository.url}", name: web, version: 1.x, interval: 1s }`, helm],
      ["api", `chart: { repository: "${registry.url}/charts", name: api, version: 1.x, interval: 1s }`, helm],
      ["files", `artifact: { repository: "${registry.url}/shop", tag: v1, interval: 1s }`, "renderer: plain"],
      ["poison", `chart: { repository: "${repository.url}/poison", name: web, version: 1.x, interval: 1s }`, helm],
    ] as const;
    return applications
      .map(([name, source, how]) => application(name, source, how) + placement(name, { fleet: "all" }))
      .join("---\n");
  };
  beforeAll(async () => {
    charts = await temporaryFolder("fleet-charts");
    [registry, repository] = await Promise.all([startRegistry(), startChartRepository()]);
    await publish("web", "1.0.0");
    await publish("api", "1.0.0");
    await pushFiles("1");
    const index = 'apiVersion: v1\nentries:\n  web:\n  - version: 1.0.0\n    urls: ["../web-1.0.0.tgz"]\n';
    repository.answer("/poison/index.yaml", (response) => response.end(`${index}    digest: ${"a".repeat(64)}\n`));
    fleet = await startFleet({
      servers: "embedded",
      clusters: { "dev-1": { fleet: "all" } },
      files: { "drover.yaml": declare("first") },
    });
  });
  afterAll(async () => {
    for (const part of [fleet, registry, repository, charts]) await part[Symbol.asyncDispose]();
  });

  const dataOf = async (name: string) => (await fleet.cluster("dev-1").get("default", `configmap/${name}`))?.data;
  const becomes = async (name: string, data: Readonly<Record<string, string>>): Promise<void> =>
    vi.waitFor(async () => expect(await dataOf(name)).toEqual(data), waiting);
  const target = async (name: string) => (await fleet.targets()).find(({ app }) => app === name);
  const fetched = async (name: string) =>
    (await fleet.client.applications.get(name, soon)).conditions.find(({ type }) => type === "Fetched");

  it("are applied, and say their version and digest where a commit is said", async () => {
    await becomes("web", { version: "1.0.0", greeting: "first" });
    await becomes("api", { version: "1.0.0", greeting: "first" });
    await becomes("files", { v: "1" });
    await vi.waitFor(async () => expect((await target("api"))?.state).toBe("current"), waiting);
    expect((await target("api"))?.appliedRevision).toMatch(/^1\.0\.0@sha256:[0-9a-f]{64}$/u);
    expect(await fleet.client.applications.get("web", soon)).toMatchObject({
      revision: expect.stringMatching(/^1\.0\.0@sha256:[0-9a-f]{7}$/u),
      source: `${repository.url}/web`,
      state: "current",
    });
  });

  it("do not run when their content is not what was announced, which stops no other", async () => {
    await vi.waitFor(
      async () => expect(await fetched("poison")).toMatchObject({ status: "False", reason: "digest_mismatch" }),
      waiting,
    );
    expect(await target("poison")).toBeUndefined();
  });

  it("cost a repository no index that it has sent already", async () => {
    const statuses = () => repository.requests.filter(({ path }) => path === "/index.yaml").map(({ status }) => status);
    await vi.waitFor(() => expect(statuses().length).toBeGreaterThan(2), waiting);
    expect(statuses().slice(0, 3)).toEqual([200, 304, 304]);
  });

  it("follow a new version in their range, and a moved tag, without a commit", async () => {
    await publish("web", "1.1.0");
    await publish("api", "1.1.0");
    await publish("api", "2.0.0");
    await pushFiles("2");
    await becomes("web", { version: "1.1.0", greeting: "first" });
    await becomes("api", { version: "1.1.0", greeting: "first" });
    await becomes("files", { v: "2" });
  });

  it("stay as they are while nobody answers, say so, and take what Git changes, after a restart of the hub too", async () => {
    await repository.takeDown();
    await registry.takeDown();
    for (const name of ["web", "api", "files"]) {
      await vi.waitFor(
        async () => expect(await fetched(name)).toMatchObject({ status: "False", reason: "source_unreachable" }),
        waiting,
      );
    }
    expect(await dataOf("api")).toEqual({ version: "1.1.0", greeting: "first" });
    await fleet.hub.kill();
    fleet.hub.start();
    await fleet.hub.ready();
    await fleet.tree.commit("Greet again", { "drover.yaml": declare("second") });
    await becomes("web", { version: "1.1.0", greeting: "second" });
    await becomes("api", { version: "1.1.0", greeting: "second" });
    expect(await dataOf("files")).toEqual({ v: "2" });
    await repository.bringUp();
    await registry.bringUp();
    await publish("web", "1.2.0");
    await becomes("web", { version: "1.2.0", greeting: "second" });
    await vi.waitFor(async () => expect(await fetched("web")).toMatchObject({ status: "True" }), waiting);
  });

  it("stay as they are when their repository is emptied", async () => {
    repository.answer("/index.yaml", (response) => response.end("apiVersion: v1\nentries: {}\n"));
    await vi.waitFor(
      async () => expect(await fetched("web")).toMatchObject({ status: "False", reason: "source_ref_missing" }),
      waiting,
    );
    expect(await dataOf("web")).toEqual({ version: "1.2.0", greeting: "second" });
    expect((await target("web"))?.state).toBe("current");
  });

  it("ask once for all that name the same, however many they are", async () => {
    repository.answer("/index.yaml", undefined);
    await publish("web", "1.3.0");
    const names = ["a", "b", "c"];
    const source = `chart: { repository: "${repository.url}/once", name: web, version: 1.x, interval: 24h }`;
    const applications = names.map((name) => application(name, source) + placement(name, { fleet: "all" }));
    await fleet.tree.commit("Thrice", { "drover.yaml": applications.join("---\n") });
    for (const name of names) await becomes(name, { version: "1.3.0", greeting: "third" });
    const asked = repository.requests.map(({ path }) => path).filter((path) => path.startsWith("/once/"));
    // Not even that, when an archive with the same digest is here already.
    expect(asked.filter((path) => path.endsWith(".tgz")).length).toBeLessThan(2);
    expect(asked.filter((path) => !path.endsWith(".tgz"))).toEqual(["/once/index.yaml"]);
  });

  it("of a registry that asks who reads come with a credential, and stay when it is wrong or goes", async () => {
    await using locked = await startRegistry({ auth: true });
    const source = `chart: { repository: "${locked.url}/charts", name: api, version: 1.x, interval: 24h, credential: team }`;
    const api = async (version: string): Promise<void> =>
      locked.pushChart(join(charts.path, `api-${version}`, `api-${version}.tgz`), "charts");
    await api("1.0.0");
    await fleet.tree.commit("Private", {
      "private.yaml": application("private", source) + placement("private", { fleet: "all" }),
    });
    const refused = { status: "False", reason: "source_auth" };
    const untilFetched = async (expected: object): Promise<void> =>
      vi.waitFor(async () => expect(await fetched("private")).toMatchObject(expected), waiting);
    await untilFetched({ ...refused, message: expect.stringContaining("drover credential add team") });
    await fleet.client.credentials.add({ name: "team", for: locked.url, ...registryUser }, soon);
    await becomes("private", { version: "1.0.0", greeting: "third" });
    expect((await fleet.client.credentials.get("team", soon)).usedBy).toEqual(["app/private"]);

    await api("1.1.0");
    await fleet.client.credentials.replace(
      "team",
      { for: locked.url, ...registryUser, password: "s3cret-guess" },
      soon,
    );
    await untilFetched(refused);
    await fleet.client.credentials.replace("team", { for: locked.url, ...registryUser }, soon);
    await becomes("private", { version: "1.1.0", greeting: "third" });
    await fleet.client.credentials.remove("team", soon);
    await untilFetched({ ...refused, message: expect.stringContaining("there is no credential named team") });
    expect(await dataOf("private")).toEqual({ version: "1.1.0", greeting: "third" });
    expect((await target("private"))?.state).toBe("current");
    expect(JSON.stringify(await fleet.client.events.list({ limit: 500 }, soon))).not.toContain("s3cret-guess");
  });
});

function application(name: string, source: string, how = "helm: { values: { greeting: third } }"): string {
  return `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: ${name} }
spec: { source: { ${source} }, ${how} }
---
`;
}
