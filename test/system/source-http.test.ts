import { once } from "node:events";
import { readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

import { createMirror, type Mirror, type SourceSpec } from "@drover/hub/source/git/mirror";
import { readSnapshot } from "@drover/hub/source/snapshot";
import { DroverError } from "@drover/shared/errors";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { startFaultProxy } from "../rig/fault-proxy.ts";
import { startGitHttp, type GitHttp, type GitHttpRepository } from "../rig/git-http.ts";
import { createWorkTree, type WorkTree } from "../rig/git.ts";
import { temporaryFolder, type TemporaryFolder } from "../rig/watchdog.ts";

const signal = AbortSignal.timeout(300_000);
const secret = "s3cr3t-token";

describeWithRig("git")("a repository over http", () => {
  let remote: GitHttp;
  let repository: GitHttpRepository;
  let tree: WorkTree;
  let folder: TemporaryFolder;
  let mirror: Mirror;
  let source: SourceSpec;
  let runs = 0;

  beforeAll(async () => {
    remote = await startGitHttp();
    folder = await temporaryFolder("mirrors");
  });
  afterAll(async () => {
    await remote[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    runs += 1;
    remote.requireAuth(undefined);
    repository = await remote.createRepository(`config-${runs}.git`);
    tree = await createWorkTree({ files: { "apps/a.yaml": "a: 1\n", "apps/b.yaml": "b: 1\n" } });
    await tree.push(repository.path);
    source = { name: `config-${runs}`, url: repository.url, ref: "" };
    mirror = createMirror({ folder: folder.path });
    return () => tree[Symbol.asyncDispose]();
  });

  const fetchError = async (change: Partial<SourceSpec> = {}): Promise<DroverError> => {
    const error: unknown = await mirror.fetch({ ...source, ...change }, signal).catch((cause: unknown) => cause);
    if (!(error instanceof DroverError)) throw new Error("the fetch did not fail as it should");
    return error;
  };
  const read = async (path: string): Promise<string> => {
    const commit = await mirror.fetch(source, signal);
    const snapshot = await readSnapshot(mirror, source, { commit, path: "" }, signal);
    return new TextDecoder().decode(await snapshot.read(path));
  };

  test("is fetched without history, and each new commit after it", async () => {
    const second = await tree.commit("Second", { "apps/a.yaml": "a: 2\n" });
    await tree.push(repository.path);
    expect(await mirror.fetch(source, signal)).toMatchObject({ id: second, ref: "main", message: "Second" });
    expect(await read("apps/a.yaml")).toBe("a: 2\n");
    const third = await tree.commit("Third", { "apps/a.yaml": "a: 3\n", "apps/c.yaml": "c: 1\n" });
    await tree.push(repository.path);
    expect(await mirror.fetch(source, signal)).toMatchObject({ id: third });
    expect(await read("apps/a.yaml")).toBe("a: 3\n");
    expect(await read("apps/b.yaml")).toBe("b: 1\n");
  });

  test("E4: is read when a commit is taken back, however often", async () => {
    const settings = (value: string): string => `${"same: line\n".repeat(200)}value: ${value}\n`;
    for (const value of ["1", "2", "1", "2", "1", "3", "2", "1", "2"]) {
      await tree.commit(value, { "apps/a.yaml": settings(value) });
      await tree.push(repository.path);
      expect(await read("apps/a.yaml")).toBe(settings(value));
    }
  });

  test("costs no fetch when there is no news", async () => {
    await mirror.fetch(source, signal);
    const before = remote.requests.length;
    await mirror.fetch(source, signal);
    await expect.poll(() => remote.requests.length).toBeGreaterThan(before);
    const asked = remote.requests.slice(before).map(({ method, url }) => `${method} ${url.split("/").at(-1) ?? ""}`);
    expect(asked).toEqual(["GET refs?service=git-upload-pack", "POST git-upload-pack"]);
  });

  test("E4: follows a rewritten history", async () => {
    await mirror.fetch(source, signal);
    await tree.git("commit", "--quiet", "--amend", "--message=Rewritten");
    await tree.push(repository.path);
    expect(await mirror.fetch(source, signal)).toMatchObject({ message: "Rewritten" });
  });

  test.each([
    ["and leaves out files where it may", "true"],
    ["and sends files along where it may not", "false"],
  ])("E4: a server says whether a branch followed its commit, %s", async (_how, allowed) => {
    await tree.git("--git-dir", repository.path, "config", "uploadpack.allowFilter", allowed);
    const first = await mirror.fetch(source, signal);
    const ancestry = async (earlier: string) => {
      const commit = await mirror.fetch(source, signal);
      return mirror.ancestry(source, commit, earlier, signal);
    };
    await tree.commit("Second", { "apps/a.yaml": "a: 2\n" });
    const second = (await tree.git("rev-parse", "HEAD")).trim();
    await tree.git("checkout", "--quiet", "-b", "side", first.id);
    await tree.commit("Side", { "apps/c.yaml": "c: 1\n" });
    await tree.git("checkout", "--quiet", "main");
    await tree.git("merge", "--quiet", "--no-edit", "side");
    for (const number of [3, 4, 5]) await tree.commit(String(number), { "apps/a.yaml": `a: ${number}\n` });
    await tree.push(repository.path);
    expect(await ancestry(first.id)).toBe("descends");
    expect(await ancestry(second)).toBe("descends");
    const fifth = (await tree.git("rev-parse", "HEAD")).trim();
    await tree.git("commit", "--quiet", "--amend", "--message=Rewritten");
    await tree.push(repository.path);
    expect(await ancestry(fifth)).toBe("rewritten");
    await tree.git("reset", "--quiet", "--hard", second);
    await tree.push(repository.path);
    expect(await ancestry(fifth)).toBe("rewritten");
    expect(await ancestry("0123456789".repeat(4))).toBe("rewritten");
  });

  test("E4: where a server would have to send too much to tell, nobody is told that it was rewritten", async () => {
    const first = await mirror.fetch(source, signal);
    const much = Array.from({ length: 900_000 }, (_, n) => (n * n * 7919).toString(36)).join("");
    await tree.commit("Second", { "much.txt": much });
    await tree.commit("Third", { "much.txt": "" });
    await tree.push(repository.path);
    const commit = await mirror.fetch(source, signal);
    expect(await mirror.ancestry(source, commit, first.id, signal)).toBe("unknown");
    await tree.git("--git-dir", repository.path, "config", "uploadpack.allowFilter", "true");
    expect(await mirror.ancestry(source, commit, first.id, signal)).toBe("descends");
  });

  test("gives branches and tags by name", async () => {
    const first = await tree.git("rev-parse", "HEAD");
    await tree.git("tag", "--annotate", "--message=note", "v1");
    await tree.git("push", "--quiet", repository.path, "v1", "HEAD:refs/heads/feature/x");
    const tag = (await tree.git("rev-parse", "v1")).trim();
    for (const wanted of [{ ref: "v1" }, { ref: "v1" }, { ref: "", version: "v1" }])
      expect(await mirror.fetch({ ...source, ...wanted }, signal)).toMatchObject({ id: first.trim(), ref: "v1", tag });
    expect(await mirror.fetch({ ...source, ref: "feature/x" }, signal)).toMatchObject({ ref: "feature/x" });
  });

  test("gives a commit by its id", async () => {
    const first = (await tree.git("rev-parse", "HEAD")).trim();
    expect(await mirror.fetch({ ...source, ref: first }, signal)).toMatchObject({ id: first, ref: first });
    await tree.commit("Second", { "apps/a.yaml": "a: 2\n" });
    await tree.push(repository.path);
    const other = { ...source, name: `${source.name}-other` };
    expect(await mirror.fetch({ ...other, ref: first }, signal)).toMatchObject({ id: first });
    expect(await fetchError({ ...other, ref: "0".repeat(40) })).toMatchObject({ code: "source_ref_missing" });
  });

  test("E3: says so when its branch has gone", async () => {
    expect(await fetchError({ ref: "gone" })).toMatchObject({ code: "source_ref_missing" });
  });

  test("says so when it has no commit, is not there, or is no Git server", async () => {
    const empty = await remote.createRepository(`empty-${runs}.git`);
    expect(await fetchError({ url: empty.url })).toMatchObject({ code: "source_ref_missing" });
    expect(await fetchError({ url: `${remote.url}/nothing.git` })).toMatchObject({ code: "source_missing" });
    const site = createServer((_request, response) => response.end("<html>welcome</html>")).listen(0, "127.0.0.1");
    await once(site, "listening");
    const address = site.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await fetchError({ url: `http://127.0.0.1:${port}/a` })).toMatchObject({ code: "source_missing" });
    site.close();
  });

  test("wants credentials and gets them, as user and password or as a bearer token", async () => {
    remote.requireAuth({ kind: "basic", username: "drover", password: secret });
    expect(await mirror.fetch({ ...source, username: "drover", password: secret }, signal)).toMatchObject({
      ref: "main",
    });
    const url = source.url.replace("://", `://drover:${secret}@`);
    expect(await mirror.fetch({ ...source, url }, signal)).toMatchObject({ ref: "main" });
    remote.requireAuth({ kind: "bearer", token: secret });
    expect(await mirror.fetch({ ...source, password: secret }, signal)).toMatchObject({ ref: "main" });
  });

  test("refuses wrong credentials with a code, and nothing echoes them", async () => {
    remote.requireAuth({ kind: "basic", username: "drover", password: "another" });
    const url = source.url.replace("://", `://drover:${secret}@`);
    for (const change of [{ username: "drover", password: secret }, { url }, { password: secret }]) {
      const error = await fetchError(change);
      expect(error).toMatchObject({ code: "source_auth" });
      expect(JSON.stringify([error.message, error.hint, error.stack, String(error.cause)])).not.toContain(secret);
    }
    expect(await fetchError()).toMatchObject({ code: "source_auth", hint: "register it with a user name and a token" });
    const kept = await readdir(folder.path, { recursive: true });
    expect(kept.join("\n")).not.toContain(secret);
  });

  test("does not take its credentials along to where it is redirected", async () => {
    const seen: (string | undefined)[] = [];
    const thief = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end();
    }).listen(0, "127.0.0.1");
    const mover = createServer((request, response) => {
      const address = thief.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      response.writeHead(302, { location: `http://127.0.0.1:${port}${request.url ?? ""}` }).end();
    }).listen(0, "127.0.0.1");
    await Promise.all([once(thief, "listening"), once(mover, "listening")]);
    const address = mover.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const error = await fetchError({ url: `http://127.0.0.1:${port}/a`, username: "drover", password: secret });
    expect(error).toMatchObject({ code: "source_missing", message: expect.stringContaining("has moved to") });
    expect(seen).toEqual([]);
    thief.close();
    mover.close();
  });

  test("T7: on the hub's own machine it is read when people added it, and not when a file in Git declares it", async () => {
    expect(await mirror.fetch({ ...source, declaredIn: "" }, signal)).toMatchObject({ ref: "main" });
    const before = remote.requests.length;
    for (const host of ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "0"]) {
      const url = source.url.replace("127.0.0.1", host);
      expect(await fetchError({ url, declaredIn: "config" }), `at ${host}`).toMatchObject({ code: "forbidden" });
    }
    expect(remote.requests).toHaveLength(before);
    expect(await fetchError({ url: "http://169.254.169.254/a.git" })).toMatchObject({ code: "forbidden" });
  });

  test("E1: is unreachable while it is down, and read again afterwards", async () => {
    await mirror.fetch(source, signal);
    await remote.takeDown();
    try {
      expect(await fetchError()).toMatchObject({ code: "source_unreachable" });
    } finally {
      await remote.bringUp();
    }
    expect(await mirror.fetch(source, signal)).toMatchObject({ ref: "main" });
  });

  test("loses nothing when the connection breaks in the middle of an answer", async () => {
    const { host, port } = new URL(remote.url);
    await using proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: Number(port) } });
    source = { ...source, url: source.url.replace(host, `${proxy.host}:${proxy.port}`) };
    expect(await read("apps/a.yaml")).toBe("a: 1\n");
    const { id } = await mirror.fetch(source, signal);
    await tree.commit("Much", {
      "much.txt": Array.from({ length: 9000 }, (_, n) => (n * n * 7919).toString(36)).join(""),
    });
    await tree.push(repository.path);
    proxy.setFaults({ cutAfterBytes: [5000, 5000] });
    expect(await fetchError()).toMatchObject({ code: "source_unreachable" });
    const kept = await createMirror({ folder: folder.path }).objects(source);
    expect(await kept.readCommit(id)).toMatchObject({ id });
    proxy.setFaults({});
    expect(await mirror.fetch(source, signal)).toMatchObject({ message: "Much" });
  });

  test("is cut off when it sends more than it may or takes too long", async () => {
    const small = createMirror({ folder: join(folder.path, "small"), maxBytes: 100 });
    await expect(small.fetch(source, signal)).rejects.toMatchObject({ code: "input_too_large" });
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const hasty = createMirror({ folder: join(folder.path, "hasty"), timeoutMs: 200 });
    const slow = { ...source, url: `http://127.0.0.1:${port}/a` };
    await expect(hasty.fetch(slow, signal)).rejects.toMatchObject({ code: "source_unreachable" });
    silent.closeAllConnections();
    silent.close();
  });

  test("is fetched anew when a crash has left its mirror damaged", async () => {
    await mirror.fetch(source, signal);
    const packs = (await readdir(folder.path, { recursive: true })).filter((name) => name.includes(source.name));
    for (const name of packs.filter((name) => /\.(?:pack|idx)$/u.test(name))) {
      await writeFile(join(folder.path, name), "torn");
    }
    mirror = createMirror({ folder: folder.path });
    await mirror.fetch(source, signal).catch(() => undefined);
    expect(await read("apps/a.yaml")).toBe("a: 1\n");
  });

  test("survives a mirror that somebody deleted, and forgets what is removed", async () => {
    await mirror.fetch(source, signal);
    const mine = async () => (await readdir(folder.path)).filter((name) => name.startsWith(`${source.name}-`));
    for (const name of await mine()) await rm(join(folder.path, name), { recursive: true });
    expect(await read("apps/a.yaml")).toBe("a: 1\n");
    expect(await mine()).toHaveLength(1);
    await mirror.forget(source.name);
    expect(await mine()).toEqual([]);
  });

  test("transfers of a commit what it changes, not the repository", async () => {
    await tree.commit("Much", { "much.txt": noise(200_000) });
    await tree.push(repository.path);
    await mirror.fetch(source, signal);
    mirror = createMirror({ folder: folder.path, maxBytes: 10_000 });
    await tree.commit("Little", { "apps/a.yaml": "a: 2\n" });
    await tree.push(repository.path);
    expect(await read("apps/a.yaml")).toBe("a: 2\n");
    expect(await read("much.txt")).toBe(noise(200_000));
    const elsewhere = createMirror({ folder: join(folder.path, "elsewhere"), maxBytes: 10_000 });
    await expect(elsewhere.fetch(source, signal)).rejects.toMatchObject({ code: "input_too_large" });
  });

  const packs = async (): Promise<number> =>
    (await readdir(folder.path, { recursive: true })).filter(
      (name) => name.startsWith(source.name) && name.endsWith(".pack"),
    ).length;

  test("stays usable over many commits without piling up packs", async () => {
    const lines = Array.from({ length: 200 }, (_, n) => `line ${n}`);
    let most = 0;
    for (let n = 0; n < 25; n += 1) {
      lines[n * 7] = `commit ${n}`;
      await tree.commit(`Commit ${n}`, { "apps/a.yaml": lines.join("\n"), [`apps/c-${n}.yaml`]: `c: ${n}\n` });
      await tree.push(repository.path);
      await mirror.fetch(source, signal);
      most = Math.max(most, await packs());
    }
    expect(most).toBe(22);
    expect(await packs()).toBeLessThan(8);
    for (const reader of [mirror, createMirror({ folder: folder.path })]) {
      mirror = reader;
      expect(await read("apps/a.yaml")).toBe(lines.join("\n"));
      expect(await read("apps/b.yaml")).toBe("b: 1\n");
      expect(await read("apps/c-3.yaml")).toBe("c: 3\n");
    }
  });

  test("is fetched anew, with nothing lost before, when most of its mirror is old", async () => {
    for (let n = 0; n < 4; n += 1) {
      await tree.commit(`Commit ${n}`, { "much.txt": noise(1_200_000, n + 1) });
      await tree.push(repository.path);
      await mirror.fetch(source, signal);
      expect(await read("apps/b.yaml")).toBe("b: 1\n");
    }
    expect(await packs()).toBeLessThan(3);
  });
});

/** Text that no packing makes much smaller. */
function noise(length: number, seed = 1): string {
  let [text, next] = ["", seed];
  while (text.length < length) {
    next = (next * 48_271) % 2_147_483_647;
    text += next.toString(36);
  }
  return text.slice(0, length);
}
