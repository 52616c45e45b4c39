import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { startGitSsh, type GitSsh, type GitSshRepository } from "../rig/git-ssh.ts";
import { createWorkTree, type WorkTree } from "../rig/git.ts";
import { drover, type Outcome } from "./cli.ts";
import { application, configMap, placement } from "./fixtures.ts";
import { startFleet, type Fleet } from "./fleet.ts";

const waiting = { timeout: 60_000, interval: 50 };
const everywhere = { fleet: "all" };

describeWithRig("git", "sshd")("a source over ssh, as a person adds it", () => {
  let fleet: Fleet;
  let remote: GitSsh;
  let repository: GitSshRepository;
  let tree: WorkTree;

  beforeAll(async () => {
    [fleet, remote] = await Promise.all([
      startFleet({ servers: "embedded", clusters: { "dev-1": everywhere }, files: { README: "nothing yet" } }),
      startGitSsh(),
    ]);
    repository = await remote.createRepository("platform.git");
    tree = await createWorkTree({
      files: {
        "drover.yaml": application("web", "default") + placement("web", everywhere),
        "apps/web/web.yaml": configMap("web", { round: "1" }),
      },
    });
    await tree.push(repository.path);
  });
  afterAll(async () => {
    await Promise.all([fleet, remote, tree].map(async (part) => part[Symbol.asyncDispose]()));
  });
  const run = async (...argv: readonly string[]): Promise<Outcome> =>
    drover(fleet.url, argv, { env: { DROVER_TOKEN: fleet.token, COLUMNS: "100" } });
  const data = async () => (await fleet.cluster("dev-1").get("default", "configmap/web"))?.data;
  const describeUntil = async (text: string): Promise<string> =>
    vi.waitFor(async () => {
      const { stdout } = await run("describe", "source", "platform");
      expect(stdout).toContain(text);
      return stdout;
    }, waiting);

  test("is added before it can be read, and tells which key to add where", async () => {
    const added = await run("source", "add", repository.url, "--interval", "1h");
    expect(added).toMatchObject({ code: 0, stdout: "platform\n" });
    expect(added.stderr).toContain("drover source identity platform");
    const identity = await run("source", "identity", "platform");
    expect(identity.stdout).toMatch(/^ssh-ed25519 [A-Za-z0-9+/=]+ drover@platform\n$/u);
    expect(identity.stderr).toContain("Deploy keys");
    const described = await describeUntil("source_auth");
    expect(described).toContain(`add "${identity.stdout.trim()}" to the deploy keys of the repository`);
  });

  test("is read once the key was added, and brings what it holds to the clusters", async () => {
    await remote.authorize((await run("source", "identity", "source/platform")).stdout.trim());
    expect(await run("sync", "source/platform", "--wait")).toMatchObject({ code: 0 });
    await vi.waitFor(async () => expect(await data()).toEqual({ round: "1" }), waiting);
  });

  test("shows the host key that was pinned when it was seen first", async () => {
    const { hostKeys } = JSON.parse((await run("source", "identity", "platform", "-o", "json")).stdout) as {
      readonly hostKeys: readonly string[];
    };
    expect(hostKeys).toEqual([expect.stringMatching(/^ssh-ed25519 SHA256:/u)]);
    expect((await run("describe", "source", "platform")).stdout).toContain(`host key    ${hostKeys[0]}`);
    expect((await run("events", "-o", "json")).stdout).toContain(hostKeys[0]);
  });

  test("refuses another host key and keeps what runs, until a person trusts it", async () => {
    await tree.commit("2", { "apps/web/web.yaml": configMap("web", { round: "2" }) });
    await tree.push(repository.path);
    await remote.changeHostKey();
    await run("sync", "source/platform");
    const described = await describeUntil("host_key_changed");
    expect(await data()).toEqual({ round: "1" });
    expect((await fleet.targets()).map(({ app, state }) => `${app} ${state}`)).toEqual(["web current"]);
    const [, key = ""] = /drover source trust platform --host-key "(?<key>[^"]+)"/u.exec(described) ?? [];
    expect(key).toBe(remote.hostKey());
    expect(await run("source", "trust", "platform", "--host-key", key)).toMatchObject({ code: 0 });
    await vi.waitFor(async () => expect(await data()).toEqual({ round: "2" }), waiting);
  });

  test("may be given its host key at once, which then has to be right", async () => {
    const line = `[127.0.0.1]:${remote.port} ${remote.hostKey()}`;
    const wrong = await run("source", "add", repository.url, "--name", "other", "--host-key", `git.example ${line}`);
    expect(wrong).toMatchObject({ code: 2 });
    expect(await run("source", "add", repository.url, "--name", "other", "--host-key", line)).toMatchObject({
      code: 0,
    });
    await remote.authorize((await run("source", "identity", "other")).stdout.trim());
    expect(await run("sync", "source/other")).toMatchObject({ code: 0 });
    await vi.waitFor(async () => {
      const { revision } = await fleet.client.sources.get("other", AbortSignal.timeout(5000));
      expect(revision).toMatch(/^[0-9a-f]{40}$/u);
    }, waiting);
    await run("source", "remove", "other");
  });

  test.each(["-oProxyCommand=x:a", "ssh://-oProxyCommand=x/a", "ext::sh -c x", "git@git.example:-x", "ssh://h/a%0Ab"])(
    "is not added when its address is %j",
    async (url) => {
      const before = (await fleet.client.sources.list({}, AbortSignal.timeout(5000))).items.length;
      const refused = await run("source", "add", "--name", "hostile", "--", url);
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("error[usage]") });
      expect((await fleet.client.sources.list({}, AbortSignal.timeout(5000))).items).toHaveLength(before);
    },
  );

  test("has neither key nor host keys when it is read another way", async () => {
    expect(await run("source", "identity", "config")).toMatchObject({
      code: 6,
      stderr: expect.stringContaining("not read over SSH"),
    });
  });

  test("never shows its private key", async () => {
    const told = JSON.stringify([
      await fleet.hub.log(),
      await fleet.client.sources.get("platform", AbortSignal.timeout(5000)),
      await run("events", "-o", "json"),
    ]);
    expect(told).not.toMatch(/PRIVATE KEY|MC4CAQAwBQYDK2Vw|openssh-key-v1/u);
  });
});
