import type { Digest } from "@drover/shared/digest";
import { formatObjectKey, type ObjectKey } from "@drover/shared/kube/manifest";

import type { Obstacle } from "./record.ts";

/** A bundle of which the server would refuse something, so that nothing of it was written. */
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
}

export interface RefusedObject {
  readonly key: ObjectKey;
  readonly version: string;
  readonly obstacle: Obstacle;
}

/** The one sentence for the application as a whole. */
export function explainRefused({ objects, asked }: RefusedBundle): {
  readonly reason: string;
  readonly message: string;
} {
  const [first] = objects.values();
  const example = first === undefined ? "" : `; ${formatObjectKey(first.key)}: ${first.obstacle.message}`;
  const what = `nothing was written: the server would refuse ${objects.size} of ${asked} changed objects${example}`;
  return { reason: "BundleRefused", message: what };
}
