import { resolve } from "node:path";

import type { Project } from "@drover/hub/offline/project";
import type { Command } from "commander";

import type { GlobalFlags } from "./config.ts";
import type { Terminal } from "./terminal.ts";
import { plain } from "./text.ts";

/** Of commands that read the files of a folder, and ask no hub. */
export interface FolderFlags extends GlobalFlags {
  readonly fetch?: boolean;
  readonly kubeVersion?: string;
  readonly apiVersions?: readonly string[];
}

export function withFolderFlags(command: Command): Command {
  const apis = "APIs that charts are told of, besides Helm's own: apps/v1,apps/v1/Deployment; can be repeated";
  return command
    .option("--fetch", "fetch charts and artifacts from where they are published, without credentials")
    .option("--kube-version <version>", "version of Kubernetes that charts are told; default: Helm's own")
    .option("--api-versions <names>", apis, collect);
}

function collect(name: string, others: readonly string[] | undefined): readonly string[] {
  return [...(others ?? []), name];
}

/** Reads and renders a folder; with `revision` as it was at a commit. Throws `usage`. */
export async function readFolder(
  terminal: Terminal,
  path: string,
  { fetch, kubeVersion, apiVersions, revision }: FolderFlags & { readonly revision?: string },
): Promise<Project> {
  const { readCapabilities } = await import("@drover/hub/offline/capabilities");
  const { readProject } = await import("@drover/hub/offline/project");
  const options = { folder: resolve(terminal.cwd, path), environment: terminal.env, fetch: fetch === true };
  const capabilities = readCapabilities(kubeVersion, apiVersions);
  const at = revision === undefined ? {} : { revision };
  const project = await readProject({ ...options, ...at, capabilities }, terminal.signal);
  if (revision === undefined && project.assumed.length > 0) {
    const names = plain(project.assumed.join(", "));
    const what = "the chart looks at its cluster, and is told of Helm's own idea of one";
    terminal.stderr.write(`note: ${names}: ${what} (--kube-version, --api-versions)\n`);
  }
  return project;
}
