import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { createWorkTree, type WorkTree } from "../rig/git.ts";
import { drover, type Outcome } from "./cli.ts";
import { application, configMap, placement } from "./fixtures.ts";

/** Nobody listens there: what is offline asks nobody. */
const nowhere = "http://127.0.0.1:1";

describeWithRig("git", "helm")("commands that need no hub", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "drover-offline-"));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
  };
  const cluster = `apiVersion: drover.dev/v1alpha1
kind: Cluster
metadata: { name: prod-1, labels: { env: prod } }
spec: { vars: { domain: example.org } }
`;
  const shop = {
    "clusters.yaml": cluster,
    "apps/shop/drover.yaml": `${application("shop", "shop").replace("spec:", "spec:\n  substitute: true")}---
${placement("shop", { env: "prod" })}`,
    "apps/shop/shop.yaml": configMap("shop", { url: "https://${cluster.vars.domain}/" }),
  };
  const run = (...args: readonly string[]): Promise<Outcome> =>
    drover(nowhere, args, { env: { PATH: process.env["PATH"] ?? "" } });

  it("lint finds nothing in a repository that is well", async () => {
    await write(shop);
    expect(await run("lint", folder)).toEqual({
      code: 0,
      stdout: "",
      stderr: "0 errors, 0 warnings in 1 application\n",
    });
  });

  it("lint tells all mistakes of all files at once, with their places, and fails", async () => {
    await write({
      ...shop,
      "apps/shop/bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: bad\n",
      "apps/typo.yaml": "apiVersion: drover.dev/v1alpha1\nkind: Aplication\nmetadata: { name: typo }\n",
    });
    const { code, stdout, stderr } = await run("lint", folder);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^apps\/typo\.yaml:2:1: error: unknown kind "Aplication".*\n {4}hint: did you mean/mu);
    expect(stdout).toMatch(/^apps\/shop\/bad\.yaml:\d+:\d+: error: /mu);
    expect(stderr).toMatch(/^\d errors, 0 warnings in 1 application\n$/u);
  });

  it("T19: what files say and are called moves no cursor on a screen and hides nothing, and is data as it is", async () => {
    const note = "\u009B2J\u202Egnp\u2028\u0007";
    await write({
      ...shop,
      "apps/shop/note.yaml": configMap("note", { note }),
      "apps/typo\u009B2J\u001B[1A.yaml": `apiVersion: drover.dev/v1alpha1\nkind: ${JSON.stringify(`A${note}`)}\nmetadata: { name: a }\n`,
    });
    const env = { PATH: process.env["PATH"] ?? "", NO_COLOR: "", FORCE_COLOR: "1" };
    for (const argv of [
      ["render", "shop", folder],
      ["render", "shop", folder, "-o", "json"],
      ["lint", folder],
    ]) {
      const shown = await drover(nowhere, argv, { env, screen: { columns: 80, rows: 24 } });
      const text = (shown.stdout + shown.stderr).replaceAll(new RegExp(String.raw`\u001B\[\d+m`, "gu"), "");
      expect(text).toContain("2J");
      expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u2028-\u202E\u2066-\u2069]/u);
    }
    const piped = await run("render", "shop", folder, "-o", "json");
    expect(JSON.parse(piped.stdout)).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ data: { note } })]),
    });
  });

  it("lint says that nothing is rendered, as the hub would", async () => {
    await write({ ...shop, "apps/shop/shop.yaml": "# nothing yet\n" });
    expect(await run("lint", folder)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("apps/shop renders no objects; what runs is kept [empty-render]"),
    });
  });

  it("lint fails for warnings only when it is to be strict", async () => {
    await write({
      ...shop,
      "apps/shop/key.yaml": "apiVersion: v1\nkind: Secret\nmetadata: { name: key }\nstringData: { key: hidden }\n",
    });
    const lax = await run("lint", folder);
    expect(lax).toMatchObject({ code: 0, stdout: expect.stringContaining("[secret-in-clear]") });
    expect(lax.stdout).not.toContain("hidden");
    expect((await run("lint", folder, "--strict")).code).toBe(1);
  });

  it.each([
    ["json", (text: string) => expect(JSON.parse(text)).toMatchObject({ problems: [{ code: "not-placed" }] })],
    [
      "sarif",
      (text: string) =>
        expect(JSON.parse(text)).toMatchObject({
          version: "2.1.0",
          runs: [
            {
              results: [
                {
                  ruleId: "not-placed",
                  level: "warning",
                  locations: [{ physicalLocation: { region: { startLine: 1 } } }],
                },
              ],
            },
          ],
        }),
    ],
    [
      "github",
      (text: string) =>
        expect(text).toMatch(/^::warning file=a.yaml,line=1,col=1,title=not-placed::no placement names/u),
    ],
    ["junit", (text: string) => expect(text).toContain('<testsuite name="drover lint" tests="1" failures="0">')],
  ])("lint writes %s", async (format, check) => {
    await write({ "a.yaml": application("lonely", "shop"), "apps/lonely/a.yaml": configMap("a", {}) });
    check((await run("lint", folder, "-o", format)).stdout);
  });

  it("lint refuses a format that it does not have, and a folder that is not there", async () => {
    expect(await run("lint", folder, "-o", "xml")).toMatchObject({ code: 2, stderr: expect.stringContaining("sarif") });
    expect(await run("lint", join(folder, "none"))).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("no folder"),
    });
  });

  it("render prints an application as its files have it, and as a cluster gets it", async () => {
    await write(shop);
    expect((await run("render", "shop", folder)).stdout).toContain("kind: ConfigMap");
    const { code, stdout } = await run("render", "shop@prod-1", folder, "-o", "json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ items: [{ kind: "ConfigMap", data: { url: "https://example.org/" } }] });
  });

  it("render says what there is when a name is wrong, and why an application does not run on a cluster", async () => {
    await write({ ...shop, "more.yaml": cluster.replace("prod-1", "dev-1").replace("env: prod", "env: dev") });
    expect(await run("render", "shpo", folder)).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('did you mean "shop"?'),
    });
    expect(await run("render", "shop@prod-2", folder)).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("prod-1"),
    });
    expect(await run("render", "shop@dev-1", folder)).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("placement shop needs env=prod, has env=dev"),
    });
  });

  it("lint and render give a chart the values that a cluster's overrides have", async () => {
    await write({
      "clusters.yaml": cluster,
      "drover.yaml": `${application("chart", "shop").replace("apps/chart", "chart")}---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: chart }
spec:
  applications: [chart]
  selector: {}
  overrides: [{ selector: {}, helm: { values: { url: "https://\${cluster.vars.domain}/" } } }]
`,
      "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
      "chart/templates/map.yaml":
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: map }\ndata: { url: {{ required "a url is needed" .Values.url }} }\n',
    });
    expect(await run("lint", folder)).toMatchObject({ code: 0, stdout: "" });
    const { stdout } = await run("render", "chart@prod-1", folder, "-o", "json");
    expect(JSON.parse(stdout)).toMatchObject({ items: [{ data: { url: "https://example.org/" } }] });
  });

  describe("why, why-not and blame", () => {
    const placed = `${application("shop", "shop").replace("spec:", "spec:\n  substitute: true")}---
${placement("shop", { env: "prod" })}  overrides:
    - selector: {}
      labels: { tier: gold }
`;
    const dev = cluster.replace("prod-1", "dev-1").replace("env: prod", "env: prdo");
    beforeEach(() => write({ ...shop, "apps/shop/drover.yaml": placed, "clusters.yaml": `${cluster}---\n${dev}` }));

    it("blame names the file and line, the override or the variable that set each field of an object", async () => {
      const { code, stdout } = await run("blame", "configmap/shop", "-n", "shop", "shop@prod-1", "--path", folder);
      expect(code).toBe(0);
      expect(stdout.split("\n").map((line) => line.replaceAll(/ {2,}/gu, "  "))).toEqual([
        "apps/shop/shop.yaml:1  apiVersion: v1",
        "apps/shop/shop.yaml:2  kind: ConfigMap",
        "  metadata:",
        "apps/shop/shop.yaml:3  name: shop",
        "apps/shop/drover.yaml:7 namespace  namespace: shop",
        "  labels:",
        "apps/shop/drover.yaml:19 labels  tier: gold",
        "  data:",
        "apps/shop/shop.yaml:4 ← cluster.vars.domain clusters.yaml:4  url: https://example.org/",
        "",
      ]);
    });

    it("blame says which application has an object, and what there is when a name is wrong", async () => {
      await write({
        "apps/other/drover.yaml": application("other", "shop"),
        "apps/other/a.yaml": configMap("elsewhere", {}),
      });
      const ask = (object: string): Promise<Outcome> => run("blame", object, "shop@prod-1", "--path", folder);
      expect(await ask("cm/elsewhere")).toMatchObject({ code: 5, stderr: expect.stringContaining("other has it") });
      expect(await ask("cm/shpo")).toMatchObject({
        code: 5,
        stderr: expect.stringContaining('did you mean "configmap/shop"?'),
      });
    });

    it("blame says how an object would be although its cluster keeps what it has, and fails", async () => {
      await write({ "apps/shop/shop.yaml": configMap("shop", { url: "https://${cluster.vars.none}/" }) });
      const { code, stdout, stderr } = await run("blame", "cm/shop", "shop@prod-1", "--path", folder);
      expect([code, stdout.includes("← cluster.vars.none (no value)")]).toEqual([1, true]);
      expect(stderr).toContain("the cluster has no value for ${cluster.vars.none}");
    });

    it("why and why-not say what selects a cluster, who gave it its labels, and what was probably meant", async () => {
      const runs = await run("why", "shop@prod-1", "--path", folder);
      expect(runs).toMatchObject({ code: 0, stdout: expect.stringContaining("✔ env=prod  clusters.yaml:3") });
      expect(runs.stdout).toContain("labels  1 field in 1 object");
      const not = await run("why-not", "shop@dev-1", "--path", folder);
      expect(not).toMatchObject({ code: 0, stdout: expect.stringContaining("(did you mean env=prod?)") });
      expect(await run("why-not", "shop@prod-1", "--path", folder)).toMatchObject({ code: 6, stdout: "" });
      expect(await run("why", "shop@prod-2", "--path", folder)).toMatchObject({
        code: 5,
        stderr: expect.stringContaining('did you mean "prod-1"?'),
      });
    });
  });

  it("init writes a repository in which lint finds nothing, and never over what is there", async () => {
    const made = await run("init", folder);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining("apps/hello/drover.yaml\n") });
    expect(await run("lint", folder, "--strict")).toMatchObject({ code: 0, stdout: "" });
    const { stdout } = await run("render", "hello@prod-1", folder);
    expect(stdout).toContain("replicas: 3");
    expect(stdout).toContain("url: https://hello.example.org/");
    const schema = await readFile(join(folder, "drover.schema.json"), "utf8");
    expect(schema).toBe((await run("schema")).stdout);
    for (const file of ["clusters/dev-1.yaml", "apps/hello/drover.yaml", "infrastructure/quotas/drover.yaml"]) {
      const text = await readFile(join(folder, file), "utf8");
      const [, path = ""] = /^# yaml-language-server: \$schema=(?<path>\S+)\napiVersion/u.exec(text) ?? [];
      expect(await readFile(join(folder, dirname(file), path), "utf8")).toBe(schema);
    }
    expect(await readFile(join(folder, "apps/hello/base/hello.yaml"), "utf8")).toMatch(/^apiVersion: v1\n/u);
    expect(await run("init", folder)).toMatchObject({
      code: 6,
      stderr: expect.stringContaining("nothing was written"),
    });
  });

  it("schema prints what editors check files with, of one kind or of all", async () => {
    const all = await run("schema");
    expect(JSON.parse(all.stdout)).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $defs: { Application: { title: "Application" }, Placement: { title: "Placement" } },
    });
    const one = await run("schema", "placement");
    expect(JSON.parse(one.stdout)).toMatchObject({ title: "Placement", properties: { kind: { const: "Placement" } } });
    expect(await run("schema", "Deployment")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Application"),
    });
    expect((await run("schema", "--help")).stdout).toContain("# yaml-language-server: $schema=");
  });

  describe("plan", () => {
    let tree: WorkTree;
    const clusters = ["prod-1", "prod-2", "dev-1"]
      .map((name) => cluster.replace("prod-1", name).replace("env: prod", `env: ${name.split("-")[0] ?? ""}`))
      .join("---\n");
    beforeEach(async () => {
      tree = await createWorkTree({ files: { ...shop, "clusters.yaml": clusters, ".gitignore": "ignored\n" } });
    });
    afterEach(async () => {
      await tree[Symbol.asyncDispose]();
    });

    it("says so when nothing changes, ignored files included", async () => {
      await tree.write({ "ignored/drover.yaml": "apiVersion: drover.dev/v1alpha1\nkind: Nonsense\n" });
      expect(await run("plan", tree.path)).toEqual({ code: 0, stdout: "", stderr: "nothing changes on 2 targets\n" });
    });

    it("groups the clusters of a change, shows fields, and shows no value of a Secret", async () => {
      await tree.write({
        "apps/shop/shop.yaml": configMap("shop", { url: "https://new.${cluster.vars.domain}/" }),
        "apps/shop/key.yaml": "apiVersion: v1\nkind: Secret\nmetadata: { name: key }\nstringData: { key: hidden }\n",
      });
      await tree.commit("second");
      await tree.write({
        "apps/shop/key.yaml": "apiVersion: v1\nkind: Secret\nmetadata: { name: key }\nstringData: { key: secret }\n",
      });
      const { stdout, stderr, code } = await run("plan", tree.path, "--against", "HEAD~1", "--exit-code");
      expect({ code, stderr }).toEqual({ code: 10, stderr: "1 application on 2 of 2 targets\n" });
      expect(stdout).toBe(`shop changes on prod-1, prod-2
  ~ ConfigMap shop
      data[url]  "https://example.org/" → "https://new.example.org/"
  + Secret key
`);
      expect((await run("plan", tree.path)).stdout).toBe(
        `shop changes on prod-1, prod-2
  ~ Secret key
      data[key]  *** → ***
`,
      );
    });

    it("shows what comes and what goes, and that nothing goes while a file cannot be read", async () => {
      await tree.write({
        "apps/shop/drover.yaml": shop["apps/shop/drover.yaml"].replace('"env":"prod"', '"env":"dev"'),
      });
      const moved = await run("plan", tree.path);
      expect(moved.stdout).toContain("shop leaves prod-1, prod-2");
      expect(moved.stdout).toContain("shop comes to dev-1");
      await tree.write({
        "apps/shop/drover.yaml": "apiVersion: drover.dev/v1alpha1\nkind: Application\nmetadata: {\n",
      });
      const broken = await run("plan", tree.path);
      expect(broken).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringContaining("nothing changes on 2 targets"),
      });
      expect(broken.stderr).toMatch(/^error: apps\/shop\/drover\.yaml:/u);
    });

    it("names a commit that Git does not know", async () => {
      expect(await run("plan", tree.path, "--against", "none")).toMatchObject({
        stderr: expect.stringContaining("no commit none"),
      });
    });
  });
});
