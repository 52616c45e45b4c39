import { join } from "node:path";

import { render } from "@drover/hub/core/render/index";
import { createKustomize } from "@drover/hub/source/programs/kustomize";
import type { Snapshot } from "@drover/hub/source/snapshot";
import { canonicalJson } from "@drover/shared/digest";
import { afterAll, beforeAll, test } from "vitest";

import { mustRun } from "../rig/command.ts";
import { describeWithRig } from "../rig/describe-with-rig.ts";
import { createWorkTree, type WorkTree } from "../rig/git.ts";
import { program } from "../rig/programs.ts";
import { declare, objectsOf, problemsOf, snapshotOf } from "./chart-render.ts";
import { kustomizations } from "./kustomizations.ts";

const signal = AbortSignal.timeout(170_000);
const kustomize = createKustomize({ environment: process.env });
const slug = (title: string): string => title.replaceAll(/[^a-z]+/giu, "-").toLowerCase();

describeWithRig("kubectl", "git")("kustomizations render as kubectl kustomize does", () => {
  let tree: WorkTree;
  let snapshot: Snapshot;
  beforeAll(async () => {
    const files = Object.entries(kustomizations).flatMap(([title, kustomization]) =>
      Object.entries(kustomization.files).map(([path, content]) => [`${slug(title)}/${path}`, content] as const),
    );
    tree = await createWorkTree({ files: Object.fromEntries(files) });
    snapshot = await snapshotOf(tree);
  });
  afterAll(() => tree[Symbol.asyncDispose]());

  test("there are at least 40", ({ expect }) => {
    expect(new Set(Object.keys(kustomizations).map(slug)).size).toBeGreaterThanOrEqual(40);
  });

  test.concurrent.for(Object.entries(kustomizations))("%s", async ([title, { path = "", has, hasNot }], { expect }) => {
    const folder = join(slug(title), path);
    const rendered = await render(
      {
        application: declare({ source: { path: folder } }),
        snapshot,
        kustomize: (from, stop) => kustomize(snapshot, from, stop),
        helm: () => Promise.reject(new Error("no chart was expected")),
      },
      signal,
    );
    expect(problemsOf(rendered)).toEqual([]);
    const objects = rendered.manifests.map(({ object }) => object);
    const printed = objectsOf(await mustRun(program("kubectl"), ["kustomize", join(tree.path, folder)]));
    expect(objects).toEqual(printed);
    expect(canonicalJson(objects)).toBe(canonicalJson(printed));
    expect(canonicalJson(objects)).toMatch(has);
    if (hasNot !== undefined) expect(canonicalJson(objects)).not.toMatch(hasNot);
  });
});
