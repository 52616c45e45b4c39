import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, onTestFinished, test } from "vitest";

import type { Application } from "../core/application.ts";
import { readDeclarations } from "../core/declarations.ts";
import { createMirror } from "../source/git/mirror.ts";
import { createHelm } from "../source/programs/helm.ts";
import { filesForKustomize } from "../source/programs/kustomize-files.ts";
import { readSnapshot, type Snapshot } from "../source/snapshot.ts";
import { createRenderer } from "./renderer.ts";

const run = promisify(execFile);
const signal = new AbortController().signal;
const configMap = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { value: "${value}" }\n`;

const files = {
  "apps/plain/a.yaml": configMap("1"),
  "apps/built/kustomization.yaml": "resources: [../../base]\nconfigMapGenerator: [{ name: g, files: [g.txt] }]\n",
  "apps/built/g.txt": "1",
  "base/kustomization.yaml": "resources: [a.yaml, linked.yaml]\n",
  "base/a.yaml": configMap("1"),
  "shared/linked.yaml": configMap("1").replace("name: a", "name: b"),
  "apps/other/a.yaml": configMap("1"),
};

/** A repository in which `base/linked.yaml` leads to `shared/linked.yaml`. */
async function beginRepository() {
  const path = await mkdtemp(join(tmpdir(), "drover-renderer-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  const config = ["-C", path, "-c", "user.name=Ada", "-c", "user.email=ada@drover.dev"];
  const git = (...args: readonly string[]) => run("git", [...config, ...args]);
  await git("init", "--quiet", "--initial-branch=main");
  const source = { name: "config", url: path, ref: "" };
  const mirror = createMirror({ folder: join(path, "unused") });
  const commit = async (changes: Readonly<Record<string, string>>): Promise<Snapshot> => {
    for (const [name, content] of Object.entries(changes)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), content);
    }
    await git("add", "--all");
    await git("commit", "--quiet", "--message=Change");
    return readSnapshot(mirror, source, { commit: await mirror.fetch(source, signal), path: "" }, signal);
  };
  await mkdir(join(path, "base"));
  await symlink("../shared/linked.yaml", join(path, "base/linked.yaml"));
  return { commit, first: await commit(files) };
}

function applicationOf(name: string, spec = ""): Application {
  const text = `apiVersion: drover.dev/v1alpha1\nkind: Application\nmetadata: { name: ${name} }\nspec:\n  source: { path: apps/${name} }\n${spec}`;
  const [application] = readDeclarations("config", "a.yaml", new TextEncoder().encode(text)).declarations;
  if (application?.kind !== "Application") throw new Error("no application was read");
  return application;
}

/** Builds by putting together what kustomize would read, and counts. */
function beginRenderer() {
  const built: string[] = [];
  const renderer = createRenderer({
    helm: createHelm({ environment: {} }),
    async kustomize(snapshot, path) {
      built.push(path);
      const read = (await filesForKustomize(snapshot, path)).filter((file) => !/kustomization|\.txt$/u.test(file));
      const all = await Promise.all(read.map(async (file) => new TextDecoder().decode(await snapshot.read(file))));
      return new TextEncoder().encode(all.join("---\n"));
    },
  });
  const render = (name: string, at: Snapshot, spec = "") => renderer.render(applicationOf(name, spec), at, signal);
  return { built, render };
}

describe("the renderer's memory", () => {
  test("a commit that touches nothing an application reads renders nothing", async () => {
    const { commit, first } = await beginRepository();
    const { built, render } = beginRenderer();
    const before = [await render("plain", first), await render("built", first)];
    const second = await commit({ "apps/other/a.yaml": configMap("2"), "README.md": "2", "shared/b.yaml": "b: 1" });
    const after = [await render("plain", second), await render("built", second)];
    expect(before.every(({ problems, manifests }) => problems.length === 0 && manifests.length > 0)).toBe(true);
    expect(after.every((rendered, index) => rendered === before[index])).toBe(true);
    expect(built).toEqual(["apps/built"]);
  });

  test("a commit reads only the files that it changes, and shares all other objects with the render before", async () => {
    const { commit, first } = await beginRepository();
    const more = await commit({ "apps/plain/b.yaml": configMap("2").replace("name: a", "name: b") });
    const { render } = beginRenderer();
    const read: string[] = [];
    const counted = (snapshot: Snapshot, repository = snapshot.repository): Snapshot => ({
      ...snapshot,
      repository,
      decode(path) {
        read.push(path);
        return snapshot.decode(path);
      },
    });
    const readBy = async (...args: Parameters<typeof counted>) => {
      read.length = 0;
      const { manifests } = await render("plain", counted(...args));
      return { manifests, read: [...read] };
    };
    expect((await readBy(first)).read).toEqual(["apps/plain/a.yaml"]);
    const second = await readBy(more);
    expect(second.read).toEqual(["apps/plain/b.yaml"]);
    const third = await readBy(await commit({ "apps/plain/b.yaml": configMap("3").replace("name: a", "name: b") }));
    expect(third.read).toEqual(["apps/plain/b.yaml"]);
    expect(third.manifests[0]).toBe(second.manifests[0]);
    expect(third.manifests.map(({ object }) => object["data"])).toEqual([{ value: "1" }, { value: "3" }]);
    // What is gone is forgotten, and another repository may have other content under the same ids.
    expect((await readBy(first)).read).toEqual([]);
    expect((await readBy(more)).read).toEqual(["apps/plain/b.yaml"]);
    expect((await readBy(first, "other")).read).toEqual(["apps/plain/a.yaml"]);
  });

  test("renders again what the application asks for otherwise", async () => {
    const { first } = await beginRepository();
    const { render } = beginRenderer();
    for (const spec of ["  namespace: x\n", "  renderer: plain\n", "  sync: { allowEmpty: true }\n"]) {
      expect(await render("plain", first, spec)).not.toBe(await render("plain", first));
    }
  });

  test.each([
    ["plain", "apps/plain/a.yaml", configMap("2")],
    ["plain", "apps/plain/new/b.yaml", configMap("2").replace("name: a", "name: c")],
    ["built", "apps/built/g.txt", "2"],
    ["built", "apps/built/kustomization.yaml", "resources: [../../base]\n"],
    ["built", "base/a.yaml", configMap("2")],
    ["built", "base/kustomization.yaml", "resources: [a.yaml]\n"],
    ["built", "shared/linked.yaml", configMap("2").replace("name: a", "name: b")],
    ["built", "apps/built/kustomization.yaml", "resources: [../../nowhere]\n"],
  ])("renders %s again when %s changes", async (name, file, content) => {
    const { commit, first } = await beginRepository();
    const { render } = beginRenderer();
    const before = await render(name, first);
    const second = await commit({ [file]: content });
    const after = await render(name, second).catch((cause: unknown) => cause);
    expect(after).not.toBe(before);
    const fresh = await beginRenderer()
      .render(name, second)
      .catch((cause: unknown) => cause);
    expect(after).toEqual(fresh);
  });
});
