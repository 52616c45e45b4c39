import type { JsonRecord } from "@drover/shared/json";
import { diffObjects } from "@drover/shared/kube/diff";
import { type FieldPath } from "@drover/shared/kube/field-path";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { equalQuantities } from "@drover/shared/kube/quantity";

import { isYielded, type Yield } from "./yield.ts";

/**
 * The fields that have another value right after our apply than the one applied: a mutating webhook has changed them. It
 * does so without a field manager of its own, so nothing else tells. As far as the answer shows them: of kinds that are
 * followed by their metadata, metadata. Another spelling of a quantity is no other value, and what the server dropped
 * was not rewritten.
 */
export function rewrittenFields(
  payload: KubeObject,
  { answer, yields }: { readonly answer: JsonRecord; readonly yields: readonly Yield[] },
): readonly FieldPath[] {
  // PartialObjectMetadata has a type of its own.
  const shown = answer["kind"] === payload.kind ? payload : { metadata: payload.metadata };
  return diffObjects(shown, answer)
    .filter(({ desired, live }) => live !== undefined && !equalQuantities(desired, live))
    .map(({ path }) => path)
    .filter((path) => !isYielded(path, [], anyOwner(yields)));
}

function anyOwner(yields: readonly Yield[]): readonly Yield[] {
  return yields.map((one) => ({ ...one, managers: [] }));
}
