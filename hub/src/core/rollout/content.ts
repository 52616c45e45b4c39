import { digestOf, digestOfParts, type Digest } from "@drover/shared/digest";
import type { Manifest } from "@drover/shared/kube/manifest";

import type { Application } from "../application.ts";
import { jsonOf } from "../packed-manifest.ts";
import type { Placement } from "../placement.ts";
import type { Rendered } from "../render/index.ts";

/**
 * Names all that Git has of an application, whatever clusters there are: a rollout is of one content. What is written
 * elsewhere in the same files, and where, makes no difference.
 */
export function contentOfApplication(
  { namespace, sync }: Application,
  placements: readonly Placement[],
  renders: Iterable<Rendered>,
): Digest {
  const parts = [...renders].map(renderedDigest).toSorted();
  const overrides = placements.map((placement) => placement.overrides);
  return digestOf(JSON.stringify([namespace, sync, overrides, parts], withoutPlaces));
}

/** A render that was looked up is the same value each time. */
const known = new WeakMap<readonly unknown[], string>();

function renderedDigest({ manifests }: Rendered): string {
  const found = known.get(manifests);
  if (found !== undefined) return found;
  const digest = digestOfParts(jsonOfAll(manifests));
  known.set(manifests, digest);
  return digest;
}

/** A JSON list of the objects, in parts: as one text it would be as large as all of them. */
function* jsonOfAll(manifests: readonly Manifest[]): Generator<string> {
  for (const [index, manifest] of manifests.entries()) yield `${index === 0 ? "[" : ","}${jsonOf(manifest)}`;
  yield manifests.length === 0 ? "[]" : "]";
}

function withoutPlaces(key: string, value: unknown): unknown {
  return key === "at" || key === "compiled" ? undefined : value;
}
