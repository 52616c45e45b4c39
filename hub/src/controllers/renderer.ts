import { canonicalJson } from "@drover/shared/digest";

import type { Application } from "../core/application.ts";
import { render, type Rendered } from "../core/render/index.ts";
import type { Kustomize } from "../source/kustomize.ts";
import { treeDigest, type Snapshot } from "../source/snapshot.ts";

/** Renders with memory: what has not changed since the last time is not rendered again. */
export interface Renderer {
  render(application: Application, snapshot: Snapshot, signal: AbortSignal): Promise<Rendered>;
}

/** Keeps one result an application: its bound is the number of applications. */
export function createRenderer(kustomize: Kustomize): Renderer {
  const results = new Map<string, { readonly key: string; readonly rendered: Rendered }>();
  return {
    async render(application, snapshot, signal) {
      const key = inputKey(application, snapshot);
      const known = results.get(application.name);
      if (known?.key === key) return known.rendered;
      const rendered = await render(
        { application, snapshot, kustomize: (path, stop) => kustomize(snapshot, path, stop) },
        signal,
      );
      results.set(application.name, { key, rendered });
      return rendered;
    },
  };
}

/** Everything that a render may read. A kustomization may point outside its folder, so all of the snapshot counts. */
function inputKey(application: Application, snapshot: Snapshot): string {
  const { path } = application.source;
  const plain = application.renderer === "plain" || !isKustomization(snapshot, path);
  return `${canonicalJson([application.source, application.renderer])} ${treeDigest(snapshot, plain ? path : "")}`;
}

function isKustomization(snapshot: Snapshot, path: string): boolean {
  const folder = path === "" ? "" : `${path}/`;
  return ["kustomization.yaml", "kustomization.yml", "Kustomization"].some((name) =>
    snapshot.entries.has(folder + name),
  );
}
