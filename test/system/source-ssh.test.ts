import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { createMirror, type Mirror, type SourceSpec } from "@drover/hub/source/git/mirror";
import { readSnapshot } from "@drover/hub/source/snapshot";
import { createDeployKeys, type DeployKeys } from "@drover/hub/source/ssh/deploy-keys";
import { describeKey } from "@drover/hub/source/ssh/ssh-keys";
import { openSqliteStore } from "@drover/hub/store/sqlite";
import { DroverError } from "@drover/shared/errors";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { startFaultProxy } from "../rig/fault-proxy.ts";
import { startGitSsh, type GitSsh, type GitSshRepository } from "../rig/git-ssh.ts";
import { createWorkTree, type WorkTree } from "../rig/git.ts";
import { temporaryFolder, type TemporaryFolder } from "../rig/watchdog.ts";

const signal = AbortSignal.timeout(300_000);
const keyWrap = openSqliteStore(":memory:").encryption;

describeWithRig("git", "sshd")("a repository over ssh", () => {
  let remote: GitSsh;
  let folder: TemporaryFolder;
  let repository: GitSshRepository;
  let tree: WorkTree;
  let deployKeys: DeployKeys;
  let pins: Map<string, string>;
  let mirror: Mirror;
  let source: SourceSpec;
  let runs = 0;

  const openMirror = (options: { readonly maxBytes?: number; readonly timeoutMs?: number } = {}): Mirror =>
    createMirror({
      folder: join(folder.path, "mirrors"),
      ssh: { deployKeys, pin: ({ name }, hostKey) => void pins.set(name, hostKey) },
      ...options,
    });
  const publicLine = async (): Promise<string> => (await deployKeys.of(source.name)).publicLine;

  beforeAll(async () => {
    remote = await startGitSsh();
    folder = await temporaryFolder("mirrors");
  });
  afterAll(async () => {
    await remote[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    runs += 1;
    repository = await remote.createRepository(`config-${runs}.git`);
    tree = await createWorkTree({ files: { "apps/a.yaml": "a: 1\n", "apps/b.yaml": "b: 1\n" } });
    await tree.push(repository.path);
    deployKeys = createDeployKeys(join(folder.path, "keys"), keyWrap);
    pins = new Map();
    mirror = openMirror();
    source = { name: `config-${runs}`, url: repository.url, ref: "", hostKeys: [remote.hostKey()] };
    await remote.authorize(await publicLine());
    return () => tree[Symbol.asyncDispose]();
  });

  const fetchError = async (change: Partial<SourceSpec> = {}, from = mirror): Promise<DroverError> => {
    const error: unknown = await from.fetch({ ...source, ...change }, signal).catch((cause: unknown) => cause);
    if (!(error instanceof DroverError)) throw new Error("the fetch did not fail as it should", { cause: error });
    return error;
  };
  const read = async (path: string): Promise<string> => {
    const commit = await mirror.fetch(source, signal);
    const snapshot = await readSnapshot(mirror, source, { commit, path: "" }, signal);
    return new TextDecoder().decode(await snapshot.read(path));
  };
  const commit = async (text: string): Promise<string> => {
    const id = await tree.commit(text, { "apps/a.yaml": `a: ${text}\n` });
    await tree.push(repository.path);
    return id;
  };

  test("is fetched without history, and each new commit after it", async () => {
    const second = await commit("2");
    expect(await mirror.fetch(source, signal)).toMatchObject({ id: second, ref: "main", message: "2" });
    expect(await read("apps/a.yaml")).toBe("a: 2\n");
    const third = await commit("3");
    expect(await mirror.fetch(source, signal)).toMatchObject({ id: third });
    expect(await read("apps/a.yaml")).toBe("a: 3\n");
    expect(await read("apps/b.yaml")).toBe("b: 1\n");
  });

  test("E4: a server says whether a branch followed its commit", async () => {
    const first = await mirror.fetch(source, signal);
    await commit("2");
    const third = await commit("3");
    expect(await mirror.ancestry(source, await mirror.fetch(source, signal), first.id, signal)).toBe("descends");
    await tree.git("commit", "--quiet", "--amend", "--message=Rewritten");
    await tree.push(repository.path);
    expect(await mirror.ancestry(source, await mirror.fetch(source, signal), third, signal)).toBe("rewritten");
    expect(await mirror.ancestry(source, await mirror.fetch(source, signal), "1".repeat(40), signal)).toBe("rewritten");
  });

  test("transfers of a commit what it changes, not the repository", async () => {
    const much = Array.from({ length: 9000 }, (_, n) => (n * n * 7919).toString(36)).join("");
    await tree.write({ "much.txt": much });
    await commit("2");
    await mirror.fetch(source, signal);
    mirror = openMirror({ maxBytes: 10_000 });
    await commit("3");
    expect(await read("apps/a.yaml")).toBe("a: 3\n");
    expect(await read("much.txt")).toBe(much);
  });

  test("costs one command when there is no news, and two when there is", async () => {
    const before = (await remote.commands()).length;
    await mirror.fetch(source, signal);
    await mirror.fetch(source, signal);
    const command = `git-upload-pack '${repository.path}'`;
    expect((await remote.commands()).slice(before)).toEqual([command, command, command]);
  });

  test("is read in all forms of its address", async () => {
    const urls = [
      repository.url,
      repository.url.replace("git@", ""),
      `ssh://git@127.0.0.1:${remote.port}/~/repositories/config-${runs}.git/`,
    ];
    for (const url of urls) expect(await mirror.fetch({ ...source, url }, signal)).toMatchObject({ ref: "main" });
  });

  test("may lie in a folder whose name a shell would read otherwise", async () => {
    const odd = await remote.createRepository(`it's $(touch x) !1 "&" \`${runs}\`;.git`);
    await tree.push(odd.path);
    const url = `ssh://git@127.0.0.1:${remote.port}${encodeURI(odd.path)}`;
    expect(await mirror.fetch({ ...source, url }, signal)).toMatchObject({ ref: "main" });
  });

  test("gives branches and tags by name", async () => {
    const first = await tree.git("rev-parse", "HEAD");
    await tree.git("tag", "--annotate", "--message=note", "v1");
    await tree.git("push", "--quiet", repository.path, "v1", "HEAD:refs/heads/feature/x");
    expect(await mirror.fetch({ ...source, ref: "v1" }, signal)).toMatchObject({ id: first.trim(), ref: "v1" });
    expect(await mirror.fetch({ ...source, ref: "feature/x" }, signal)).toMatchObject({ ref: "feature/x" });
    expect(await fetchError({ ref: "gone" })).toMatchObject({ code: "source_ref_missing" });
  });

  test("gives a commit by its id as long as the server does", async () => {
    const first = (await tree.git("rev-parse", "HEAD")).trim();
    expect(await mirror.fetch({ ...source, ref: first }, signal)).toMatchObject({ id: first, ref: first });
    await tree.commit("Second", { "apps/a.yaml": "a: 2\n" });
    await tree.push(repository.path);
    const other = { ...source, name: `${source.name}-other` };
    await remote.authorize(await publicLine(), (await deployKeys.of(other.name)).publicLine);
    expect(await fetchError({ ...other, ref: first })).toMatchObject({ code: "source_ref_missing" });
    expect(await fetchError({ ...other, ref: "0".repeat(40) })).toMatchObject({ code: "source_ref_missing" });
  });

  test("says so when it has no commit or is not there", async () => {
    const empty = await remote.createRepository(`empty-${runs}.git`);
    expect(await fetchError({ url: empty.url })).toMatchObject({ code: "source_ref_missing" });
    const missing = await fetchError({ url: `${repository.url}.nothing` });
    expect(missing).toMatchObject({ code: "source_missing", message: expect.stringContaining("the server says") });
    expect(missing.hint).toContain(await publicLine());
  });

  test("works with a server that knows only the oldest protocol", async () => {
    await using old = await startGitSsh({ protocol2: false });
    await old.authorize(await publicLine());
    const { url, path } = await old.createRepository("config.git");
    const there = { url, hostKeys: [old.hostKey()] };
    expect(await fetchError(there)).toMatchObject({ code: "source_ref_missing" });
    await tree.push(path);
    source = { ...source, ...there };
    expect(await read("apps/a.yaml")).toBe("a: 1\n");
    await tree.git("tag", "v1");
    await tree.git("push", "--quiet", path, "v1");
    expect(await mirror.fetch({ ...source, ref: "v1" }, signal)).toMatchObject({ ref: "v1" });
  });

  describe("its deploy key", () => {
    test("is asked to be added where the server does not know it, and the fetch goes on once it was", async () => {
      await remote.authorize();
      const error = await fetchError();
      expect(error).toMatchObject({ code: "source_auth" });
      expect(error.hint).toContain(await publicLine());
      expect(error.hint).toContain("Deploy keys");
      await remote.authorize(await publicLine());
      expect(await mirror.fetch(source, signal)).toMatchObject({ ref: "main" });
    });

    test("stays the same over restarts, is for its owner alone, and is in no text", async () => {
      const line = await publicLine();
      expect(line).toMatch(new RegExp(`^ssh-ed25519 [A-Za-z0-9+/=]{68} drover@${source.name}$`, "u"));
      deployKeys = createDeployKeys(join(folder.path, "keys"), keyWrap);
      expect(await Promise.all([publicLine(), publicLine()])).toEqual([line, line]);
      const file = join(folder.path, "keys", `${source.name}.key`);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const wrapped = JSON.parse(await readFile(file, "utf8")) as Parameters<typeof keyWrap.unwrap>[0];
      const pem = Buffer.from(keyWrap.unwrap(wrapped, `deploy key ${source.name}`) ?? []).toString();
      const secret = pem.split("\n")[1] ?? "";
      expect(secret).not.toBe("");
      await remote.authorize();
      const error = await fetchError();
      expect(JSON.stringify([error.message, error.hint, error.stack, String(error.cause)])).not.toContain(secret);
    });

    test("outlives what was fetched with it: a person has added it to the repository", async () => {
      const line = await publicLine();
      await mirror.fetch(source, signal);
      await mirror.forget(source.name);
      expect(await publicLine()).toBe(line);
      expect(await mirror.fetch(source, signal)).toMatchObject({ ref: "main" });
    });
  });

  describe("its host key", () => {
    test("is pinned when it is seen first, before the server has let the hub in", async () => {
      await remote.authorize();
      expect(await fetchError({ hostKeys: [] })).toMatchObject({ code: "source_auth" });
      expect(pins.get(source.name)).toBe(remote.hostKey());
    });

    test("is refused once it has changed, and what was fetched stays", async () => {
      await mirror.fetch(source, signal);
      await commit("2");
      const before = remote.hostKey();
      await remote.changeHostKey();
      const error = await fetchError();
      expect(error.code).toBe("host_key_changed");
      expect(error.message).toContain(`shows the key ${describeKey(remote.hostKey())}`);
      expect(error.message).toContain(`${describeKey(before)} is pinned`);
      expect(error.hint).toContain(`drover source trust ${source.name} --host-key "${remote.hostKey()}"`);
      expect(await (await openMirror().objects(source)).readBlob(await blobOf("a: 1\n"), 100)).toBeDefined();
      source = { ...source, hostKeys: [remote.hostKey()] };
      expect(await read("apps/a.yaml")).toBe("a: 2\n");
    });

    test("may be one of several that are pinned, of another kind than the server's others", async () => {
      const rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7";
      expect(await mirror.fetch({ ...source, hostKeys: [rsa, remote.hostKey()] }, signal)).toMatchObject({});
      expect(await fetchError({ hostKeys: [rsa] })).toMatchObject({ code: "host_key_changed" });
    });

    test("ends the fetch when it cannot be pinned", async () => {
      const refuse = createMirror({
        folder: join(folder.path, "refuse"),
        ssh: {
          deployKeys,
          pin: () => {
            throw new DroverError("canceled", "changed meanwhile");
          },
        },
      });
      expect(await fetchError({ hostKeys: [] }, refuse)).toMatchObject({ code: "canceled" });
    });
  });

  const blobOf = async (text: string): Promise<string> => {
    await tree.write({ "blob.txt": text });
    return (await tree.git("hash-object", "blob.txt")).trim();
  };

  test("E1: is unreachable while it is down, and read again afterwards", async () => {
    await mirror.fetch(source, signal);
    await remote.takeDown();
    try {
      expect(await fetchError()).toMatchObject({
        code: "source_unreachable",
        message: expect.stringContaining("ECONNREFUSED"),
      });
    } finally {
      await remote.bringUp();
    }
    expect(await mirror.fetch(source, signal)).toMatchObject({ ref: "main" });
  });

  test("loses nothing when the connection breaks, wherever that is", async () => {
    await using proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: remote.port } });
    source = { ...source, url: source.url.replace(`:${remote.port}`, `:${proxy.port}`) };
    expect(await read("apps/a.yaml")).toBe("a: 1\n");
    await tree.write({ "noise.txt": Array.from({ length: 4000 }, (_, n) => (n * n * 7919).toString(36)).join("") });
    const second = await commit("2");
    for (const bytes of [10, 900, 1700, 2500, 4000, 6000, 9000, 14_000]) {
      proxy.setFaults({ cutAfterBytes: [bytes, bytes] });
      expect(await fetchError(), `after ${bytes} bytes`).toMatchObject({ code: "source_unreachable" });
      const kept = await openMirror().objects(source);
      expect(await kept.readBlob(await blobOf("a: 1\n"), 100)).toBeDefined();
    }
    proxy.setFaults({});
    expect(await mirror.fetch(source, signal)).toMatchObject({ id: second });
    expect(await read("apps/b.yaml")).toBe("b: 1\n");
  });

  test("is cut off when it sends more than it may or takes too long", async () => {
    expect(await fetchError({}, openMirror({ maxBytes: 100 }))).toMatchObject({ code: "input_too_large" });
    await using proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: remote.port } });
    proxy.stall();
    const url = source.url.replace(`:${remote.port}`, `:${proxy.port}`);
    const error = await fetchError({ url }, openMirror({ timeoutMs: 300 }));
    expect(error).toMatchObject({ code: "source_unreachable", message: expect.stringContaining("took too long") });
  });

  test.each([
    ["before the server has said a word", 0],
    ["while it answers", 1],
  ])("is let go at once when nobody wants it any more, %s", async (_when, commands) => {
    await using proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: remote.port } });
    if (commands === 0) proxy.stall();
    else proxy.setFaults({ delayMs: 100 });
    const before = (await remote.commands()).length;
    const url = source.url.replace(`:${remote.port}`, `:${proxy.port}`);
    const stop = new AbortController();
    const fetched = mirror.fetch({ ...source, url }, stop.signal);
    fetched.catch(() => undefined);
    await expect.poll(() => proxy.connections()).toBeGreaterThan(0);
    await expect.poll(async () => (await remote.commands()).length).toBe(before + commands);
    if (commands > 0) proxy.stall();
    stop.abort();
    await expect(fetched).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    proxy.resume();
    await expect.poll(() => proxy.connections()).toBe(0);
  });

  test("T7: on the hub's own machine it is read when people added it, and not when a file in Git declares it", async () => {
    await using proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: remote.port } });
    const at = (host: string): string => `ssh://git@${host}:${proxy.port}${repository.path}`;
    for (const host of ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"]) {
      expect(await fetchError({ url: at(host), declaredIn: "config" }), `at ${host}`).toMatchObject({
        code: "forbidden",
      });
    }
    expect(await fetchError({ url: at("169.254.169.254") })).toMatchObject({ code: "forbidden" });
    expect(proxy.accepted()).toBe(0);
    expect(await mirror.fetch({ ...source, url: at("localhost") }, signal)).toMatchObject({ ref: "main" });
  });

  test("leaves no connection behind", async () => {
    await using proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: remote.port } });
    const url = source.url.replace(`:${remote.port}`, `:${proxy.port}`);
    await mirror.fetch({ ...source, url }, signal);
    await mirror.fetch({ ...source, url }, signal);
    expect(proxy.accepted()).toBe(3);
    await expect.poll(() => proxy.connections()).toBe(0);
  });

  test("is not taken for one where something else answers", async () => {
    const site = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(0, "127.0.0.1");
    await once(site, "listening");
    const address = site.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await fetchError({ url: `ssh://git@127.0.0.1:${port}/a` })).toMatchObject({ code: "source_unreachable" });
    site.close();
    expect(await fetchError({ url: "git@no-such-host.invalid:a.git" })).toMatchObject({ code: "source_unreachable" });
  });
});
