import { canonicalJson } from "@drover/shared/digest";

import type { Application } from "../core/application.ts";
import { chartRequest, chooseRenderer, render, variantKey, type Rendered, type Variant } from "../core/render/index.ts";
import { looksAtNothing, type Looks } from "../core/render/looks.ts";
import type { Helm } from "../source/programs/helm.ts";
import { kustomizeKey } from "../source/programs/kustomize-files.ts";
import type { Kustomize } from "../source/programs/kustomize.ts";
import { treeDigest, type Snapshot } from "../source/snapshot.ts";
import { RememberedFiles } from "./file-memory.ts";

/** Renders with memory: what has not changed since the last time is not rendered again. */
export interface Renderer {
  /** What an application's chart looks at of its cluster; nothing when it has none. */
  looks(application: Application, snapshot: Snapshot, variant?: Variant): Promise<Looks>;
  render(application: Application, snapshot: Snapshot, signal: AbortSignal, variant?: Variant): Promise<Rendered>;
  /** Lets go of what is remembered of an application. */
  forget(application: string): void;
}

/** The programs that render what is no plain YAML. */
export interface RenderPrograms {
  readonly kustomize: Kustomize;
  readonly helm: Helm;
}

interface Remembered {
  readonly key: string;
  readonly rendered: Rendered;
  readonly files: RememberedFiles;
}

/** The variants of one application that are remembered at a time. */
const maxVariants = 200;

/** Keeps the last result of each variant of an application: its bound is the number of applications. */
export function createRenderer({ kustomize, helm }: RenderPrograms): Renderer {
  const results = new Map<string, Map<string, Remembered>>();
  return {
    async looks(application, snapshot, variant = {}) {
      if (chooseRenderer(application, snapshot) !== "helm") return looksAtNothing;
      return helm.looks(snapshot, chartRequest(application, variant));
    },
    forget: (application) => void results.delete(application),
    async render(application, snapshot, signal, variant = {}) {
      const key = await inputKey(helm, { application, snapshot, variant });
      const variants = results.get(application.name) ?? new Map<string, Remembered>();
      const name = variantKey(variant);
      const known = variants.get(name);
      if (known?.key === key) return known.rendered;
      const { memory, finish } = (known?.files ?? new RememberedFiles("")).begin(snapshot.repository);
      const rendered = await render(
        {
          application,
          snapshot,
          kustomize: (path, stop) => kustomize(snapshot, path, stop),
          helm: (request, stop) => helm.template(snapshot, request, stop),
          variant,
          memory,
        },
        signal,
      );
      // A Map iterates in the order of insertion: the oldest is the first.
      variants.delete(name);
      variants.set(name, { key, rendered, files: finish() });
      for (const oldest of variants.keys()) if (variants.size > maxVariants) variants.delete(oldest);
      results.set(application.name, variants);
      return rendered;
    },
  };
}

interface Input {
  readonly application: Application;
  readonly snapshot: Snapshot;
  readonly variant: Variant;
}

/** Everything that a render reads: another commit that has the same in it is not rendered. */
async function inputKey(helm: Helm, input: Input): Promise<string> {
  const { source, renderer, namespace, sync, at } = input.application;
  const chosen = chooseRenderer(input.application, input.snapshot);
  const asked = canonicalJson([source, renderer, chosen, namespace, sync.allowEmpty, at]);
  return `${asked} ${await readKey(helm, chosen, input)}`;
}

async function readKey(
  helm: Helm,
  chosen: ReturnType<typeof chooseRenderer>,
  { application, snapshot, variant }: Input,
): Promise<string> {
  return (await filesKey(application, snapshot, chosen)) ?? helm.key(snapshot, chartRequest(application, variant));
}

/** Equal when a render reads the same files; undefined for a chart, where it hangs on values and the cluster too. */
export async function filesKey(
  application: Application,
  snapshot: Snapshot,
  chosen = chooseRenderer(application, snapshot),
): Promise<string | undefined> {
  const { path } = application.source;
  if (chosen === "helm") return undefined;
  return `${chosen} ${chosen === "kustomize" ? await kustomizeKey(snapshot, path) : treeDigest(snapshot, path)}`;
}
