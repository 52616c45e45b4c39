import { resolve } from "node:path";

import type { Client } from "@drover/shared/api/client";
import type { BlameQuery, BlameResult, Origin, Variable, WhyResult } from "@drover/shared/api/explanations";
import type { Position } from "@drover/shared/errors";
import type { Command } from "commander";

import type { GlobalFlags } from "./config.ts";
import { parseTargetName } from "./names.ts";
import { openOutput, openSession, type Output } from "./session.ts";
import type { Terminal } from "./terminal.ts";

export interface ExplainFlags extends GlobalFlags {
  readonly path?: string;
}

/** Who answers: the hub, or the files of a folder. */
interface Answers {
  readonly output: Output;
  why(): Promise<WhyResult>;
  blame(wanted: BlameQuery): Promise<BlameResult>;
}

export function withPath(command: Command): Command {
  return command.option("--path <folder>", "ask the files of this folder, and no hub");
}

/** Throws `usage` for what names no target. */
export async function openAnswers(terminal: Terminal, flags: ExplainFlags, name: string): Promise<Answers> {
  const target = parseTargetName(name);
  const { signal } = terminal;
  if (flags.path === undefined) {
    const session = await openSession(terminal, flags);
    const { targets }: Pick<Client, "targets"> = session.client;
    return {
      output: session,
      why: () => targets.why(target, signal),
      blame: (wanted) => targets.blame(target, wanted, signal),
    };
  }
  const output = openOutput(terminal, flags);
  const { readProject } = await import("@drover/hub/offline/project");
  const { blameObject, explainTarget } = await import("@drover/hub/offline/explain");
  const folder = resolve(terminal.cwd, flags.path);
  const project = await readProject({ folder, environment: terminal.env }, signal);
  return {
    output,
    why: () => explainTarget(project, target),
    blame: (wanted) => blameObject(project, target, wanted),
  };
}

/** `apps/shop/drover.yaml:14 patches[0]`; the repository only where there are several. */
export function formatOrigin({ kind, part, at, repository }: Origin, several: boolean): string {
  if (kind === "drover") return "(default)";
  const place = formatPlace({ repository, at }, several);
  const by = kind === "kustomize" || kind === "chart" ? `(${kind})` : "";
  // What a chart prints has no line.
  return `${kind === "chart" ? place.replace(/:1$/u, "") : place} ${part ?? by}`.trimEnd();
}

export function formatPlace(
  { repository, at }: { readonly repository: string; readonly at?: Position | undefined },
  several = false,
): string {
  if (at === undefined) return repository;
  return `${several ? `${repository}//` : ""}${at.file}:${at.line}`;
}

/** `cluster.vars.size clusters.yaml:4`, `cluster.labels.env drover cluster label`. */
export function formatVariable(variable: Variable, several: boolean): string {
  const { name, kind } = variable;
  if (kind === "name") return name;
  const nobody = kind === "default" ? "(its default)" : "(no value)";
  return `${name} ${formatGiver(variable, several) || nobody}`;
}

/** Who gave a cluster a label or a variable; "" when nobody did. */
export function formatGiver(
  given: { readonly kind: string; readonly repository: string; readonly at?: Position | undefined },
  several = false,
): string {
  if (given.kind === "hub") return "drover cluster label";
  if (given.kind === "fact") return "its agent";
  return given.at === undefined ? "" : formatPlace(given, several);
}
