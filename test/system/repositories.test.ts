import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { startGitHttp, type GitHttp, type GitHttpRepository } from "../rig/git-http.ts";
import { createWorkTree, type WorkTree } from "../rig/git.ts";
import { temporaryFolder } from "../rig/watchdog.ts";
import { drover, type Outcome } from "./cli.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";

const waiting = { timeout: 60_000, interval: 50 };
const everywhere = { fleet: "all" };
const never = AbortSignal.timeout(2 ** 31 - 1);

const repository = (name: string, spec: string): string => `apiVersion: drover.dev/v1alpha1
kind: Repository
metadata: { name: ${name} }
spec: { ${spec} }
---
`;
const shop = (path: string): string => `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: shop }
spec:
  source: { repository: apps, path: ${path} }
---
`;

describeWithRig("git")("repositories that Git declares", () => {
  let fleet: Fleet;
  let remote: GitHttp;
  let apps: GitHttpRepository;
  let tree: WorkTree;

  beforeAll(async () => {
    [fleet, remote] = await Promise.all([
      startFleet({ servers: "embedded", clusters: { "dev-1": everywhere }, files: { README: "nothing yet" } }),
      startGitHttp(),
    ]);
    apps = await remote.createRepository("apps.git");
    tree = await createWorkTree({ files: release("1.0.0") });
    await tag("v1.0.0");
  });
  afterAll(async () => {
    await Promise.all([fleet, remote, tree].map(async (part) => part[Symbol.asyncDispose]()));
  });
  /** A repository's own declarations hold only where the one that declares it says so. */
  const release = (version: string): Record<string, string> => ({
    "shop/shop.yaml": configMap("shop", { version }),
    "apps/inner/inner.yaml": configMap("inner", { version }),
    "drover.yaml": application("inner", "default") + placement("inner", everywhere),
  });
  const tag = async (name: string): Promise<void> => {
    await tree.git("tag", name);
    await tree.git("push", "--quiet", apps.path, "HEAD:refs/heads/main", name);
  };
  const config = async (message: string, spec: string, rest = shop("shop") + placement("shop", everywhere)) =>
    fleet.tree.commit(message, { "drover.yaml": (spec === "" ? "" : repository("apps", spec)) + rest });
  const run = async (...argv: readonly string[]): Promise<Outcome> =>
    drover(fleet.url, argv, { env: { DROVER_TOKEN: fleet.token, COLUMNS: "100" } });
  const data = async (name: string) => (await fleet.cluster("dev-1").get("default", `configmap/${name}`))?.data;
  const source = async (name: string) => fleet.client.sources.get(name, never);
  const untilReason = async (name: string, text: RegExp): Promise<void> =>
    vi.waitFor(async () => {
      const { problems, reason } = await source(name);
      expect([reason, ...problems.map(({ message }) => message)].join("\n")).toMatch(text);
    }, waiting);

  test("an application waits for a repository that nobody named", async () => {
    await config("place shop", "");
    await vi.waitFor(async () => {
      const { items } = await fleet.client.applications.list({}, never);
      expect(items.find(({ name }) => name === "shop")?.reason).toContain("there is no source named apps");
    }, waiting);
  });

  test("are read as soon as they are declared, at the newest version in the range", async () => {
    await config("declare it", `url: "${apps.url}", version: "1.x", interval: 1s`);
    await vi.waitFor(async () => expect(await data("shop")).toEqual({ version: "1.0.0" }), waiting);
    expect(await source("apps")).toMatchObject({
      ref: "v1.0.0",
      version: "1.x",
      declaredIn: "config",
      state: "current",
    });
    await tree.commit("1.2", release("1.2.0"));
    await tag("v1.2.0");
    await tree.commit("2.0", release("2.0.0"));
    await tag("v2.0.0");
    await vi.waitFor(async () => expect(await data("shop")).toEqual({ version: "1.2.0" }), waiting);
    expect((await run("describe", "source", "apps")).stdout).toMatch(/declared in +config/u);
  });

  test("give their files, and declare nothing themselves unless that is said", async () => {
    expect((await fleet.targets()).map(({ app }) => app)).toEqual(["shop"]);
    await config("let it declare", `url: "${apps.url}", version: "1.x", interval: 1s, declares: true`);
    await vi.waitFor(async () => expect(await data("inner")).toEqual({ version: "1.2.0" }), waiting);
  });

  test("follow another ref or folder when Git says so, though the commit is the same", async () => {
    await config("follow main", `url: "${apps.url}", interval: 1s, declares: true`);
    await vi.waitFor(async () => expect(await data("shop")).toEqual({ version: "2.0.0" }), waiting);
    await config(
      "only shop",
      `url: "${apps.url}", interval: 1s, path: shop`,
      shop("shop") + placement("shop", everywhere),
    );
    // What declared inner is no longer looked at: that is no reason to take it away.
    await untilReason("apps", /declares nothing any more; 1 applications on 1 targets are kept/u);
    expect(await data("inner")).toEqual({ version: "2.0.0" });
    expect(await data("shop")).toEqual({ version: "2.0.0" });
  });

  test("take only commits that somebody signed whom Git names, and keep what was read before that", async () => {
    const signedBy = `signedBy: ["bob ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPvvCGlvmfS2eSf3XPqcIDq69CaGeVhBOQqYeqWKhzrZ"]`;
    await config("name bob", `url: "${apps.url}", interval: 1s, path: shop, ${signedBy}`);
    await untilReason("apps", /is not signed; main@[0-9a-f]{7} stays in force/u);
    expect((await run("describe", "source", "apps")).stdout).toMatch(/signed by +bob ssh-ed25519 SHA256:rnnrsMi5/u);
    expect(await run("source", "trust", "apps", "--unsigned")).toMatchObject({
      code: 6,
      stderr: expect.stringContaining("change signedBy of its Repository in Git"),
    });
    expect(await data("shop")).toEqual({ version: "2.0.0" });
  });

  test.each([
    ["a path on the hub's machine", "url: /etc", /has to be an address/u],
    ["a program", 'url: "ext::sh -c x"', /has to be an address/u],
    ["a password", 'url: "https://a:b@git.example/x.git"', /holds a password/u],
    ["no range of versions", 'url: "https://git.example/x.git", version: newest', /is no range of versions/u],
    [
      "signers that hold no key",
      'url: "https://git.example/x.git", signedBy: ["ssh-ed25519 AAAA"]',
      /no public key of a kind/u,
    ],
    ["host keys of no SSH server", 'url: "https://git.example/x.git", hostKeys: [x]', /only a server over SSH/u],
    ["a ref that cannot be one", 'url: "https://git.example/x.git", ref: "--upload-pack=x"', /cannot be the name/u],
  ])("that name %s are refused, and what runs stays", async (_what, spec, text) => {
    await config("a mistake", spec);
    await untilReason("config", text);
    expect(await source("apps")).toMatchObject({ url: apps.url, state: expect.stringMatching(/current|failed/u) });
    expect(await data("shop")).toEqual({ version: "2.0.0" });
  });

  test("cannot take the name of a source that people added, and cannot be removed by hand", async () => {
    await config(
      "take config",
      `url: "${apps.url}", interval: 1s`,
      repository("config", `url: "${apps.url}"`) + shop("shop"),
    );
    await untilReason("config", /has the name of a source that was added to the hub/u);
    expect(await source("config")).toMatchObject({ url: fleet.tree.path, declaredIn: "" });
    expect(await run("source", "remove", "apps")).toMatchObject({
      code: 6,
      stderr: expect.stringContaining("out of Git"),
    });
  });

  test("are read no more when they leave Git, and what they put on clusters stays", async () => {
    await config("without it", "");
    await vi.waitFor(async () => {
      const { items } = await fleet.client.sources.list({}, never);
      expect(items.map(({ name }) => name)).toEqual(["config"]);
    }, waiting);
    await vi.waitFor(async () => {
      const shown = (await fleet.client.applications.get("shop", never)).reason;
      expect(shown).toContain("there is no source named apps");
    }, waiting);
    expect([await data("shop"), await data("inner")]).toEqual([{ version: "2.0.0" }, { version: "2.0.0" }]);
    await config("declare it again", `url: "${apps.url}", version: "1.x", interval: 1s`);
    await vi.waitFor(async () => expect(await data("shop")).toEqual({ version: "1.2.0" }), waiting);
  });

  test("that ask who reads them are read with a credential, which is looked for at once when a person changes it", async () => {
    const folder = await temporaryFolder("credential");
    const credential = async (password: string, ...argv: readonly string[]): Promise<Outcome> => {
      await writeFile(join(folder.path, "password"), `${password}\n`);
      const file = ["--username", "drover", "--password-file", join(folder.path, "password")];
      return run("credential", "add", "team", ...file, ...argv);
    };
    const next = async (version: string, password: string): Promise<void> => {
      remote.requireAuth({ kind: "basic", username: "drover", password });
      await tree.commit(version, release(version));
      await tag(`v${version}`);
    };
    await next("1.3.0", "s3cret-1");
    await config("name a credential", `url: "${apps.url}", version: "1.x", interval: 24h, credential: team`);
    await untilReason("apps", /there is no credential named team for .*apps\.git \(.*drover credential add team/u);
    expect(await credential("s3cret-1", "--for", `${remote.url}/app`)).toMatchObject({ code: 0, stdout: "team\n" });
    expect((await credential("s3cret-1", "--for", apps.url)).code).toBe(6);
    await untilReason("apps", /there is no credential named team for/u);
    expect(await data("shop")).toEqual({ version: "1.2.0" });

    expect((await credential("s3cret-1", "--for", apps.url, "--replace")).stderr).toMatch(
      /read again now: source\/apps/u,
    );
    await vi.waitFor(async () => expect(await data("shop")).toEqual({ version: "1.3.0" }), waiting);
    expect((await run("describe", "source", "apps")).stdout).toMatch(/credential +team/u);

    await next("1.4.0", "s3cret-2");
    await credential("s3cret-0", "--for", apps.url, "--replace");
    await untilReason("apps", /refuses the credentials/u);
    await credential("s3cret-2", "--for", apps.url, "--replace");
    await vi.waitFor(async () => expect(await data("shop")).toEqual({ version: "1.4.0" }), waiting);

    const listed = await run("credential", "list");
    expect(listed.stdout).toMatch(/✔ +team +current +username password .* source\/apps/u);
    const twin = async (...argv: readonly string[]): Promise<Outcome> =>
      run("source", "add", apps.url, "--name", "twin", "--interval", "1h", ...argv);
    expect((await twin("--credential", "nothing")).stderr).toContain("there is no credential named nothing");
    expect((await twin("--credential", "team", "--username", "me")).stderr).toContain("not both");
    expect(await twin("--credential", "team")).toMatchObject({ code: 0 });
    await vi.waitFor(async () => expect(await source("twin")).toMatchObject({ state: "current" }), waiting);
    await run("source", "remove", "twin");
    expect((await run("credential", "remove", "team")).stderr).toMatch(/still named by source\/apps/u);
    await untilReason("apps", /there is no credential named team for/u);
    expect(await data("shop")).toEqual({ version: "1.4.0" });
    const seen = [
      listed,
      await run("events", "-o", "json"),
      await run("describe", "source", "apps"),
      await fleet.hub.log(),
    ];
    expect(JSON.stringify(seen)).not.toContain("s3cret");
    await folder[Symbol.asyncDispose]();
  });
});
