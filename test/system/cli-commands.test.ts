import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { MemoryBackend } from "@drover/hub/api/memory-backend";
import { sampleFleet, sampleNow } from "@drover/hub/api/sample-fleet";
import { startApi, type RunningApi } from "@drover/hub/api/start-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

import { temporaryFolder } from "../rig/watchdog.ts";
import { drover, type Outcome } from "./cli.ts";

/** Long enough for a machine that does much else. */
const patience = { timeout: 10_000 };

let api: RunningApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const command = (line: string): Promise<Outcome> => drover(api.url, line.split(" "));

describe("commands that change something", () => {
  test("join prints the manifest and nothing else on stdout", async () => {
    const { stdout, stderr } = await drover(api.url, ["join", "new-1", "-l", "env=prod,region=eu", "-l", "tier=gold"]);
    expect(stdout).toBe('# joins new-1 with {"env":"prod","region":"eu","tier":"gold"}\n');
    expect(stderr).toContain("then: drover get clusters new-1");
  });

  test("source add makes a path absolute and takes the password from a pipe", async () => {
    const received: unknown[] = [];
    const backend = new MemoryBackend();
    const addSource = backend.addSource.bind(backend);
    backend.addSource = (input) => {
      received.push(input);
      return addSource(input);
    };
    await using other = await startApi({ backend });
    const line = "source add ./config --name c1 --username ci --password-file - --interval 5m --path apps";
    const named = "source add https://git.example/a.git --credential team".split(" ");
    expect((await drover(other.url, named)).code).toBe(0);
    expect(received.splice(0)).toEqual([{ url: "https://git.example/a.git", intervalSeconds: 60, credential: "team" }]);
    expect((await drover(other.url, line.split(" "), { stdin: "s3cret\n" })).stdout).toBe("c1\n");
    expect(received).toEqual([
      {
        name: "c1",
        url: "/work-tree/config",
        path: "apps",
        username: "ci",
        password: "s3cret",
        intervalSeconds: 300,
      },
    ]);
    expect((await drover(other.url, ["source", "remove", "c1"])).code).toBe(0);
  });

  test("source add takes an address over SSH as it is, with host keys as they are given and from a file", async () => {
    await using keys = await temporaryFolder("host-keys");
    await writeFile(join(keys.path, "keys"), "# git.example:22 SSH-2.0\ngit.example ssh-ed25519 AAAA\n\n");
    const received: unknown[] = [];
    const backend = new MemoryBackend();
    const addSource = backend.addSource.bind(backend);
    backend.addSource = (input) => {
      received.push([input.url, input.hostKeys]);
      return addSource(input);
    };
    await using other = await startApi({ backend });
    const add = async (url: string, ...flags: readonly string[]): Promise<string> =>
      (await drover(other.url, ["source", "add", url, "--name", `s${received.length}`, ...flags])).stderr;
    const hostKeys = ["--host-key", `@${join(keys.path, "keys")}`, "--host-key", "ssh-rsa AAAA"];
    expect(await add("git@git.example:a/b.git", ...hostKeys)).toContain("drover source identity s0");
    expect(await add("git.example:b")).toContain("drover source identity s1");
    expect(await add("ssh://git.example/c")).toContain("drover source identity s2");
    expect(await add("./a:b")).toContain("drover describe source s3");
    expect(received).toEqual([
      ["git@git.example:a/b.git", ["git.example ssh-ed25519 AAAA", "ssh-rsa AAAA"]],
      ["git.example:b", undefined],
      ["ssh://git.example/c", undefined],
      ["/work-tree/a:b", undefined],
    ]);
    expect(await add("git.example:d", "--host-key", "@nothing")).toContain("the host keys in nothing cannot be read");
  });

  test("credential add takes what is secret from files and a pipe, all of it anew with --replace", async () => {
    await using folder = await temporaryFolder("credentials");
    const file = async (name: string, text: string): Promise<string> => {
      await writeFile(join(folder.path, name), text);
      return join(folder.path, name);
    };
    const backend = new MemoryBackend();
    await using other = await startApi({ backend });
    const add = async (flags: readonly string[], stdin = ""): Promise<Outcome> =>
      drover(other.url, ["credential", "add", "team", "--for", "https://git.example/team", ...flags], { stdin });
    const user = ["--username", "ci", "--password-file"];
    expect(await add([...user, await file("password", "s3cret\n")])).toEqual({ code: 0, stdout: "team\n", stderr: "" });
    expect(await add([...user, "-"], "s3cret-2\n")).toMatchObject({ code: 6 });
    expect((await add([...user, "-", "--replace"], "s3cret-2\n")).code).toBe(0);
    const [ca, certificate, key] = [
      await file("ca", "A\n"),
      await file("certificate", "B\n"),
      await file("key", "C\n"),
    ];
    const pair = ["--client-certificate-file", certificate, "--client-key-file", key];
    expect((await add(["--ca-file", ca, ...pair, "--replace"])).code).toBe(0);
    expect((await add(["--for", "http://git.example", "--password-file", "-", "--replace"], "x")).stderr).toBe(
      "warning: it goes to http://git.example without encryption\n",
    );
    const prefix = "https://git.example/team";
    expect(backend.asked.slice(0, 3).map((line) => JSON.parse(line.replace("credential team ", "")))).toEqual([
      { for: prefix, username: "ci", password: "s3cret" },
      { for: prefix, username: "ci", password: "s3cret-2" },
      { for: prefix, ca: "A", clientCertificate: "B", clientKey: "C" },
    ]);
    expect(await add(["--password-file", "-", "--ca-file", "-"])).toMatchObject({ code: 2 });
    expect(await add(["--password-file", "nothing"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("the password file nothing cannot be read"),
    });
    expect(await drover(other.url, ["credential", "add", "team"])).toMatchObject({ code: 2 });
  });

  test("credential remove says who goes on to name it", async () => {
    await using other = await startApi();
    const remove = async (name: string): Promise<Outcome> => drover(other.url, ["credential", "remove", name]);
    expect(await remove("charts")).toEqual({
      code: 0,
      stdout: "",
      stderr: "credential charts removed\nstill named by app/metrics: read no more, and running on\n",
    });
    expect((await remove("corp")).stderr).toBe("credential corp removed\n");
    expect(await remove("cord")).toMatchObject({ code: 5, stderr: expect.stringContaining("drover credential list") });
  });

  test("source identity prints the key and nothing else on stdout", async () => {
    const { stdout, stderr } = await drover(api.url, ["source", "identity", "platform"]);
    expect(stdout).toBe("ssh-ed25519 AAAAtest drover@platform\n");
    expect(stderr).toContain("add it to the deploy keys of the repository\n");
    const json = await drover(api.url, ["source", "identity", "source/platform", "-o", "json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ name: "platform", publicKey: stdout.trim(), hostKeys: [] });
  });

  test("source trust needs a key, and says which one is pinned then", async () => {
    expect(await drover(api.url, ["source", "trust", "platform"])).toMatchObject({ code: 2 });
    const { stderr } = await drover(api.url, ["source", "trust", "platform", "--host-key", "ssh-ed25519 AAAA"]);
    expect(api.backend.asked).toContain("trust source/platform ssh-ed25519 AAAA");
    expect(stderr).toContain("its server has to show ssh-ed25519 AAAA\n");
  });

  test("source trust says whose signature commits need, from files, and sends no private key", async () => {
    await using keys = await temporaryFolder("signers");
    const [team, secret] = [join(keys.path, "team"), join(keys.path, "secret")];
    await writeFile(team, "ssh-ed25519 AAAA bob\n");
    await writeFile(secret, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    const trust = async (...flags: readonly string[]) => drover(api.url, ["source", "trust", "platform", ...flags]);
    expect((await trust("--signed-by", team, "--signed-by", team)).stderr).toContain(
      "may be signed by ssh-ed25519 AAAA",
    );
    expect((await drover(api.url, ["describe", "source", "platform"])).stdout).toMatch(
      /signed by +ssh-ed25519 AAAA bob/u,
    );
    expect((await trust("--unsigned")).stderr).toContain("its commits need no signature\n");
    expect(api.backend.asked.filter((asked) => asked.startsWith("signers"))).toEqual([
      "signers source/platform 2",
      "signers source/platform 0",
    ]);
    expect((await trust("--signed-by", secret)).stderr).toContain("holds a private key");
    expect((await trust("--signed-by", "nothing")).stderr).toContain("the keys in nothing cannot be read");
    expect((await trust("--unsigned", "--signed-by", team)).code).toBe(2);
  });

  test("source webhook prints address and secret, and where a forge wants them", async () => {
    const { stdout, stderr } = await drover(api.url, ["source", "webhook", "platform", "gitea"]);
    expect(stdout).toBe(`address  ${api.url}/webhooks/platform\nsecret   first\n`);
    expect(stderr).toContain("Gitea, Forgejo: Settings, Webhooks");
    const json = await drover(api.url, ["source", "webhook", "platform", "github", "--rotate", "-o", "json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ secret: "second", address: `${api.url}/webhooks/platform` });
    expect(await drover(api.url, ["source", "webhook", "platform", "svn"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("github, gitlab, gitea, bitbucket, generic"),
    });
  });

  test("case 46: sync --confirm-prune shows what waits for a person, and confirms exactly that", async () => {
    const fleet = sampleFleet();
    const heldPrune = { digest: "sha256:1", objects: 1, reason: "KindIsGuarded" };
    const object = "PersistentVolumeClaim shop/data";
    const held = { object, apply: "held", message: "its deletion deletes data" } as const;
    const targets = fleet.targets?.map((target) =>
      target.app === "shop"
        ? { ...target, heldPrune, items: target.items.slice(0, 1).map((item) => ({ ...item, ...held })) }
        : target,
    );
    const backend = new MemoryBackend({ ...fleet, ...(targets === undefined ? {} : { targets }) });
    await using other = await startApi({ backend });
    const line = "sync shop@prod-eu-3 --confirm-prune";
    const shown = await drover(other.url, line.split(" "));
    expect([shown.code, shown.stdout]).toEqual([6, `delete ${object}: its deletion deletes data\n`]);
    expect(shown.stderr).toContain(`hint: if that is what you want: drover ${line} --yes`);
    expect(backend.asked).toEqual([]);
    expect((await drover(other.url, [...line.split(" "), "--yes"])).code).toBe(0);
    expect(backend.asked).toEqual(["confirm shop@prod-eu-3 sha256:1", "sync shop@prod-eu-3"]);
    const none = await drover(other.url, "sync metrics@prod-eu-3 --confirm-prune".split(" "));
    expect([none.code, none.stderr]).toEqual([6, expect.stringContaining("metrics@prod-eu-3 holds no deletions")]);
  });

  test("sync --wait returns at once for what is current, and says what is not when the time is over", async () => {
    const done = await drover(api.url, ["sync", "metrics@prod-eu-3", "--wait"]);
    expect([done.code, done.stdout]).toEqual([0, "metrics@prod-eu-3\n"]);
    const late = await drover(api.url, ["sync", "shop@prod-eu-3", "--wait", "--timeout", "0s"]);
    expect(late.code).toBe(3);
    expect(late.stderr).toContain("error[timeout]: shop@prod-eu-3 is failed: ImagePullBackOff");
  });

  test("sync --wait ends long before its time when a target has failed and stays so", async () => {
    const failed = await drover(api.url, ["sync", "shop@prod-eu-3", "--wait"]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("error[apply_failed]: shop@prod-eu-3 is failed: ImagePullBackOff");
    expect(failed.stderr).toContain("hint: drover describe target shop@prod-eu-3");
  }, 20_000);

  test("sync --wait of a source waits for a new fetch, and for its targets to be at that commit", async () => {
    const fleet = sampleFleet();
    const metrics = fleet.targets?.filter((target) => target.app === "metrics") ?? [];
    const backend = new MemoryBackend({ ...fleet, targets: metrics });
    await using other = await startApi({ backend });
    const output = { stdout: "", stderr: "" };
    const waiting = drover(other.url, ["sync", "source/platform", "--wait"], { output });
    await expect.poll(() => backend.asked, patience).toContain("sync source/platform");
    const source = backend.sourceByName.get("platform");
    if (source === undefined) throw new Error("the sample fleet has changed");
    const revision = "b".repeat(40);
    backend.sourceByName.set("platform", { ...source, revision, fetched: source.fetched + 1 });
    expect(output.stderr).toBe("");
    for (const target of metrics) {
      backend.targetByAddress.set(`${target.app}@${target.cluster}`, { ...target, revision });
    }
    expect((await waiting).stderr).toBe("source/platform current\n");
  });

  test("sync asks for a source by its prefix", async () => {
    expect((await drover(api.url, ["sync", "source/platform"])).code).toBe(0);
    expect(api.backend.asked).toContain("sync source/platform");
  });
});

test("events are listed, filtered and resumed by id", async () => {
  const backend = new MemoryBackend();
  await using other = await startApi({ backend });
  const add = (type: string, app: string, cluster: string, message: string): void =>
    backend.events.add({ at: sampleNow, type, app, cluster, message });
  add("commit", "", "", "main@4be1f02 by ana");
  add("applied", "shop", "prod-1", "5 objects");
  add("offline", "", "prod-2", "no contact for 45s");
  const time = new Date(sampleNow).toTimeString().slice(0, 8);
  expect((await drover(other.url, ["events"])).stdout).toBe(
    `${time} commit       main@4be1f02 by ana\n${time} applied      shop@prod-1 5 objects\n${time} offline      prod-2 no contact for 45s\n`,
  );
  expect((await drover(other.url, ["events", "--after", "2"])).stdout).toBe(
    `${time} offline      prod-2 no contact for 45s\n`,
  );
  expect((await drover(other.url, ["events", "--app", "shop"])).stdout).toBe(
    `${time} applied      shop@prod-1 5 objects\n`,
  );
  const { items } = JSON.parse((await drover(other.url, ["events", "-o", "json"])).stdout) as { items: unknown[] };
  expect(items).toHaveLength(3);
});

test("get targets -w prints what changes, when it changes", async () => {
  const backend = new MemoryBackend(sampleFleet());
  await using other = await startApi({ backend });
  const stop = new AbortController();
  const output = { stdout: "", stderr: "" };
  const line = ["get", "targets", "--app", "shop", "-w", "-o", "json"];
  const watching = drover(other.url, line, { signal: stop.signal, output });
  const states = (): readonly string[] =>
    output.stdout
      .split("\n")
      .filter((text) => text !== "")
      .map((text) => (JSON.parse(text) as { readonly state: string }).state);
  await expect.poll(() => backend.events.followers, patience).toBe(1);
  await expect.poll(states, patience).toEqual(["failed", "offline", "drifted"]);
  const failed = backend.targetByAddress.get("shop@prod-eu-3");
  if (failed === undefined) throw new Error("the sample fleet has changed");
  backend.targetByAddress.set("shop@prod-eu-3", { ...failed, state: "current", reason: "", message: "" });
  backend.events.add({ at: sampleNow, type: "applied", app: "shop", cluster: "prod-eu-3", message: "" });
  await expect.poll(states, patience).toEqual(["failed", "offline", "drifted", "current"]);
  stop.abort();
  expect((await watching).code).toBe(0);
});

test.each([
  ["evnts -w", "did you mean drover events?"],
  ["get clutsers", "did you mean clusters?"],
  ["describe tagret x", "did you mean target?"],
  ["get apps --stat failed", "did you mean --state?"],
  ["describe target shop@prod-eu-4", "did you mean shop@prod-eu-3?"],
  ["context", "what it can do: drover context --help"],
  ["why shpo@prod-eu-3", "did you mean shop?"],
  ["why-not shop@prod-eu-33", "did you mean prod-eu-3?"],
  ["why-not shop@prod-eu-3", "drover why shop@prod-eu-3"],
  ["blame cm/shop shop@prod-eu-3 data[txet]", "did you mean data[text]?"],
  ["get apps -l env=prod", "they can with --state"],
  ["get targets -l env=prod", "they can with --state, --app, --cluster"],
])("drover %s: %s", async (line, hint) => {
  expect((await command(line)).stderr).toContain(`hint: ${hint}`);
});

test("why and why-not tell by their exit code what is so, and print the same for scripts", async () => {
  await using other = await startApi();
  const ask = (line: string): Promise<Outcome> => drover(other.url, line.split(" "));
  const lines = ["why shop@prod-eu-3", "why shop@dev-1", "why-not shop@dev-1", "why-not shop@prod-eu-3", "why shop"];
  const outcomes = await Promise.all(lines.map(ask));
  expect(outcomes.map(({ code }) => code)).toEqual([0, 5, 0, 6, 2]);
  expect(outcomes.map(({ stdout }) => stdout !== "")).toEqual([true, false, true, false, false]);
  expect(outcomes[1]?.stderr).toContain("hint: drover why-not shop@dev-1");
  expect(JSON.parse((await ask("why shop@prod-eu-3 -o json")).stdout)).toMatchObject({ selected: true });
  expect((await ask("why-not shop@dev-1 -o name")).stdout).toBe("everywhere\ncanary\n");
});

test("blame asks for an object of a namespace, and refuses what names none", async () => {
  const { stdout } = await command("blame cm/shop -n shop shop@prod-eu-3 data -o json");
  expect(api.backend.asked).toContain("blame cm/shop shop");
  const { fields } = JSON.parse(stdout) as { readonly fields: readonly { readonly path: string }[] };
  expect(fields.map(({ path }) => path)).toEqual(["data[text]", "data[url]"]);
  expect((await command("blame cm/shop shop@prod-eu-3 dat")).code).toBe(5);
});

test("agent rbac prints YAML for kubectl, and beside it what is not in there", async () => {
  const { code, stdout, stderr } = await command("agent rbac shop@prod-eu-1");
  expect(code).toBe(0);
  const documents = parseAllDocuments(stdout).map((document) => document.toJS() as { readonly kind: string });
  expect(documents.map(({ kind }) => kind)).toEqual(["ServiceAccount", "Role"]);
  expect(stdout).toContain("# for the service account of shop@prod-eu-1\n");
  expect(stdout).toContain("# for the agent of prod-eu-1\n");
  expect(stderr).toContain("parts.example.com/v1 Gadget");
  expect((await command("agent rbac --help")).stdout).toContain("drover agent rbac shop@prod-1 | kubectl apply -f -");
});

test("sign shows what it would sign, signs it with --yes, and not what the folder does not come to", async () => {
  await using folder = await temporaryFolder("sign");
  const key = join(folder.path, "me.pem");
  const { privateKey } = generateKeyPairSync("ed25519");
  await writeFile(key, privateKey.export({ type: "pkcs8", format: "pem" }));
  const sign = (...args: readonly string[]) => drover(api.url, ["sign", ...args, "--key", key]);
  expect((await sign("--show-key")).stdout).toMatch(/^[\w-]{43}\n$/u);
  const shown = await sign("shop@prod-eu-1", "--expires", "12h");
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(
    /shop@prod-eu-1 at .*\n +bundle +sha256:.*\n +objects +\d+ .*\n +for +prod-eu-1\n +until /u,
  );
  expect(shown.stderr).toContain("--yes");
  expect(api.backend.asked.some((asked) => asked.startsWith("sign "))).toBe(false);
  expect((await sign("shop", "--yes")).stdout).toContain("every cluster that is to run this bundle");
  expect(api.backend.asked.filter((asked) => asked.startsWith("sign shop@")).length).toBeGreaterThan(1);
  expect((await sign("shop@prod-eu-1", "--expires", "soon")).code).toBe(2);
  expect((await sign("shop@prod-eu-1", "--from", folder.path, "--yes")).code).not.toBe(0);
});

describe("help", () => {
  test("of credential add begins with examples", async () => {
    expect((await command("credential add --help")).stdout).toMatch(/^Examples:\n +drover credential add /u);
  });

  test.each([
    "get",
    "describe",
    "why",
    "why-not",
    "blame",
    "events",
    "diff",
    "tree",
    "sync",
    "join",
    "version",
    "completion",
  ])("of %s begins with examples and is data", async (name) => {
    const { code, stdout, stderr } = await command(`${name} --help`);
    expect([code, stderr, stdout.startsWith(`Examples:\n  `)]).toEqual([0, "", true]);
    expect(stdout).toContain(`drover ${name}`);
  });

  test("of all has every command, and a page for the flags of all", async () => {
    const { stdout } = await command("help");
    const some = "get describe events diff tree sync source credential cluster agent join".split(" ");
    for (const name of some) {
      expect(stdout).toMatch(new RegExp(`^  ${name} +\\w`, "mu"));
    }
    expect((await command("help flags")).stdout).toContain("--token-file");
    expect((await command("help get")).stdout).toBe((await command("get --help")).stdout);
  });
});

test.each(["bash", "zsh", "fish"])("the completion for %s names every command", async (shell) => {
  const { code, stdout } = await command(`completion ${shell}`);
  expect(code).toBe(0);
  for (const name of ["get", "describe", "events", "source", "cluster", "context"]) expect(stdout).toContain(name);
});
