import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { chartRequest } from "@drover/hub/core/render/index";
import { createHelm } from "@drover/hub/source/programs/helm";
import { withArchives } from "@drover/hub/source/programs/with-archives";
import { createPackages, type Archive, type Packages } from "@drover/hub/source/published/packages";
import type { Snapshot } from "@drover/hub/source/snapshot";
import { DroverError } from "@drover/shared/errors";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { startChartRepository, type ChartRepository } from "../rig/chart-repository.ts";
import { runCommand } from "../rig/command.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { createWorkTree, type FileChanges, type WorkTree } from "../rig/git.ts";
import { program } from "../rig/programs.ts";
import { packageChart, startRegistry, type Registry } from "../rig/registry.ts";
import { temporaryFolder, type TemporaryFolder } from "../rig/watchdog.ts";
import { configMap } from "./chart-case.ts";
import { declare, objectsOf, problemsOf, renderChart, snapshotOf } from "./chart-render.ts";
import { drover } from "./cli.ts";
import { loopSuite, startLoop } from "./loop.ts";
import { rigNetworks } from "./rig-networks.ts";

const signal = AbortSignal.timeout(300_000);
const helm = createHelm({ environment: process.env });
const told = 'v: "{{ .Chart.Name }} {{ .Chart.Version }} {{ .Values.size }}"';
const childFiles = {
  "values.yaml": "size: child\n",
  "templates/map.yaml": configMap("{{ .Release.Name }}-{{ .Chart.Name }}-{{ .Values.size }}", told),
};
const parent = (...dependencies: readonly string[]): string =>
  `apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies:\n${dependencies.map((one) => `  - ${one}\n`).join("")}`;

describeWithRig(
  "helm",
  "git",
  "docker-registry",
)("dependencies of charts that are elsewhere", () => {
  let registry: Registry;
  let repository: ChartRepository;
  let folder: TemporaryFolder;
  let packages: Packages;
  let runs = 0;
  const fresh = async (): Promise<string> => {
    const path = join(folder.path, String((runs += 1)));
    await mkdir(path);
    return path;
  };
  const archive = async (name: string, version: string, files: Readonly<Record<string, string>> = childFiles) =>
    packageChart(await fresh(), { name, version }, files);
  beforeAll(async () => {
    folder = await temporaryFolder("dependencies");
    [registry, repository] = await Promise.all([startRegistry(), startChartRepository()]);
    const [old, newer, other] = [
      await archive("child", "1.0.0"),
      await archive("child", "1.1.0"),
      await archive("other", "2.0.0"),
    ];
    await repository.publish(old, newer, other);
    await registry.pushChart(newer, "charts");
    await registry.pushChart(other, "charts");
  });
  afterAll(async () => {
    for (const part of [registry, repository, folder]) await part[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    packages = open(await fresh());
  });
  const open = (path: string, options: Partial<Parameters<typeof createPackages>[0]> = {}): Packages =>
    createPackages({ folder: path, networks: rigNetworks, credentialFor: () => undefined, ...options });

  /** The real helm with this repository under the name `rig`. */
  const helmIn = async (tree: WorkTree, ...words: readonly string[]) => {
    const env = { HELM_CACHE_HOME: join(tree.path, ".git", "helm"), HELM_CONFIG_HOME: join(tree.path, ".git", "helm") };
    await runCommand(program("helm"), ["repo", "add", "rig", repository.url], { env });
    return runCommand(program("helm"), words, { env });
  };
  /** A chart in `app` of a work tree, with the lock that the real helm makes and without what it downloads. */
  const locked = async (files: FileChanges): Promise<WorkTree> => {
    const tree = await createWorkTree({ files });
    const updated = await helmIn(tree, "dependency", "update", "--plain-http", join(tree.path, "app"));
    expect([updated.stderr, updated.code]).toEqual([expect.anything(), 0]);
    await rm(join(tree.path, "app/charts"), { recursive: true, force: true });
    await tree.commit("Change", { "locked.txt": "" });
    return tree;
  };
  const declared = (...more: readonly object[]) => [
    { url: repository.url, name: "rig" },
    { url: `${registry.url}/charts` },
    ...more,
  ];
  const applicationOf = (repositories: readonly object[] = declared()) =>
    declare({ source: { path: "app" }, namespace: "shop", helm: { repositories } });
  /** As the hub and the commands without a hub do it. */
  const complete = async (
    snapshot: Snapshot,
    application = applicationOf(),
    from: Packages = packages,
  ): Promise<Snapshot> => {
    const archives = new Map<string, Archive>();
    for (const { ref, path } of await helm.wanted(snapshot, chartRequest(application))) {
      archives.set(path, (await from.fetch(ref, signal)).archive);
    }
    return withArchives(snapshot, archives);
  };

  test.each<[string, FileChanges, number]>([
    ["over http", { "app/Chart.yaml": "child: http 1.x" }, 1],
    ["in a registry", { "app/Chart.yaml": "child: oci ~1.1" }, 1],
    ["by an alias of its repository", { "app/Chart.yaml": "other: @rig >=1.0.0 <3.0.0" }, 1],
    ["by the other way to write one", { "app/Chart.yaml": "other: alias:rig *" }, 1],
  ])("a dependency %s renders as helm dependency build and helm template do", async (_name, files, count) => {
    const [, name = "", where = "", version = ""] = /^(\w+): (\S+) (.*)$/u.exec(String(files["app/Chart.yaml"])) ?? [];
    const address = where === "http" ? repository.url : where === "oci" ? `${registry.url}/charts` : where;
    const chart = parent(`{ name: ${name}, version: "${version}", repository: "${address}" }`);
    await using tree = await locked({ "app/Chart.yaml": chart });
    await expectAsHelm(tree, count);
  });

  const expectAsHelm = async (tree: WorkTree, count: number): Promise<void> => {
    const snapshot = await complete(await snapshotOf(tree));
    const rendered = await renderChart(snapshot, applicationOf());
    expect(problemsOf(rendered)).toEqual([]);
    const built = await helmIn(tree, "dependency", "build", "--plain-http", join(tree.path, "app"));
    expect([built.code, built.stderr]).toEqual([0, expect.anything()]);
    const printed = await helmIn(tree, "template", "app", join(tree.path, "app"), "--namespace=shop", "--include-crds");
    expect(rendered.manifests.map(({ object }) => object)).toEqual(objectsOf(printed.stdout));
    expect(rendered.manifests).toHaveLength(count);
  };

  test("two versions of one chart, conditions, tags, and charts beside it in the repository render as helm's", async () => {
    const dependencies = [
      `{ name: child, version: 1.0.0, repository: "${repository.url}/", alias: one }`,
      `{ name: child, version: 1.1.x, repository: "@rig", alias: two, import-values: [{ child: size, parent: from }] }`,
      `{ name: other, version: 2.0.0, repository: "${registry.url}/charts", condition: other.enabled, tags: [back, front] }`,
      `{ name: local, version: 0.1.0, repository: "file://../local" }`,
    ];
    await using tree = await locked({
      "app/Chart.yaml": parent(...dependencies),
      "app/values.yaml": "one: { size: first }\ntwo: { size: second }\nother: { enabled: false }\n",
      "local/Chart.yaml": "apiVersion: v2\nname: local\nversion: 0.1.0\n",
      "local/values.yaml": "size: near\n",
      "local/templates/map.yaml": childFiles["templates/map.yaml"],
    });
    await expectAsHelm(tree, 3);
  });

  test("a chart of the first generation with its two files renders as helm's", async () => {
    await using tree = await locked({
      "app/Chart.yaml": "apiVersion: v1\nname: parent\nversion: 1.0.0\n",
      "app/requirements.yaml": `dependencies: [{ name: child, version: 1.x, repository: "${repository.url}" }]\n`,
    });
    expect(await readFile(join(tree.path, "app/requirements.lock"), "utf8")).toContain("1.1.0");
    await expectAsHelm(tree, 1);
  });

  test("what the lock says is fetched, whatever was published since, and one that does not fit is refused as helm does", async () => {
    const chart = (version: string): string =>
      parent(`{ name: child, version: "${version}", repository: "${repository.url}" }`);
    await using tree = await locked({ "app/Chart.yaml": chart("1.0.x") });
    await tree.commit("Change", { "app/Chart.yaml": chart(">=1.1.0") });
    const snapshot = await snapshotOf(tree);
    expect(await helm.wanted(snapshot, chartRequest(applicationOf()))).toEqual([]);
    const { problems } = await renderChart(snapshot, applicationOf());
    expect(problems).toMatchObject([
      {
        code: "helm-dependency-missing",
        message: "Chart.lock is out of sync with Chart.yaml, as helm dependency build has it",
        hint: "run helm dependency update and commit the lock",
        at: { file: "app/Chart.yaml", line: 5 },
      },
    ]);
    const built = await helmIn(tree, "dependency", "build", join(tree.path, "app"));
    expect([built.code, built.stderr]).toEqual([1, expect.stringContaining("out of sync")]);
  });

  describe("an archive", () => {
    const chart = (name: string): string =>
      parent(`{ name: ${name}, version: "1.x", repository: "${repository.url}" }`);
    const failure = async (done: Promise<unknown>): Promise<DroverError> => {
      const cause: unknown = await done.then(
        () => undefined,
        (error: unknown) => error,
      );
      if (cause instanceof DroverError) return cause;
      throw new Error(`it did not fail as it should: ${String(cause)}`);
    };

    test("that was published anew with other content is refused, until Git says its digest", async () => {
      await repository.publish(await archive("moving", "1.0.0"));
      await using tree = await locked({ "app/Chart.yaml": chart("moving") });
      const snapshot = await snapshotOf(tree);
      const pins = new Map<string, string>();
      const before = await complete(snapshot, applicationOf(), open(await fresh(), { pins }));
      const oid = before.entries.get("app/charts/moving-1.0.0.tgz")?.oid ?? "";
      await repository.publish(await archive("moving", "1.0.0", { ...childFiles, "values.yaml": "size: evil\n" }));
      const later = open(await fresh(), { pins });
      const error = await failure(complete(snapshot, applicationOf(), later));
      expect(error).toMatchObject({ code: "digest_mismatch", message: expect.stringContaining(`instead of ${oid}`) });
      const [, digest = ""] = /moving-1\.0\.0: (sha256:[0-9a-f]{64})/u.exec(error.hint ?? "") ?? [];
      const agreed = applicationOf([{ url: repository.url, digests: { "moving-1.0.0": digest } }]);
      const after = await renderChart(await complete(snapshot, agreed, later), agreed);
      expect(after.manifests[0]?.object["data"]).toEqual({ v: "moving 1.0.0 evil" });
      expect((await failure(complete(snapshot, applicationOf(), later))).code).toBe("digest_mismatch");
      const wrong = applicationOf([{ url: repository.url, digests: { "moving-1.0.0": oid } }]);
      const message = expect.stringContaining(`another archive than the one that Git gives: ${digest}`) as string;
      expect(await failure(complete(snapshot, wrong, open(await fresh())))).toMatchObject({ message });
    });

    test("that holds another chart than its name says is refused", async () => {
      await repository.publish(await archive("posing", "1.0.0"));
      await using tree = await locked({ "app/Chart.yaml": chart("posing") });
      const other = await readFile(await archive("child", "1.0.0"));
      const index = `entries:\n  posing:\n  - version: 1.0.0\n    urls: [posing.tgz]\n`;
      repository.answer("/index.yaml", (response) => response.end(index));
      repository.answer("/posing.tgz", (response) => response.end(other));
      const error = await failure(complete(await snapshotOf(tree)));
      repository.answer("/index.yaml", undefined);
      expect(error).toMatchObject({ code: "document_invalid", message: expect.stringContaining("holds child 1.0.0") });
    });

    test("that others fetched with a credential is not given to who has none, not even by its digest", async () => {
      await using tree = await locked({ "app/Chart.yaml": chart("child") });
      const snapshot = await snapshotOf(tree);
      const pins = new Map<string, string>();
      const path = await fresh();
      const login = { username: "u", password: "p", ca: "", clientCertificate: "", clientKey: "" };
      const both = open(path, { pins, credentialFor: () => login });
      const insider = applicationOf([{ url: repository.url, credential: "known" }]);
      const oid = (await complete(snapshot, insider, both)).entries.get("app/charts/child-1.1.0.tgz")?.oid ?? "";
      repository.answer("/index.yaml", (response) => response.writeHead(401).end());
      try {
        expect((await complete(snapshot, insider, both)).entries.get("app/charts/child-1.1.0.tgz")?.oid).toBe(oid);
        for (const digests of [{}, { "child-1.1.0": oid }]) {
          const outsider = applicationOf([{ url: repository.url, digests }]);
          expect(await failure(complete(snapshot, outsider, both))).toMatchObject({ code: "source_auth" });
        }
      } finally {
        repository.answer("/index.yaml", undefined);
      }
    });

    test("that is here is asked for by nobody again", async () => {
      await using tree = await locked({ "app/Chart.yaml": chart("child") });
      const snapshot = await snapshotOf(tree);
      await complete(snapshot);
      const before = repository.requests.length;
      await complete(snapshot);
      expect(repository.requests.length).toBe(before);
    });
  });

  describe("on a hub", () => {
    const { begin, closers } = loopSuite();
    const application = (repositories = ""): string =>
      `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: app }
spec: { source: { path: app }${repositories} }
---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: app }
spec: { applications: [app], selector: {} }
`;
    const withRepository = (more = ""): string =>
      application(`, helm: { repositories: [{ url: "${repository.url}"${more} }] }`);

    test("a repository that is not declared is told with what to write; declared, it rolls out, and after a restart without it", async () => {
      const chart = parent(`{ name: child, version: 1.1.0, repository: "${repository.url}" }`);
      await using source = await locked({ "app/Chart.yaml": chart });
      const lock = await readFile(join(source.path, "app/Chart.lock"), "utf8");
      const { tree, hub, folder: data } = await begin();
      await tree.commit("Change", { "app/Chart.yaml": chart, "drover.yaml": application() });
      const hint = `write repositories: [{ url: "${repository.url}" }] into spec.helm of the application`;
      const problem = { code: "helm-dependency-missing", hint: expect.stringContaining(hint) as string };
      await vi.waitFor(() => expect(hub.world.application("app").problems).toMatchObject([problem]), 10_000);
      await tree.commit("Change", { "drover.yaml": withRepository(", credential: absent") });
      const noLock = { message: "there is no Chart.lock, which says the version of child" };
      await vi.waitFor(() => expect(hub.world.application("app").problems).toMatchObject([noLock]), 10_000);
      await tree.commit("Change", { "app/Chart.lock": lock });
      const refused = { type: "DependenciesFetched", status: "False", reason: "source_auth" };
      await vi.waitFor(
        () => expect(hub.world.application("app").conditions).toContainEqual(expect.objectContaining(refused)),
        10_000,
      );
      expect(hub.newest("prod-1")?.targets.map((target) => target.application)).not.toContain("app");
      await tree.commit("Change", { "drover.yaml": withRepository() });
      await vi.waitFor(
        () => expect(hub.newest("prod-1")?.targets.map((target) => target.application)).toContain("app"),
        10_000,
      );
      expect(hub.store.pins.get(`${repository.url}/child 1.1.0`)).toMatch(/^sha256:/u);
      const { bundle } = hub.store.target({ app: "app", cluster: "prod-1" }) ?? {};
      await closers.pop()?.();
      await repository.takeDown();
      await tree.commit("Change", { "app/values.yaml": "child: { size: other }\n" });
      await using again = await startLoop(data, tree);
      await vi.waitFor(
        () => expect(again.store.target({ app: "app", cluster: "prod-1" })?.bundle).not.toBe(bundle),
        10_000,
      );
      await repository.bringUp();
      const parts = again.world.application("app").conditions.filter(({ status }) => status !== "True");
      expect(parts).toEqual([]);
    });

    test("commands without a hub say the same", async () => {
      const chart = parent(`{ name: child, version: 1.1.0, repository: "${repository.url}" }`);
      await using tree = await locked({ "app/Chart.yaml": chart, "drover.yaml": application() });
      const lint = async (...flags: readonly string[]) =>
        drover("", ["lint", tree.path, ...flags], { env: { PATH: process.env["PATH"] ?? "" } });
      expect((await lint()).stdout).toContain(`write repositories: [{ url: "${repository.url}" }] into spec.helm`);
      await tree.commit("Change", { "drover.yaml": withRepository() });
      expect((await lint()).stdout).toContain(
        `app is not rendered here: ${repository.url}/child is not in the repository`,
      );
      const rendered = await drover("", ["render", "app", tree.path, "--fetch"], {
        env: { PATH: process.env["PATH"] ?? "" },
      });
      expect([rendered.stderr, rendered.stdout]).toEqual(["", expect.stringContaining("child 1.1.0 child")]);
      await tree.commit("Change", { "app/Chart.lock": undefined });
      expect((await lint("--fetch")).stdout).toContain("there is no Chart.lock, which says the version of child");
    });
  });
});
