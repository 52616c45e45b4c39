import type { Position } from "@drover/shared/errors";
import type { Problem } from "@drover/shared/problems";
import type { SyncOptions } from "@drover/shared/sync-options";

import { nameRule, type Fields } from "./fields.ts";
import type { Header } from "./header.ts";
import { readHelm, type HelmOptions } from "./helm.ts";
import { readArtifact, readChart, type PackageRef, type PackageSource } from "./package.ts";
import { joinPath } from "./repository-path.ts";
import { readSync } from "./sync.ts";
import type { Deletion } from "./target.ts";

export const renderers = ["auto", "plain", "kustomize", "helm"] as const;

export type Renderer = (typeof renderers)[number];

/** What to run: a folder of a repository, or a package from elsewhere, and how to render it. */
export interface Application {
  readonly kind: "Application";
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The source that declares it. */
  readonly repository: string;
  readonly source: {
    readonly repository: string;
    /** What is rendered instead of files of the repository. */
    readonly package?: PackageRef;
    /** From the root of the repository or the package, no leading or trailing slash; "" is the root. */
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
  const renderer = readRenderer(spec, source);
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

/** A chart from elsewhere is rendered as one, whatever else lies in it. */
function readRenderer(spec: Fields | undefined, { package: elsewhere }: Application["source"]): Renderer {
  const renderer = spec?.oneOf("renderer", renderers, "auto") ?? "auto";
  if (elsewhere?.kind !== "chart") return renderer;
  if (renderer !== "auto" && renderer !== "helm") spec?.wrong("renderer", "has to be helm for a chart");
  return "helm";
}

function readSource(source: Fields | undefined, declaring: string): Application["source"] {
  if (source === undefined) return { repository: declaring, path: "", exclude: [] };
  const elsewhere = readPackage(source);
  if (elsewhere !== undefined) return { repository: declaring, ...elsewhere, exclude: readExclude(source) };
  const repository = source.text("repository") ?? declaring;
  // A relative path means the declaring file's folder, which another repository does not have.
  const path = readPath(source, repository === declaring ? source.at.file : "");
  return { repository, path, exclude: readExclude(source) };
}

/** Exactly one of `path`, `chart` and `artifact` says where the files are. */
function readPackage(source: Fields): PackageSource | undefined {
  const given = (["path", "chart", "artifact"] as const).filter((key) => source.has(key));
  const [first, second] = given;
  if (second !== undefined) source.wrong(second, `cannot stand beside ${first}`, "an application has one source");
  if (first === undefined || first === "path") return undefined;
  const fields = source.map(first);
  if (fields === undefined) return undefined;
  return first === "chart" ? readChart(fields) : readArtifact(fields);
}

function readExclude(source: Fields): readonly string[] {
  const exclude = source.texts("exclude").map((text) => text.replace(/^\.\/|\/+$/gu, ""));
  source.finish();
  return exclude;
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

/** What to say of another declaration of the same name. */
export function conflictWith(winner: Application): (other: Application) => Problem {
  return (other) => ({
    code: "duplicate-application",
    severity: "warning",
    message: `application ${winner.name} is declared twice; ${winner.repository} ${winner.at.file}:${winner.at.line} is used`,
    at: other.at,
    hint: "give one of them another name",
  });
}
