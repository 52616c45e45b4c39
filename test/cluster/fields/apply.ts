import type { KubeObject } from "../schema/object.ts";
import type { TypeSchema } from "../schema/type-schema.ts";
import { checkApplied } from "./check.ts";
import { compareValues } from "./compare.ts";
import type { Comparison } from "./compare.ts";
import { conflictCauses } from "./conflict.ts";
import type { Conflict, ConflictCause } from "./conflict.ts";
import { identityOf, readOwners, takeFrom, writeOwners } from "./entries.ts";
import type { Owner, OwnerIdentity, Owners } from "./entries.ts";
import { fieldsOf } from "./fields-of.ts";
import { mergeValues } from "./merge.ts";
import { pruneFields } from "./prune.ts";
import { reconcileSet } from "./reconcile.ts";
import {
  decodeFields,
  difference,
  differenceBelow,
  emptySet,
  equalSets,
  insertPath,
  intersection,
  isEmpty,
  newSet,
  union,
} from "./set.ts";
import type { FieldSet } from "./set.ts";

type Request = {
  readonly manager: string;
  /** RFC 3339 with seconds, as written to `managedFields[].time`. */
  readonly now: string;
  readonly schema: TypeSchema;
  readonly subresource?: string;
  /** Paths that this endpoint does not change, such as `["status"]` of a main resource; nobody comes to own them. */
  readonly ignored?: readonly (readonly string[])[];
};

export type ApplyRequest = Request & {
  /** The stored object; undefined when the apply creates it. */
  readonly live: KubeObject | undefined;
  /** What the client sent: only the fields that it wants to own. */
  readonly applied: KubeObject;
  /** Take fields from other managers instead of reporting a conflict. */
  readonly force: boolean;
};

export type ApplyResult =
  | { readonly kind: "merged"; readonly object: KubeObject }
  | { readonly kind: "conflict"; readonly causes: ConflictCause[] };

export type UpdateRequest = Request & {
  /** The stored object; undefined when the update creates it. */
  readonly before: KubeObject | undefined;
  readonly after: KubeObject;
};

/**
 * Server-side apply: merges the applied configuration into the live object, drops what this manager applied
 * before and nobody owns any more, and brings `metadata.managedFields` up to date. An apply that changes neither
 * returns `live` itself. Throws SchemaError when the configuration does not fit the schema.
 */
export function applyFields(request: ApplyRequest): ApplyResult {
  const { live, applied, schema } = request;
  checkApplied(applied, schema);
  const owners = readOwners(live);
  if (live !== undefined && owners.size === 0) trackUnmanaged(owners, live, request);
  reconcileOwners(owners, live, schema);
  const owner: Owner = { ...ownerOf(request, "Apply", applied.apiVersion), set: fieldsOf(applied, schema) };
  const self = identityOf(owner);
  const former = owners.get(self);
  owners.set(self, owner);

  const bare = withoutManagedFields(live ?? emptyObject(applied));
  const merged = mergeValues(bare, live === undefined ? applied : withoutSystemFields(applied), schema) as KubeObject;
  const result = pruneFields(merged, { owners, former: former?.set ?? emptySet, schema });
  const comparison = compareObjects(bare, result, request);
  const conflicts = conflictsOf(owners, self, comparison);
  if (conflicts.length > 0 && !request.force) return { kind: "conflict", causes: conflictCauses(conflicts) };
  settle(owners, self, comparison);

  const set = difference(differenceBelow(owner.set, setOfPaths(request.ignored)), untracked);
  const object = isSame(comparison) ? bare : result;
  if (live !== undefined && object === bare && isRepeated(former, { ...owner, set })) {
    return { kind: "merged", object: live };
  }
  if (isEmpty(set)) owners.delete(self);
  else owners.set(self, { ...owner, set, time: request.now });
  return { kind: "merged", object: writeOwners(object, owners, live) };
}

function isRepeated(former: Owner | undefined, owner: Owner): boolean {
  if (former === undefined) return isEmpty(owner.set);
  return former.apiVersion === owner.apiVersion && equalSets(former.set, owner.set);
}

/**
 * Brings `metadata.managedFields` of `after` up to date with what this create, update or patch changed. The
 * entries come from `after` when it has some (clients may edit them), else from `before`; an empty list or a single
 * empty entry (`[{}]`) drops them all. An object that nobody tracked stays untracked until its first apply.
 */
export function trackUpdate(request: UpdateRequest): KubeObject {
  const { before, after } = request;
  const owners = ownersForUpdate(request);
  if (before === undefined || owners.size > 0) {
    const start = before ?? emptyObject(after);
    reconcileOwners(owners, start, request.schema);
    trackChanges(owners, compareObjects(withoutManagedFields(start), withoutManagedFields(after), request), request);
  }
  return writeOwners(after, owners, before);
}

function ownersForUpdate({ before, after, subresource }: UpdateRequest): Owners {
  const entries = after.metadata.managedFields;
  if (entries?.every((entry) => Object.keys(entry).length === 0) === true && entries.length < 2) return new Map();
  if (subresource !== undefined && before !== undefined) return readOwners(before);
  const sent = readOwners(after);
  return sent.size > 0 ? sent : readOwners(before);
}

function reconcileOwners(owners: Owners, live: KubeObject | undefined, schema: TypeSchema): void {
  for (const [identity, owner] of owners) {
    const set = reconcileSet(owner.set, live, schema);
    if (set !== owner.set) owners.set(identity, { ...owner, set });
  }
}

/** Gives every changed path to the updating manager alone. */
function trackChanges(owners: Owners, comparison: Comparison, request: UpdateRequest): void {
  settle(owners, undefined, comparison);
  const changed = difference(union(comparison.modified, comparison.added), untracked);
  if (isEmpty(changed)) return;
  const owner = ownerOf(request, "Update", request.after.apiVersion);
  const known = owners.get(identityOf(owner))?.set ?? emptySet;
  owners.set(identityOf(owner), { ...owner, set: union(known, changed), time: request.now });
}

/** What an object held before its first apply belongs to a manager of this name, so that it can conflict. */
const beforeFirstApply = "before-first-apply";

function trackUnmanaged(owners: Owners, live: KubeObject, request: ApplyRequest): void {
  const update: UpdateRequest = { ...request, before: undefined, after: live, manager: beforeFirstApply };
  trackChanges(owners, compareObjects(emptyObject(live), withoutManagedFields(live), request), update);
}

function ownerOf(request: Request, operation: Owner["operation"], apiVersion: string): OwnerIdentity {
  return { manager: request.manager, operation, apiVersion, subresource: request.subresource };
}

function conflictsOf(owners: Owners, self: string, comparison: Comparison): Conflict[] {
  const changed = union(comparison.modified, comparison.added);
  if (isEmpty(changed)) return [];
  return [...owners]
    .filter(([identity]) => identity !== self)
    .map(([, owner]) => ({ owner, set: intersection(owner.set, changed) }))
    .filter(({ set }) => !isEmpty(set));
}

/** Takes changed and removed paths from everybody but `self`. */
function settle(owners: Owners, self: string | undefined, comparison: Comparison): void {
  if (isSame(comparison)) return;
  const gone = union(union(comparison.modified, comparison.added), comparison.removed);
  for (const identity of owners.keys()) if (identity !== self) takeFrom(owners, identity, gone);
}

const same: Comparison = { added: emptySet, modified: emptySet, removed: emptySet };

function compareObjects(before: KubeObject, after: KubeObject, request: Request): Comparison {
  if (before === after) return same;
  const { added, modified, removed } = compareValues(before, after, request.schema);
  if (request.ignored === undefined) return { added, modified, removed };
  const ignored = setOfPaths(request.ignored);
  return {
    added: differenceBelow(added, ignored),
    modified: differenceBelow(modified, ignored),
    removed: differenceBelow(removed, ignored),
  };
}

function isSame({ added, modified, removed }: Comparison): boolean {
  return isEmpty(added) && isEmpty(modified) && isEmpty(removed);
}

function setOfPaths(paths: readonly (readonly string[])[] | undefined): FieldSet {
  if (paths === undefined) return emptySet;
  const set = newSet();
  for (const path of paths) {
    insertPath(
      set,
      path.map((name) => `f:${name}`),
    );
  }
  return set;
}

/** Identity and bookkeeping, which nobody owns. */
const untracked = decodeFields({
  "f:apiVersion": {},
  "f:kind": {},
  "f:metadata": {
    ".": {},
    "f:name": {},
    "f:namespace": {},
    "f:creationTimestamp": {},
    "f:selfLink": {},
    "f:uid": {},
    "f:clusterName": {},
    "f:generation": {},
    "f:managedFields": {},
    "f:resourceVersion": {},
  },
});

const systemFields = new Set(["creationTimestamp", "selfLink", "uid", "generation", "resourceVersion"]);

/** An applied configuration may carry fields of the server's bookkeeping; those of the live object stand. */
function withoutSystemFields(applied: KubeObject): KubeObject {
  const names = Object.keys(applied.metadata);
  if (!names.some((name) => systemFields.has(name))) return applied;
  const kept = Object.entries(applied.metadata).filter(([name]) => !systemFields.has(name));
  return { ...applied, metadata: Object.fromEntries(kept) };
}

function withoutManagedFields(object: KubeObject): KubeObject {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function emptyObject({ apiVersion, kind }: KubeObject): KubeObject {
  return { apiVersion, kind, metadata: {} };
}
