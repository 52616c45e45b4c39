import { DroverError } from "@drover/shared/errors";
import type { Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { Application } from "../core/application.ts";
import { mayDeclare, readDeclarations, type Declaration } from "../core/declarations.ts";
import { render } from "../core/render/index.ts";
import { markManifests } from "../core/templates.ts";
import { createHelm } from "../source/helm.ts";
import { createKustomize } from "../source/kustomize.ts";
import type { Snapshot } from "../source/snapshot.ts";
import { readRevision, readWorkingTree } from "./working-tree.ts";

/** A repository as it lies in a folder, read and rendered as the hub would do it. */
export interface Project {
  readonly declarations: readonly Declaration[];
  /** By application, of those that render without an error. */
  readonly rendered: ReadonlyMap<string, readonly Manifest[]>;
  /** Everything that is wrong with the files, and with what they render. */
  readonly problems: readonly Problem[];
}

export interface ProjectOptions {
  readonly folder: string;
  /** A commit instead of the files as they are now. */
  readonly revision?: string;
  /** Where programs are looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Reads a folder. Throws only what is no fault of its files, such as a program that is missing. */
export async function readProject(options: ProjectOptions, signal: AbortSignal): Promise<Project> {
  const { folder, revision, environment } = options;
  const snapshot = await (revision === undefined
    ? readWorkingTree(folder, signal)
    : readRevision(folder, revision, signal));
  const declarations: Declaration[] = [];
  const problems: Problem[] = [];
  for (const { path } of snapshot.entries.values()) {
    if (!/\.ya?ml$/u.test(path)) continue;
    const read = await readFileDeclarations(snapshot, path);
    declarations.push(...read.declarations);
    problems.push(...read.problems);
  }
  const rendered = new Map<string, readonly Manifest[]>();
  const kustomize = createKustomize({ environment });
  const helm = createHelm({ environment });
  for (const application of declarations) {
    if (application.kind !== "Application" || application.source.repository !== snapshot.repository) continue;
    const result = await render(
      {
        application,
        snapshot,
        kustomize: (path, stop) => kustomize(snapshot, path, stop),
        helm: (request, stop) => helm.template(snapshot, request, stop),
      },
      signal,
    );
    const { manifests, problems: unknown } = markWhereWanted(application, result.manifests);
    const found = [...result.problems, ...unknown];
    problems.push(...found);
    if (!found.some(({ severity }) => severity === "error")) rendered.set(application.name, manifests);
  }
  return { declarations, rendered, problems };
}

function markWhereWanted(application: Application, manifests: readonly Manifest[]): ReturnType<typeof markManifests> {
  return application.substitute ? markManifests(manifests) : { manifests, problems: [] };
}

async function readFileDeclarations(snapshot: Snapshot, path: string): Promise<ReturnType<typeof readDeclarations>> {
  try {
    const bytes = await snapshot.read(path);
    return mayDeclare(bytes) ? readDeclarations(snapshot.repository, path, bytes) : { declarations: [], problems: [] };
  } catch (cause) {
    const { code, message, at = { file: path, line: 1, column: 1 } } = DroverError.from(cause);
    return { declarations: [], problems: [{ code, severity: "warning", message, at }] };
  }
}
