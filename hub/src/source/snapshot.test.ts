import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, onTestFinished, test } from "vitest";

import { createMirror, type Mirror, type SourceSpec } from "./git/mirror.ts";
import { readSnapshot, treeDigest, type Snapshot } from "./snapshot.ts";

const run = promisify(execFile);
const signal = new AbortController().signal;

interface Repository {
  readonly path: string;
  readonly source: SourceSpec;
  readonly mirror: Mirror;
  git(...args: string[]): Promise<string>;
  commit(files: Readonly<Record<string, string | undefined>>): Promise<string>;
  snapshot(path?: string): Promise<Snapshot>;
}

async function createRepository(files: Readonly<Record<string, string>> = {}): Promise<Repository> {
  const path = await mkdtemp(join(tmpdir(), "drover-snapshot-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  const config = ["-c", "user.name=Ada", "-c", "user.email=ada@drover.dev"];
  const git = async (...args: string[]) => (await run("git", ["-C", path, ...config, ...args])).stdout.trim();
  await git("init", "--quiet", "--initial-branch=main");
  const source = { name: "config", url: path, ref: "" };
  const mirror = createMirror({ folder: join(path, "unused") });
  const commit = async (changes: Readonly<Record<string, string | undefined>>): Promise<string> => {
    for (const [name, content] of Object.entries(changes)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      if (content === undefined) await rm(join(path, name), { recursive: true });
      else await writeFile(join(path, name), content);
    }
    await git("add", "--all");
    await git("commit", "--quiet", "--allow-empty", "--message=Change it\n\nwith reason");
    return git("rev-parse", "HEAD");
  };
  const snapshot = async (below = ""): Promise<Snapshot> =>
    readSnapshot(mirror, source, { commit: await mirror.fetch(source, signal), path: below }, signal);
  if (Object.keys(files).length > 0) await commit(files);
  return { path, source, mirror, git, commit, snapshot };
}

const textOf = async (snapshot: Snapshot, path: string): Promise<string> =>
  new TextDecoder().decode(await snapshot.read(path));

describe("a local repository", () => {
  test("is read where it is, at the commit that its branch is at", async () => {
    const { commit, mirror, source, snapshot } = await createRepository({ "a.yaml": "a: 1" });
    const id = await commit({ "dir/b.yaml": "b: 2" });
    expect(await mirror.fetch(source, signal)).toMatchObject({
      id,
      ref: "main",
      author: "Ada",
      message: "Change it\n\nwith reason",
    });
    const now = await snapshot();
    expect([...now.entries.keys()]).toEqual(["a.yaml", "dir/b.yaml"]);
    expect(await textOf(now, "dir/b.yaml")).toBe("b: 2");
  });

  test("uncommitted files are not read", async () => {
    const { path, snapshot } = await createRepository({ "a.yaml": "a: 1" });
    await writeFile(join(path, "a.yaml"), "a: 2");
    await writeFile(join(path, "b.yaml"), "b: 1");
    const now = await snapshot();
    expect([...now.entries.keys()]).toEqual(["a.yaml"]);
    expect(await textOf(now, "a.yaml")).toBe("a: 1");
  });

  test("branches, tags, annotated tags and commits can be asked for", async () => {
    const { git, commit, mirror, source } = await createRepository({ "a.yaml": "a: 1" });
    const first = await git("rev-parse", "HEAD");
    await git("tag", "light");
    await git("tag", "--annotate", "--message=note", "heavy");
    await git("branch", "feature/x");
    await commit({ "a.yaml": "a: 2" });
    for (const [ref, name] of [
      ["light", "light"],
      ["heavy", "heavy"],
      ["feature/x", "feature/x"],
      ["refs/heads/feature/x", "feature/x"],
      [first, first],
    ] as const) {
      expect(await mirror.fetch({ ...source, ref }, signal)).toMatchObject({ id: first, ref: name });
    }
  });

  test("can be a linked work tree, detached, bare, packed and collected", async () => {
    const { path, git, mirror, source, snapshot } = await createRepository({ "a.yaml": "a: 1" });
    const id = await git("rev-parse", "HEAD");
    const linked = `${path}-linked`;
    const bare = `${path}-bare`;
    onTestFinished(() =>
      Promise.all([linked, bare].map((folder) => rm(folder, { recursive: true, force: true }))).then(),
    );
    await git("worktree", "add", "--quiet", "-b", "side", linked);
    expect(await mirror.fetch({ ...source, url: linked }, signal)).toMatchObject({ id, ref: "side" });
    await git("clone", "--quiet", "--bare", path, bare);
    expect(await mirror.fetch({ ...source, url: bare }, signal)).toMatchObject({ id, ref: "main" });
    const before = await snapshot();
    await git("gc", "--quiet", "--prune=now");
    await git("pack-refs", "--all");
    expect(await textOf(before, "a.yaml")).toBe("a: 1");
    expect(await textOf(await snapshot(), "a.yaml")).toBe("a: 1");
    await git("switch", "--quiet", "--detach");
    expect(await mirror.fetch(source, signal)).toMatchObject({ id });
  });

  test.each<[string, (repository: Repository) => SourceSpec | Promise<SourceSpec>, string]>([
    ["a folder that is not there", ({ source }) => ({ ...source, url: `${source.url}/nothing` }), "source_missing"],
    ["no repository", () => ({ name: "x", url: tmpdir(), ref: "" }), "source_missing"],
    ["a branch that is not there", ({ source }) => ({ ...source, ref: "nope" }), "source_ref_missing"],
    ["a commit that is not there", ({ source }) => ({ ...source, ref: "0".repeat(40) }), "source_ref_missing"],
    ["ssh", ({ source }) => ({ ...source, url: "git@git.example:a.git" }), "usage"],
    ["an option as a branch", ({ source }) => ({ ...source, ref: "--upload-pack=x" }), "usage"],
    [
      "a repository that vanished",
      async ({ source, path }) => {
        await rm(path, { recursive: true });
        return source;
      },
      "source_missing",
    ],
  ])("%s is an error with a code", async (_title, sourceOf, code) => {
    const repository = await createRepository({ "a.yaml": "a: 1" });
    await expect(repository.mirror.fetch(await sourceOf(repository), signal)).rejects.toMatchObject({ code });
  });

  test("without a commit says so", async () => {
    const { mirror, source } = await createRepository();
    await expect(mirror.fetch(source, signal)).rejects.toMatchObject({ code: "source_ref_missing" });
  });
});

describe("a snapshot", () => {
  test("of a folder lists what is below it, by the whole path", async () => {
    const { snapshot } = await createRepository({
      "a.yaml": "",
      "apps/shop/b.yaml": "",
      "apps/x.yaml": "",
      "apps2/y": "",
    });
    expect([...(await snapshot("apps")).entries.keys()]).toEqual(["apps/shop/b.yaml", "apps/x.yaml"]);
  });

  test("of one commit stays as it is when the next comes", async () => {
    const { commit, snapshot } = await createRepository({ "a.yaml": "a: 1" });
    const before = await snapshot();
    await commit({ "a.yaml": "a: 2" });
    expect(await textOf(before, "a.yaml")).toBe("a: 1");
    expect(await textOf(await snapshot(), "a.yaml")).toBe("a: 2");
  });

  test("decodes a file once for all commits that have it", async () => {
    const { commit, snapshot } = await createRepository({ "a.yaml": "a: 1", "b.yaml": "b: 1" });
    const before = await (await snapshot()).decode("a.yaml");
    await commit({ "b.yaml": "b: 2" });
    const after = await snapshot();
    expect(await after.decode("a.yaml")).toBe(before);
    expect((await after.decode("b.yaml")).documents[0]?.value).toEqual({ b: 2 });
  });

  test("has a digest for each folder that changes only with what is in it", async () => {
    const { commit, snapshot, path } = await createRepository({ "one/a.yaml": "a: 1", "two/b.yaml": "b: 1" });
    const before = await snapshot();
    await commit({ "two/b.yaml": "b: 2" });
    const after = await snapshot();
    expect(treeDigest(after, "one")).toBe(treeDigest(before, "one"));
    expect(treeDigest(after, "two")).not.toBe(treeDigest(before, "two"));
    expect(treeDigest(after, "")).not.toBe(treeDigest(before, ""));
    await symlink("../two/b.yaml", join(path, "one/link.yaml"));
    await commit({});
    const linked = treeDigest(await snapshot(), "one");
    await commit({ "two/b.yaml": "b: 3" });
    expect(treeDigest(await snapshot(), "one")).not.toBe(linked);
  });

  test("E8, T1: follows links inside the repository and refuses those out of it", async () => {
    const { path, commit, snapshot } = await createRepository({ "base/a.yaml": "a: 1" });
    await symlink("base/a.yaml", join(path, "link.yaml"));
    await symlink("base", join(path, "folder"));
    await symlink("../../etc/passwd", join(path, "escape.yaml"));
    await symlink("/etc/passwd", join(path, "absolute.yaml"));
    await symlink("loop.yaml", join(path, "loop.yaml"));
    await symlink("nowhere", join(path, "dangling.yaml"));
    await commit({});
    const now = await snapshot();
    expect(await textOf(now, "link.yaml")).toBe("a: 1");
    expect(await textOf(now, "folder/a.yaml")).toBe("a: 1");
    for (const name of ["escape.yaml", "absolute.yaml", "loop.yaml"]) {
      await expect(now.read(name)).rejects.toMatchObject({ code: "document_invalid", at: { file: name } });
    }
    await expect(now.read("dangling.yaml")).rejects.toMatchObject({ code: "not_found" });
    await expect(now.read("folder")).rejects.toMatchObject({ code: "document_invalid" });
  });

  test("E8: names a file of 50 MB instead of reading it, and reads the others", async () => {
    const { snapshot } = await createRepository({ "large.yaml": "x".repeat(50_000_000), "a.yaml": "a: 1" });
    const now = await snapshot();
    await expect(now.read("large.yaml")).rejects.toMatchObject({
      code: "input_too_large",
      message: "large.yaml: the file has 50000000 bytes, more than the limit of 10485760",
      at: { file: "large.yaml" },
    });
    expect(await textOf(now, "a.yaml")).toBe("a: 1");
  });

  test("E8: refuses the pointer that Git LFS leaves in place of a file", async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 5\n`;
    const { snapshot } = await createRepository({ "a.yaml": pointer });
    await expect((await snapshot()).decode("a.yaml")).rejects.toMatchObject({ code: "document_invalid" });
  });

  test("refuses a tree that names a file outside of it", async () => {
    const { path, git, mirror, source } = await createRepository({ "a.yaml": "a: 1" });
    const blob = await git("rev-parse", "HEAD:a.yaml");
    const bytes = Buffer.concat([Buffer.from("100644 ..\0"), Buffer.from(blob, "hex")]);
    await writeFile(join(path, "tree"), bytes);
    const tree = await git("hash-object", "-t", "tree", "--literally", "-w", join(path, "tree"));
    const commit = await git("commit-tree", tree, "-m", "hostile");
    await git("update-ref", "refs/heads/main", commit);
    const fetched = await mirror.fetch(source, signal);
    await expect(readSnapshot(mirror, source, { commit: fetched, path: "" }, signal)).rejects.toMatchObject({
      code: "document_invalid",
    });
  });

  test("E8: keeps the executable bit and submodules apart from files", async () => {
    const { path, git, commit, snapshot } = await createRepository({ "run.sh": "#!/bin/sh" });
    await chmod(join(path, "run.sh"), 0o755);
    const id = await commit({});
    await git("update-index", "--add", "--cacheinfo", `160000,${id},sub`);
    await git("commit", "--quiet", "--message=submodule");
    const now = await snapshot();
    expect([...now.entries.values()].map(({ mode }) => mode)).toEqual(["executable", "submodule"]);
    await expect(now.read("sub")).rejects.toMatchObject({ code: "document_invalid" });
  });
});
