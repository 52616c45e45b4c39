import { setTimeout as pause } from "node:timers/promises";

import type { KubeObject } from "@drover/shared/kube/manifest";

import type { Stage } from "./stage.ts";

const idleMs = 10_000;

/** Lets the Deployments roll out, waits until the agent says that all is well, and then until it has come to rest. */
export async function settled(stage: Stage, namespace: string, objects: readonly KubeObject[]): Promise<void> {
  const names = objects.filter(({ kind }) => kind === "Deployment").map(({ metadata }) => metadata.name);
  const well = stage.hub.next(namespace, ({ phase, health }) => phase === "applied" && health === "Current");
  await stage.rollOut(namespace, names);
  await well;
  await pause(idleMs);
}
