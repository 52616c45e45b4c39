import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";

import type { Application, Renderer } from "@drover/hub/core/application";
import { render, type Rendered } from "@drover/hub/core/render/index";
import { createMirror } from "@drover/hub/source/git/mirror";
import { createHelm } from "@drover/hub/source/programs/helm";
import { createKustomize } from "@drover/hub/source/programs/kustomize";
import { readSnapshot, type Snapshot } from "@drover/hub/source/snapshot";
import { decodeYaml } from "@drover/shared/decode";
import { canonicalize } from "@drover/shared/kube/canonical";
import { formatObjectKey, objectKey, type KubeObject } from "@drover/shared/kube/manifest";
import { sortForApply } from "@drover/shared/kube/order";
import { defaultSync } from "@drover/shared/sync-options";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { mustRun } from "../rig/command.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { createWorkTree, type WorkTree } from "../rig/git.ts";
import { program } from "../rig/programs.ts";

const corpus = join(import.meta.dirname, "../../../shared/corpus");
const signal = AbortSignal.timeout(300_000);
const kustomize = createKustomize({ environment: process.env });
const helm = createHelm({ environment: process.env });

async function snapshotOf(path: string): Promise<Snapshot> {
  const mirror = createMirror({ folder: join(path, ".git", "no-mirrors") });
  const source = { name: "corpus", url: path, ref: "" };
  const commit = await mirror.fetch(source, signal);
  return readSnapshot(mirror, source, { commit, path: "" }, signal);
}

function renderFolder(snapshot: Snapshot, path: string, renderer: Renderer = "auto"): Promise<Rendered> {
  const application: Application = {
    kind: "Application",
    name: "app",
    labels: {},
    repository: "corpus",
    source: { repository: "corpus", path, exclude: [] },
    renderer,
    namespace: "default",
    substitute: false,
    sync: { prune: true, allowEmpty: false, createNamespace: true, deletion: "uninstall", options: defaultSync },
    at: { file: "drover.yaml", line: 1, column: 1 },
  };
  return render(
    {
      application,
      snapshot,
      kustomize: (folder, stop) => kustomize(snapshot, folder, stop),
      helm: (request, stop) => helm.template(snapshot, request, stop),
    },
    signal,
  );
}

const objectsOf = (rendered: Rendered): KubeObject[] => rendered.manifests.map(({ object }) => object);
const referenceOf = (printed: string): KubeObject[] => {
  const { documents } = decodeYaml("printed.yaml", new TextEncoder().encode(printed));
  return sortForApply(documents.map(({ value }) => canonicalize(value as KubeObject)));
};
const errorsOf = (rendered: Rendered) => rendered.problems.filter(({ severity }) => severity === "error");

const title = existsSync(corpus) ? "%s" : "%s [missing: ../shared/corpus]";

describe.runIf(existsSync(corpus)).each(["argocd-example-apps", "fleet-examples"])(title, (name) => {
  let tree: WorkTree;
  let snapshot: Snapshot;
  beforeAll(async () => {
    tree = await createWorkTree();
    await cp(join(corpus, name), tree.path, { recursive: true });
    await tree.commit("Corpus");
    snapshot = await snapshotOf(tree.path);
  });
  afterAll(() => tree[Symbol.asyncDispose]());

  const kustomizations =
    name === "fleet-examples"
      ? ["base", "overlays/dev", "overlays/test", "overlays/prod"].map((path) => `multi-cluster/kustomize/${path}`)
      : ["kustomize-guestbook", "sock-shop"];
  const charts =
    name === "fleet-examples"
      ? [
          "multi-cluster/helm",
          "multi-cluster/windows-helm",
          "single-cluster/helm",
          "single-cluster/helm-multi-chart/guestbook",
          "single-cluster/multi-gitrepo/redis",
          "single-cluster/multi-gitrepo/frontend",
        ]
      : ["helm-guestbook"];
  const plain =
    name === "fleet-examples" ? { path: "multi-cluster/manifests", count: 6 } : { path: "guestbook", count: 2 };

  describeWithRig("kubectl")("kustomizations render as kubectl kustomize does", () => {
    test.each(kustomizations)("%s", async (path) => {
      const rendered = await renderFolder(snapshot, path);
      expect(errorsOf(rendered)).toEqual([]);
      const printed = await mustRun(program("kubectl"), ["kustomize", join(tree.path, path)]);
      const reference = referenceOf(printed);
      expect(objectsOf(rendered)).toEqual(reference);
      expect(reference.length).toBeGreaterThan(1);
    });
  });

  describeWithRig("helm")("charts render as helm template does", () => {
    test.each(charts)("%s", async (path) => {
      const rendered = await renderFolder(snapshot, path);
      expect(errorsOf(rendered)).toEqual([]);
      const chart = join(tree.path, path);
      const printed = await mustRun(program("helm"), ["template", "app", chart, "--include-crds"]);
      expect(objectsOf(rendered)).toEqual(referenceOf(printed));
    });
  });

  test(`${plain.path} renders as it is written, each object with its place`, async () => {
    const { path, count } = plain;
    const rendered = await renderFolder(snapshot, path);
    expect(errorsOf(rendered)).toEqual([]);
    expect(rendered.manifests).toHaveLength(count);
    for (const { object, at } of rendered.manifests) {
      const { documents } = await snapshot.decode(at?.file ?? "");
      const written = documents.find((document) => document.at.line === at?.line)?.value as KubeObject;
      expect(formatObjectKey(objectKey(written))).toBe(formatObjectKey(objectKey(object)));
    }
  });
});
