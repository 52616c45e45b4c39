import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { packageKey } from "@drover/hub/core/package";
import { createPackages, type FetchedPackage, type Packages } from "@drover/hub/source/published/packages";
import type { Credential } from "@drover/hub/source/web/credential";
import { DroverError } from "@drover/shared/errors";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { breakOff, endless, listen, startChartRepository, type ChartRepository } from "../rig/chart-repository.ts";
import { mustRun } from "../rig/command.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { program } from "../rig/programs.ts";
import { packageChart, packFiles, registryUser, startRegistry, type Registry } from "../rig/registry.ts";
import { temporaryFolder, type TemporaryFolder } from "../rig/watchdog.ts";
import { declare, objectsOf, problemsOf, renderChart } from "./chart-render.ts";
import { drover } from "./cli.ts";
import { configMap, placement } from "./fixtures.ts";
import { rigNetworks } from "./rig-networks.ts";

const signal = AbortSignal.timeout(300_000);
const template = `apiVersion: v1
kind: ConfigMap
metadata: { name: "{{ .Release.Name }}", namespace: "{{ .Release.Namespace }}" }
data: { version: "{{ .Chart.Version }}", greeting: "{{ .Values.greeting }}", from: "{{ .Values.from }}" }
`;
const chartFiles = {
  "values.yaml": "greeting: hello\nfrom: chart\n",
  "values-prod.yaml": "from: prod\n",
  "templates/map.yaml": template,
};
const login: Credential = { ...registryUser, ca: "", clientCertificate: "", clientKey: "" };

describeWithRig(
  "helm",
  "git",
  "docker-registry",
)("charts and artifacts outside of Git", () => {
  let registry: Registry;
  let locked: Registry;
  let repository: ChartRepository;
  let charts: TemporaryFolder;
  let packages: Packages;
  let cache: string;
  let runs = 0;
  const archive = async (name: string, version: string, files: Readonly<Record<string, string>> = chartFiles) => {
    const folder = join(charts.path, String((runs += 1)));
    await mkdir(folder);
    return packageChart(folder, { name, version }, files);
  };
  beforeAll(async () => {
    charts = await temporaryFolder("charts");
    [registry, locked, repository] = await Promise.all([
      startRegistry(),
      startRegistry({ auth: true }),
      startChartRepository(),
    ]);
    const podinfo = await Promise.all(["6.5.0", "6.5.1", "7.0.0-rc.1"].map((version) => archive("podinfo", version)));
    await repository.publish(...podinfo);
    for (const one of podinfo) await registry.pushChart(one, "charts");
    await locked.pushChart(podinfo[1] ?? "", "charts");
  });
  afterAll(async () => {
    for (const part of [registry, locked, repository, charts]) await part[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    cache = join(charts.path, `cache-${(runs += 1)}`);
    packages = open();
  });

  const open = (options: Partial<Parameters<typeof createPackages>[0]> = {}): Packages =>
    createPackages({
      folder: cache,
      networks: rigNetworks,
      credentialFor: (name, url) => (name === "known" && url.startsWith(locked.url) ? login : undefined),
      ...options,
    });
  const applicationOf = (source: Readonly<Record<string, unknown>>, helm?: object) =>
    declare({ source, namespace: "shop", ...(helm === undefined ? {} : { helm }) });
  const refOf = (source: Readonly<Record<string, unknown>>) => {
    const ref = applicationOf(source).source.package;
    if (ref === undefined) throw new Error("this is no package");
    return ref;
  };
  const chart = (repositoryUrl: string, change: Readonly<Record<string, unknown>> = {}) => ({
    chart: { repository: repositoryUrl, name: "podinfo", version: "6.x", ...change },
  });
  const fetchOf = async (source: Readonly<Record<string, unknown>>, from = packages): Promise<FetchedPackage> =>
    from.fetch(refOf(source), signal);
  const failureOf = async (source: Readonly<Record<string, unknown>>, from = packages): Promise<DroverError> => {
    const cause: unknown = await fetchOf(source, from).catch((error: unknown) => error);
    if (cause instanceof DroverError) return cause;
    throw new Error(`it did not fail as it should: ${String(cause)}`);
  };

  test.each([
    ["http", () => repository.url, []],
    ["oci", () => `${registry.url}/charts`, ["--plain-http"]],
  ])("a chart over %s renders as a person's helm renders it from there", async (_name, url, flags) => {
    const source = chart(url());
    const helm = { valueFiles: ["values-prod.yaml"], values: { greeting: "hi" } };
    const { snapshot, revision } = await fetchOf(source);
    const rendered = await renderChart(snapshot, applicationOf(source, helm));
    expect(problemsOf(rendered)).toEqual([]);
    const folder = join(cache, "..", `pulled-${(runs += 1)}`);
    const from = url().startsWith("oci:") ? [`${url()}/podinfo`] : ["podinfo", `--repo=${url()}`];
    const version = ["--version=6.x"];
    const env = { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder };
    await mustRun(program("helm"), ["pull", ...from, ...version, ...flags, "--untar", `--untardir=${folder}`], { env });
    await writeFile(join(folder, "values.yaml"), "greeting: hi\n");
    const values = [`--values=${folder}/podinfo/values-prod.yaml`, `--values=${folder}/values.yaml`];
    const printed = await mustRun(
      program("helm"),
      ["template", "app", ...from, ...version, ...flags, ...values, "--namespace=shop"],
      { env },
    );
    expect(rendered.manifests.map(({ object }) => object)).toEqual(objectsOf(printed));
    expect(rendered.manifests[0]?.object["data"]).toEqual({ version: "6.5.1", greeting: "hi", from: "prod" });
    expect(rendered.manifests[0]?.at?.file).toBe("podinfo/templates/map.yaml");
    expect(revision).toMatch(/^6\.5\.1@sha256:[0-9a-f]{64}$/u);
  });

  test("an exact version, a pre-release and a digest name just that", async () => {
    const oci = `${registry.url}/charts`;
    expect((await fetchOf(chart(oci, { version: "6.5.0" }))).revision).toMatch(/^6\.5\.0@/u);
    expect((await fetchOf(chart(repository.url, { version: "6.5.0" }))).revision).toMatch(/^6\.5\.0@/u);
    expect((await fetchOf(chart(oci, { version: ">=7.0.0-0" }))).revision).toMatch(/^7\.0\.0-rc\.1@/u);
    const digest = (await fetchOf(chart(oci))).revision.split("@")[1];
    expect((await fetchOf({ chart: { repository: oci, name: "podinfo", digest } })).revision).toBe(digest);
  });

  test("an artifact is rendered as files of Git are, and its moved tag is followed", async () => {
    const push = async (v: string) =>
      registry.pushArtifact("manifests/shop", "v1", await packFiles({ "deploy/map.yaml": configMap("shop", { v }) }));
    const source = { artifact: { repository: `${registry.url}/manifests/shop`, tag: "v1", path: "./deploy" } };
    const first = await push("1");
    const { snapshot, revision } = await fetchOf(source);
    expect(revision).toBe(`v1@${first}`);
    const rendered = await renderChart(snapshot, applicationOf(source));
    expect(rendered.manifests.map(({ object, at }) => [object["data"], at?.file])).toEqual([
      [{ v: "1" }, "shop/deploy/map.yaml"],
    ]);
    const second = await push("2");
    expect((await fetchOf(source)).revision).toBe(`v1@${second}`);
    const pinned = { artifact: { repository: `${registry.url}/manifests/shop`, digest: first } };
    expect(new TextDecoder().decode(await (await fetchOf(pinned)).snapshot.read("shop/deploy/map.yaml"))).toContain(
      "1",
    );
  });

  test("a registry that asks gets the credential of that name, and nothing else does", async () => {
    const source = chart(`${locked.url}/charts`, { credential: "known" });
    expect((await fetchOf(source)).revision).toMatch(/^6\.5\.1@/u);
    expect(await failureOf(chart(`${locked.url}/charts`))).toMatchObject({ code: "source_auth" });
    expect(await failureOf(chart(`${locked.url}/charts`, { credential: "other" }))).toMatchObject({
      code: "source_auth",
      message: expect.stringContaining("there is no credential named other"),
    });
    const wrong = open({ credentialFor: () => ({ ...login, password: "s3cret-guess" }) });
    const error = await failureOf(source, wrong);
    expect(error).toMatchObject({ code: "source_auth" });
    expect(JSON.stringify([error.message, error.hint, error.stack])).not.toContain("s3cret-guess");
  });

  test("a chart that brings its dependencies in charts/ renders; one that does not says what is missing", async () => {
    const metadata = (name: string): string =>
      `apiVersion: v2\nname: ${name}\nversion: 1.0.0\ndependencies: [{ name: podinfo, version: 6.5.1, repository: "${repository.url}" }]\n`;
    const folder = join(charts.path, "umbrella");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "Chart.yaml"), metadata("umbrella"));
    const env = { HELM_CACHE_HOME: `${folder}-cache`, HELM_CONFIG_HOME: `${folder}-cache` };
    await mustRun(program("helm"), ["package", folder, "--dependency-update", `--destination=${charts.path}`], { env });
    await repository.publish(join(charts.path, "umbrella-1.0.0.tgz"));
    const source = chart(repository.url, { name: "umbrella", version: "1.0.0" });
    const rendered = await renderChart((await fetchOf(source)).snapshot, applicationOf(source));
    expect(problemsOf(rendered)).toEqual([]);
    expect(rendered.manifests[0]?.object["data"]).toMatchObject({ version: "6.5.1" });
    const bare = await packFiles({ "bare/Chart.yaml": metadata("bare"), "bare/templates/map.yaml": template });
    const published = `apiVersion: v1\nentries:\n  bare:\n  - version: 1.0.0\n    urls: [bare.tgz]\n`;
    repository.answer("/bare/index.yaml", (response) => response.end(published));
    repository.answer("/bare/bare.tgz", (response) => response.end(bare));
    const without = chart(`${repository.url}/bare`, { name: "bare", version: "1.0.0" });
    const refused = await renderChart((await fetchOf(without)).snapshot, applicationOf(without));
    expect(refused.problems).toMatchObject([
      {
        code: "helm-dependency-missing",
        at: { file: "bare/Chart.yaml", line: 4 },
        message: expect.stringContaining("podinfo"),
      },
    ]);
  });

  test("what was fetched is there after a restart, and is asked for no second time", async () => {
    const source = chart(repository.url, { version: "6.5.1" });
    const { revision } = await fetchOf(source);
    const before = repository.requests.length;
    const again = open();
    expect((await fetchOf(source, again)).revision).toBe(revision);
    expect(repository.requests.slice(before).map(({ path }) => path)).toEqual(["/index.yaml"]);
    for (const name of await readdir(join(cache, "archives")))
      await writeFile(join(cache, "archives", name), "damaged");
    expect(await open().recall(refOf(source))).toBeUndefined();
    expect((await fetchOf(source, open())).revision).toBe(revision);
    expect((await open().recall(refOf(source)))?.revision).toBe(revision);
  });

  test("a version that is gone brings no older one", async () => {
    await repository.publish(await archive("fading", "1.0.0"), await archive("fading", "1.1.0"));
    const source = chart(repository.url, { name: "fading", version: "1.x" });
    expect((await fetchOf(source)).revision).toMatch(/^1\.1\.0@/u);
    const only = `apiVersion: v1\nentries:\n  fading:\n  - version: 1.0.0\n    urls: [fading-1.0.0.tgz]\n`;
    repository.answer("/index.yaml", (response) => response.end(only));
    try {
      expect(await failureOf(source)).toMatchObject({
        code: "source_ref_missing",
        hint: "to go back, name version 1.0.0",
      });
      const named = chart(repository.url, { name: "fading", version: "1.0.0" });
      expect((await fetchOf(named)).revision).toMatch(/^1\.0\.0@/u);
    } finally {
      repository.answer("/index.yaml", undefined);
    }
  });

  test("what does not exist is told with what does", async () => {
    const oci = `${registry.url}/charts`;
    expect(await failureOf(chart(repository.url, { version: "9.x" }))).toMatchObject({
      code: "source_ref_missing",
      hint: expect.stringContaining("6.5.1"),
    });
    expect(await failureOf(chart(oci, { version: "9.x" }))).toMatchObject({ code: "source_ref_missing" });
    expect(await failureOf(chart(oci, { version: "9.9.9" }))).toMatchObject({ code: "source_ref_missing" });
    expect(await failureOf(chart(repository.url, { name: "nothing" }))).toMatchObject({
      code: "source_ref_missing",
      hint: "the index names no chart nothing",
    });
    const artifact = { artifact: { repository: `${oci}/podinfo`, tag: "6.5.1" } };
    expect((await fetchOf(artifact)).revision).toMatch(/^6\.5\.1@/u);
    expect(packageKey(refOf(artifact))).not.toBe(packageKey(refOf(chart(oci))));
  });

  test.each<[string, string, string, (repository: ChartRepository) => void]>([
    ["refuses", "/index.yaml", "source_auth", (at) => at.answer("/index.yaml", (r) => r.writeHead(403).end())],
    ["fails", "/index.yaml", "source_unreachable", (at) => at.answer("/index.yaml", (r) => r.writeHead(500).end())],
    ["is no repository", "/index.yaml", "document_invalid", (at) => at.answer("/index.yaml", (r) => r.end("<html>"))],
    [
      "has an index that has no end",
      "/index.yaml",
      "input_too_large",
      (at) => at.answer("/index.yaml", (r) => endless(r, "#".repeat(1024 * 1024))),
    ],
    [
      "gives another archive than its index says",
      "/podinfo-6.5.1.tgz",
      "digest_mismatch",
      (at) => at.answer("/podinfo-6.5.1.tgz", (r) => r.end(gzipSync("other"))),
    ],
    [
      "has an archive that has no end",
      "/podinfo-6.5.1.tgz",
      "input_too_large",
      (at) => at.answer("/podinfo-6.5.1.tgz", (r) => endless(r, "x".repeat(1024 * 1024))),
    ],
    ["breaks off", "/podinfo-6.5.1.tgz", "source_unreachable", (at) => at.answer("/podinfo-6.5.1.tgz", breakOff)],
    [
      "redirects to a file",
      "/index.yaml",
      "forbidden",
      (at) => at.answer("/index.yaml", (r) => r.writeHead(302, { location: "file:///etc/passwd" }).end()),
    ],
    [
      "redirects to the credentials of the machine",
      "/index.yaml",
      "forbidden",
      (at) => at.answer("/index.yaml", (r) => r.writeHead(302, { location: "http://169.254.169.254/latest" }).end()),
    ],
    [
      "redirects in a circle",
      "/index.yaml",
      "source_unreachable",
      (at) => at.answer("/index.yaml", (r) => r.writeHead(302, { location: "/index.yaml" }).end()),
    ],
  ])("a repository that %s is told by a code", async (_what, path, code, spoil) => {
    spoil(repository);
    try {
      expect(await failureOf(chart(repository.url))).toMatchObject({ code });
    } finally {
      repository.answer(path, undefined);
    }
    expect((await fetchOf(chart(repository.url))).revision).toMatch(/^6\.5\.1@/u);
  });

  test("an archive that is larger than may be, packed or unpacked, does not come in", async () => {
    const source = chart(repository.url);
    const packed = open({ limits: { maxArchiveBytes: 10 } });
    expect(await failureOf(source, packed)).toMatchObject({ code: "input_too_large" });
    expect(await failureOf(chart(`${registry.url}/charts`), packed)).toMatchObject({ code: "input_too_large" });
    const unpacked = open({ limits: { maxUnpackedBytes: 100 } });
    expect(await failureOf(source, unpacked)).toMatchObject({ code: "input_too_large" });
    expect(await unpacked.recall(refOf(source))).toBeUndefined();
  });

  test("commands without a hub ask no registry unless they are told to", async () => {
    const folder = join(charts.path, "offline");
    await mkdir(folder);
    const declaration = `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: shop }
spec: { source: { chart: { repository: "${repository.url}", name: podinfo, version: 6.x } } }
---
apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: own }
spec: { source: { path: own } }
---
${placement("shop", {})}---
${placement("own", {})}`;
    await mkdir(join(folder, "own"));
    await writeFile(join(folder, "own", "map.yaml"), configMap("own", {}));
    await writeFile(join(folder, "drover.yaml"), declaration);
    const run = async (...args: readonly string[]) =>
      drover("http://127.0.0.1:1", args, { env: { PATH: process.env["PATH"] ?? "" } });
    const before = repository.requests.length;
    const offline = await run("lint", folder);
    expect(offline).toMatchObject({ code: 0, stderr: expect.stringContaining("0 errors, 2 warnings") });
    expect(offline.stdout).toContain("[package-not-fetched]");
    expect(offline.stdout).toContain("[package-unpinned]");
    expect((await run("render", "own", folder)).stdout).toContain("kind: ConfigMap");
    expect(await run("render", "shop", folder)).toMatchObject({
      stdout: "",
      stderr: expect.stringContaining("--fetch"),
    });
    expect(repository.requests).toHaveLength(before);
    expect((await run("render", "shop", folder, "--fetch")).stdout).toContain("version: 6.5.1");
    const wrong = declaration.replace("6.x", "9.x");
    await writeFile(join(folder, "drover.yaml"), wrong);
    expect(await run("lint", folder, "--fetch")).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("has no chart podinfo in version 9.x"),
    });
  });

  test("a server that says nothing is left when its time is over", async () => {
    repository.answer("/slow/index.yaml", () => undefined);
    const impatient = open({ limits: { timeoutMs: 200 } });
    expect(await failureOf(chart(`${repository.url}/slow`), impatient)).toMatchObject({
      code: "source_unreachable",
      message: expect.stringContaining("it took too long"),
    });
  });

  test("credentials do not go along to where a repository redirects", async () => {
    const seen: (string | undefined)[] = [];
    const thief = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(404).end();
    });
    const location = `${await listen(thief)}/index.yaml`;
    repository.answer("/moved/index.yaml", (response) => response.writeHead(302, { location }).end());
    const generous = open({ credentialFor: () => login });
    const source = chart(`${repository.url}/moved`, { credential: "any" });
    expect(await failureOf(source, generous)).toMatchObject({ code: "source_ref_missing" });
    thief.close();
    expect(seen).toEqual([undefined]);
    expect(repository.requests.at(-1)?.authorization).toMatch(/^Basic /u);
  });

  test("a token is asked for where the registry says, which is shown a credential only where it may be", async () => {
    const asked: string[] = [];
    const realm = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization ?? "nobody"}`);
      response.end(JSON.stringify({ token: "t0ken" }));
    });
    const tokens = `${await listen(realm)}/token`;
    let challenged = tokens;
    const front = createServer((request, response) => {
      if (request.headers.authorization === "Bearer t0ken") {
        response.writeHead(307, { location: `http://${registry.host}${request.url ?? ""}` }).end();
      } else response.writeHead(401, { "www-authenticate": `Bearer realm="${challenged}",service="front"` }).end();
    });
    const host = (await listen(front)).replace("http://", "");
    const generous = open({ credentialFor: () => login });
    const source = chart(`oci://${host}/charts`, { credential: "any" });
    expect((await fetchOf(source, generous)).revision).toMatch(/^6\.5\.1@/u);
    expect(new Set(asked)).toEqual(
      new Set([`/token?service=front&scope=repository%3Acharts%2Fpodinfo%3Apull Basic ${btoa("rig:rig-password")}`]),
    );
    asked.length = 0;
    challenged = tokens.replace("127.0.0.1", "localhost");
    expect(await failureOf(source, generous)).toMatchObject({ code: "source_auth" });
    expect(asked).toEqual([]);
    expect((await fetchOf(chart(`oci://${host}/charts`), generous)).revision).toMatch(/^6\.5\.1@/u);
    expect(asked[0]).toMatch(/ nobody$/u);
    front.close();
    realm.close();
  });
});
