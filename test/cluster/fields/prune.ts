import type { KubeObject } from "../schema/object.ts";
import type { TypeSchema } from "../schema/type-schema.ts";
import type { Owners } from "./entries.ts";
import { fieldsOf, withNamedParents } from "./fields-of.ts";
import { removeFields } from "./merge.ts";
import { difference, emptySet, intersection, isEmpty, union } from "./set.ts";
import type { FieldSet } from "./set.ts";

/**
 * Takes out of `merged` what the applying manager owned formerly and nobody, this manager included, owns now.
 * With an item or a struct everything below it goes, except for what somebody owns, with the way to it.
 */
export function pruneFields(
  merged: KubeObject,
  { owners, former, schema }: { owners: Owners; former: FieldSet; schema: TypeSchema },
): KubeObject {
  if (isEmpty(former)) return merged;
  const last = withNamedParents(former, schema);
  let owned = emptySet;
  for (const { set } of owners.values()) owned = union(owned, set);
  owned = withNamedParents(owned, schema);
  if (isEmpty(difference(last, owned))) return merged;

  const all = withNamedParents(fieldsOf(merged, schema), schema);
  const pruned = removeFields(merged, last, schema);
  const left = union(withNamedParents(fieldsOf(pruned, schema), schema), owned);
  const kept = removeFields(merged, difference(all, left), schema);
  // Only what this manager had owned may go by its own account; what hung below it unowned goes with it.
  const gone = difference(all, withNamedParents(fieldsOf(kept, schema), schema));
  return removeFields(merged, intersection(gone, last), schema) as KubeObject;
}
