import { once } from "node:events";
import { readdir, symlink } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createMirror } from "@drover/hub/source/git/mirror";
import { createKustomize } from "@drover/hub/source/programs/kustomize";
import { readSnapshot, type Snapshot } from "@drover/hub/source/snapshot";
import { decodeYaml } from "@drover/shared/decode";
import { afterEach, beforeEach, expect, test } from "vitest";

import { mustRun } from "../rig/command.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { createWorkTree, type FileChanges, type WorkTree } from "../rig/git.ts";
import { program } from "../rig/programs.ts";
import { haveOwnTemporaryFolder } from "./own-temporary-folder.ts";

const signal = AbortSignal.timeout(300_000);
const kustomize = createKustomize({ environment: process.env });
const configMap = (name: string, value = "1"): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {value: "${value}"}\n`;

describeWithRig("kubectl", "git")("kustomize", () => {
  let tree: WorkTree;
  let trap: Server;
  let caught: string[];
  haveOwnTemporaryFolder("kustomize");
  beforeEach(async () => {
    tree = await createWorkTree();
    caught = [];
    trap = createServer((request, response) => {
      caught.push(request.url ?? "");
      response.end(configMap("stolen"));
    }).listen(0, "127.0.0.1");
    await once(trap, "listening");
  });
  afterEach(async () => {
    trap.close();
    await tree[Symbol.asyncDispose]();
    expect((await readdir(tmpdir())).filter((name) => name.startsWith("drover-kustomize-"))).toEqual([]);
  });

  const snapshotOf = async (files: FileChanges): Promise<Snapshot> => {
    await tree.commit("Files", files);
    const mirror = createMirror({ folder: join(tree.path, "..", "unused") });
    const source = { name: "config", url: tree.path, ref: "" };
    return readSnapshot(mirror, source, { commit: await mirror.fetch(source, signal), path: "" }, signal);
  };
  const trapUrl = (): string => {
    const address = trap.address();
    return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  };

  test("builds what kubectl builds, from bases, components, generators and links beside the folder", async () => {
    const snapshot = await snapshotOf({
      "base/kustomization.yaml": "resources: [a.yaml, deep]\nlabels: [{pairs: {app: x}}]\n",
      "base/a.yaml": configMap("a"),
      "base/deep/kustomization.yml": "resources: [d.yaml]\n",
      "base/deep/d.yaml": configMap("d"),
      "component/kustomization.yaml":
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: pre-\n",
      "overlay/prod/kustomization.yaml": [
        "resources: [../../base]",
        "components: [../../component]",
        "configMapGenerator: [{name: g, files: [key=files/f.txt], envs: [e.env]}]",
        'patches: [{path: patch.yaml}, {target: {name: d}, patch: \'[{"op": "remove", "path": "/data/value"}]\'}]',
        'transformers: ["apiVersion: builtin\\nkind: AnnotationsTransformer\\nmetadata: {name: t}\\nannotations: {a: b}\\nfieldSpecs: [{path: metadata/annotations, create: true}]"]',
      ].join("\n"),
      "overlay/prod/patch.yaml": configMap("a", "2"),
      "overlay/prod/files/f.txt": "content",
      "overlay/prod/e.env": "K=v\n",
      "unrelated/large.bin": "x".repeat(11_000_000),
    });
    const printed = await mustRun(program("kubectl"), ["kustomize", join(tree.path, "overlay/prod")]);
    const built = await kustomize(snapshot, "overlay/prod", signal);
    expect(new TextDecoder().decode(built)).toBe(printed);
    expect(decodeYaml("built.yaml", built).documents).toHaveLength(3);
  });

  test("reads what links inside the repository lead to", async () => {
    await tree.write({ "base/kustomization.yaml": "resources: [a.yaml]\n", "base/a.yaml": configMap("a") });
    await tree.write({ "app/kustomization.yaml": "resources: [link.yaml, base]\n", "shared/b.yaml": configMap("b") });
    await symlink("../base", join(tree.path, "app/base"));
    await symlink("../shared/b.yaml", join(tree.path, "app/link.yaml"));
    const built = await kustomize(await snapshotOf({}), "app", signal);
    expect(decodeYaml("built.yaml", built).documents).toHaveLength(2);
  });

  test.each<[string, (url: string) => FileChanges, string, RegExp]>([
    [
      "a remote base",
      (url) => ({ "kustomization.yaml": `resources:\n- ${url}/base.yaml\n` }),
      "document_invalid",
      /remote bases/u,
    ],
    [
      "a base on GitHub",
      () => ({ "kustomization.yaml": "bases: [github.com/a/b//c?ref=v1]" }),
      "document_invalid",
      /remote bases/u,
    ],
    [
      "a base over ssh",
      () => ({ "kustomization.yaml": "resources: ['git@github.com:a/b.git']" }),
      "document_invalid",
      /remote bases/u,
    ],
    [
      "a remote patch",
      (url) => ({ "kustomization.yaml": `patches: [{path: '${url}/p'}]` }),
      "document_invalid",
      /remote bases/u,
    ],
    [
      "a remote file to generate from",
      (url) => ({ "kustomization.yaml": `configMapGenerator: [{name: a, files: ['a=${url}/f']}]` }),
      "document_invalid",
      /remote bases/u,
    ],
    [
      "a remote schema",
      (url) => ({ "kustomization.yaml": `openapi: {path: '${url}/s'}` }),
      "document_invalid",
      /remote bases/u,
    ],
    [
      "a remote base behind a base",
      (url) => ({ "kustomization.yaml": "resources: [b]", "b/kustomization.yaml": `resources: ['${url}/x']` }),
      "document_invalid",
      /remote bases/u,
    ],
    [
      "a remote base in a second document",
      (url) => ({ "kustomization.yaml": `resources: []\n---\nresources: ['${url}/x']` }),
      "document_invalid",
      /remote bases/u,
    ],
    [
      "a path out of the repository",
      () => ({ "kustomization.yaml": "resources: [../../../etc/passwd]" }),
      "document_invalid",
      /leads out of the repository/u,
    ],
    [
      "an absolute path",
      () => ({ "kustomization.yaml": "resources: [/etc/passwd]" }),
      "document_invalid",
      /leads out of the repository/u,
    ],
    [
      "a Helm chart",
      () => ({ "kustomization.yaml": "helmCharts: [{name: a, repo: 'https://charts.example'}]" }),
      "document_invalid",
      /Helm/u,
    ],
    [
      "a missing file",
      () => ({ "kustomization.yaml": "resources: [gone.yaml]" }),
      "document_invalid",
      /there is no gone.yaml/u,
    ],
    [
      "a kustomization that includes itself",
      () => ({ "kustomization.yaml": "resources: [b]", "b/kustomization.yaml": "resources: [../]" }),
      "render_failed",
      /cycle/u,
    ],
    ["an unknown field", () => ({ "kustomization.yaml": "resourcess: []" }), "render_failed", /resourcess/u],
    [
      "a program to run",
      () => ({
        "kustomization.yaml": "generators: [g.yaml]",
        "g.yaml":
          "apiVersion: a\nkind: B\nmetadata:\n  name: g\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: /bin/true}\n",
      }),
      "render_failed",
      /./u,
    ],
    [
      "a file beside the folder",
      () => ({
        "app/kustomization.yaml": "configMapGenerator: [{name: a, files: [../secret.txt]}]",
        "secret.txt": "s",
      }),
      "document_invalid",
      /is not below app/u,
    ],
  ])("refuses %s, with a code, and asks no network", async (_title, files, code, message) => {
    const snapshot = await snapshotOf(files(trapUrl()));
    const folder = snapshot.entries.has("app/kustomization.yaml") ? "app" : "";
    const error: unknown = await kustomize(snapshot, folder, signal).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(String(error)).not.toContain(tmpdir());
    expect(caught).toEqual([]);
  });

  test("a remote file that a transformer's own file names is not asked for", async () => {
    const snapshot = await snapshotOf({
      "kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]\n",
      "a.yaml": configMap("a"),
      "t.yaml": `apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: ${trapUrl()}/patch\n`,
    });
    await expect(kustomize(snapshot, "", signal)).rejects.toMatchObject({ code: "document_invalid" });
    expect(caught).toEqual([]);
  });

  test("says what to install when there is no program", async () => {
    const snapshot = await snapshotOf({ "kustomization.yaml": "resources: []" });
    const nowhere = createKustomize({ environment: { PATH: "/nowhere", DROVER_RIG_CACHE: "/nowhere" } });
    await expect(nowhere(snapshot, "", signal)).rejects.toMatchObject({
      code: "program_missing",
      hint: expect.stringContaining("install kubectl"),
    });
  });

  test("stops when it is told to", async () => {
    const snapshot = await snapshotOf({ "kustomization.yaml": "resources: [a.yaml]", "a.yaml": configMap("a") });
    await expect(kustomize(snapshot, "", AbortSignal.abort())).rejects.toThrow(/abort/iu);
  });
});
