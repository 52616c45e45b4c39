import type { Position } from "@drover/shared/errors";
import type { SyncOptions } from "@drover/shared/sync-options";

import { nameRule, type Fields } from "./fields.ts";
import type { Header } from "./header.ts";
import { readHelm, type HelmOptions } from "./helm.ts";
import { joinPath } from "./repository-path.ts";
import { readSync } from "./sync.ts";
import type { Deletion } from "./target.ts";

export const renderers = ["auto", "plain", "kustomize", "helm"] as const;

export type Renderer = (typeof renderers)[number];

/** What to run: a folder of a repository and how to render it. */
export interface Application {
  readonly kind: "Application";
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The source that declares it. */
  readonly repository: string;
  readonly source: {
    readonly repository: string;
    /** From the root of that repository, no leading or trailing slash; "" is the root. */
    readonly path: string;
    /** Files and folders below the path that plain rendering leaves out, from the path. */
    readonly exclude: readonly string[];
  };
  readonly renderer: Renderer;
  /** For a chart; asks for Helm where the renderer is `auto`. */
  readonly helm?: HelmOptions;
  /** For objects that name none. */
  readonly namespace: string;
  /** Whether the manifests themselves may hold variables, and not only overrides. */
  readonly substitute: boolean;
  readonly sync: {
    readonly prune: boolean;
    /** Whether a folder that has become empty may prune everything. */
    readonly allowEmpty: boolean;
    readonly createNamespace: boolean;
    readonly deletion: Deletion;
    readonly options: SyncOptions;
  };
  readonly at: Position;
}

export function readApplication({ name, labels, repository }: Header, document: Fields): Application {
  const spec = document.requiredMap("spec");
  const source = readSource(spec?.requiredMap("source"), repository);
  const renderer = spec?.oneOf("renderer", renderers, "auto") ?? "auto";
  const helm = readHelm(spec?.map("helm"), source.path);
  if (helm !== undefined && renderer !== "auto" && renderer !== "helm") {
    spec?.wrong("helm", `means nothing to the renderer ${renderer}`, "set renderer: helm");
  }
  const application: Application = {
    kind: "Application",
    name,
    labels,
    repository,
    source,
    renderer,
    ...(helm === undefined ? {} : { helm }),
    namespace: spec?.text("namespace", nameRule) ?? "default",
    substitute: spec?.flag("substitute", false) ?? false,
    sync: readSync(spec),
    at: document.at,
  };
  spec?.finish();
  return application;
}

function readSource(source: Fields | undefined, declaring: string): Application["source"] {
  const repository = source?.text("repository") ?? declaring;
  if (source === undefined) return { repository, path: "", exclude: [] };
  // A relative path means the declaring file's folder, which another repository does not have.
  const path = readPath(source, repository === declaring ? source.at.file : "");
  const exclude = source.texts("exclude").map((text) => text.replace(/^\.\/|\/+$/gu, ""));
  source.finish();
  return { repository, path, exclude };
}

/** A path from the root; one that begins with `./` or `../` counts from the folder of the declaring file. */
function readPath(source: Fields, file: string): string {
  const text = source.requiredText("path");
  const path = joinPath(/^\.\.?(?:\/|$)/u.test(text) ? file.slice(0, Math.max(file.lastIndexOf("/"), 0)) : "", text);
  if (path === undefined) source.wrong("path", "leads out of the repository");
  if (text.startsWith("/"))
    source.wrong("path", "has to be relative to the root of the repository", "drop the first /");
  return path ?? "";
}
