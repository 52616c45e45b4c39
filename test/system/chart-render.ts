import { join } from "node:path";

import type { Application } from "@drover/hub/core/application";
import { readDeclarations } from "@drover/hub/core/declarations";
import { render, type Rendered, type Variant } from "@drover/hub/core/render/index";
import { createMirror } from "@drover/hub/source/git/mirror";
import { createHelm, type Helm } from "@drover/hub/source/programs/helm";
import { readSnapshot, type Snapshot } from "@drover/hub/source/snapshot";
import { decodeYaml } from "@drover/shared/decode";
import { canonicalize } from "@drover/shared/kube/canonical";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { sortForApply } from "@drover/shared/kube/order";
import { formatProblem } from "@drover/shared/problems";

import type { WorkTree } from "../rig/git.ts";

const signal = AbortSignal.timeout(300_000);

export async function snapshotOf(tree: WorkTree): Promise<Snapshot> {
  const mirror = createMirror({ folder: join(tree.path, ".git", "no-mirrors") });
  const source = { name: "config", url: tree.path, ref: "" };
  return readSnapshot(mirror, source, { commit: await mirror.fetch(source, signal), path: "" }, signal);
}

/** An application as its file declares it. */
export function declare(spec: Readonly<Record<string, unknown>>, name = "app"): Application {
  const document = { apiVersion: "drover.dev/v1alpha1", kind: "Application", metadata: { name }, spec };
  const text = new TextEncoder().encode(JSON.stringify(document, undefined, 2));
  const { declarations, problems } = readDeclarations("config", "drover.yaml", text);
  const [application] = declarations;
  if (application?.kind !== "Application") throw new Error(problems.map(formatProblem).join("\n"));
  return application;
}

export async function renderChart(
  snapshot: Snapshot,
  application: Application,
  { helm = createHelm({ environment: process.env }), variant = {} }: { helm?: Helm; variant?: Variant } = {},
): Promise<Rendered> {
  return render(
    {
      application,
      snapshot,
      kustomize: () => Promise.reject(new Error("there is no kustomization")),
      helm: (request, stop) => helm.template(snapshot, request, stop),
      variant,
    },
    signal,
  );
}

/** What a program printed, in the form and the order that the hub gives to objects. */
export function objectsOf(printed: string): readonly KubeObject[] {
  const { documents, problems } = decodeYaml("printed.yaml", new TextEncoder().encode(printed));
  if (problems.length > 0) throw new Error(problems.map(formatProblem).join("\n"));
  const objects = documents.flatMap(({ value }) => {
    const object = value as KubeObject;
    return object.kind === "List" ? (object["items"] as KubeObject[]) : [object];
  });
  return sortForApply(objects.map((object) => canonicalize(object)));
}

export function problemsOf({ problems }: Rendered): readonly string[] {
  return problems.map((problem) => `${problem.severity} ${problem.code} ${formatProblem(problem)}`);
}
