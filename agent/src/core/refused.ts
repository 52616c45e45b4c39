import type { Digest } from "@drover/shared/digest";
import { formatObjectKey, type ObjectKey } from "@drover/shared/kube/manifest";
import type { Assignment } from "@drover/shared/link/link";

import type { Obstacle } from "./record.ts";

/** Why a bundle is not even tried. */
export interface Wait {
  /** Names of the applications that have to be current before. */
  readonly on: readonly string[];
  /** What is missing of them. */
  readonly missing: string;
  readonly message: string;
  readonly overdueAtMs: number;
  /** It has lasted too long, and goes on by itself all the same. */
  readonly isOverdue: boolean;
}

/** A bundle of which nothing was written: the server would refuse something, or another application has to come first. */
export interface RefusedBundle {
  readonly bundle: Digest;
  /** Default namespace that it was asked about with. */
  readonly namespace: string;
  /** Everything that the bundle has, by `formatObjectKey`: the application wants it, if only later. */
  readonly wants: ReadonlySet<string>;
  /** What would be refused, by `formatObjectKey`. */
  readonly objects: ReadonlyMap<string, RefusedObject>;
  /** How many objects the server was asked about. */
  readonly asked: number;
  /** How often in a row. */
  readonly attempts: number;
  /** It is not asked again before; ms since the epoch. */
  readonly notBefore: number;
  /** undefined = the server was asked. */
  readonly wait: Wait | undefined;
}

export interface RefusedObject {
  readonly key: ObjectKey;
  readonly version: string;
  readonly obstacle: Obstacle;
}

/** Whether an assigned bundle is the one that waits for other applications, and for the same ones. */
export function isHeldFor(
  refused: RefusedBundle | undefined,
  { bundle, namespace, sync }: Pick<Assignment, "bundle" | "namespace" | "sync">,
): refused is RefusedBundle & { readonly wait: Wait } {
  if (refused?.wait === undefined || refused.bundle !== bundle || refused.namespace !== namespace) return false;
  return refused.wait.on.join() === sync.dependsOn.join();
}

/** The one sentence for the application as a whole. */
export function explainRefused({ objects, asked, wait }: RefusedBundle): {
  readonly reason: string;
  readonly message: string;
} {
  if (wait !== undefined)
    return { reason: wait.isOverdue ? "DependencyStuck" : "WaitingForApplication", message: wait.message };
  const [first] = objects.values();
  const example = first === undefined ? "" : `; ${formatObjectKey(first.key)}: ${first.obstacle.message}`;
  const what = `nothing was written: the server would refuse ${objects.size} of ${asked} changed objects${example}`;
  return { reason: "BundleRefused", message: what };
}
