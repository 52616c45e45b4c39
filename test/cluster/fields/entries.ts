import type { KubeObject, ManagedFieldsEntry } from "../schema/object.ts";
import { decodeFields, difference, encodeFields, equalSets, isEmpty, union } from "./set.ts";
import type { FieldSet } from "./set.ts";

/** One manager's share of an object: its stored entry and the set that is to be stored. */
export type Owner = {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  readonly time?: string | undefined;
  readonly set: FieldSet;
};

/** Owners by identity: manager, operation, subresource and, for updates, apiVersion. */
export type Owners = Map<string, Owner>;

export type OwnerIdentity = Pick<Owner, "manager" | "operation" | "apiVersion" | "subresource">;

/** Appliers keep one entry when they move to another apiVersion; updaters have one per apiVersion. */
export function identityOf({ manager, operation, apiVersion, subresource }: OwnerIdentity): string {
  return JSON.stringify([operation, operation === "Apply" ? "" : apiVersion, subresource ?? "", manager]);
}

export function readOwners(object: KubeObject | undefined): Owners {
  const owners: Owners = new Map();
  for (const entry of object?.metadata.managedFields ?? []) {
    const owner = readOwner(entry);
    if (owner !== undefined) owners.set(identityOf(owner), owner);
  }
  return owners;
}

function readOwner(entry: ManagedFieldsEntry): Owner | undefined {
  const { manager = "", operation, apiVersion = "", subresource, time, fieldsV1 } = entry;
  if (operation === undefined) return undefined;
  return { manager, operation, apiVersion, subresource, time, set: decodeFields(fieldsV1 ?? {}) };
}

/** The object with these owners' entries; entries whose owner did not change are taken over as they are. */
export function writeOwners(object: KubeObject, owners: Owners, stored: KubeObject | undefined): KubeObject {
  const known = new Map<string, ManagedFieldsEntry>();
  for (const entry of stored?.metadata.managedFields ?? []) {
    const owner = readOwner(entry);
    if (owner !== undefined) known.set(identityOf(owner), entry);
  }
  const entries = capUpdates([...owners.values()])
    .sort(compareOwners)
    .map((owner) => writeOwner(owner, known.get(identityOf(owner))));
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: entries.length === 0 ? metadata : { ...metadata, managedFields: entries } };
}

function writeOwner(owner: Owner, stored: ManagedFieldsEntry | undefined): ManagedFieldsEntry {
  const before = stored === undefined ? undefined : readOwner(stored);
  if (
    stored !== undefined &&
    before?.apiVersion === owner.apiVersion &&
    before.time === owner.time &&
    equalSets(before.set, owner.set)
  ) {
    return stored;
  }
  return {
    manager: owner.manager,
    operation: owner.operation,
    apiVersion: owner.apiVersion,
    ...(owner.time === undefined ? {} : { time: owner.time }),
    fieldsType: "FieldsV1",
    fieldsV1: encodeFields(owner.set),
    ...(owner.subresource === undefined || owner.subresource === "" ? {} : { subresource: owner.subresource }),
  };
}

/** The order in which the real server stores entries. */
function compareOwners(a: Owner, b: Owner): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time ?? "", b.time ?? "") ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource ?? "", b.subresource ?? "")
  );
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** As many update entries as the real server keeps; the oldest are joined in one entry of this name. */
const maximumUpdates = 10;
const ancientChanges = "ancient-changes";

function capUpdates(owners: Owner[]): Owner[] {
  const updates = owners.filter(({ operation }) => operation === "Update").sort(compareOwners);
  let surplus = updates.length - maximumUpdates;
  if (surplus <= 0) return owners;
  const kept = owners.filter(({ operation }) => operation === "Apply");
  const ancient = new Map<string, Owner>();
  for (const owner of updates) {
    const known = ancient.get(owner.apiVersion);
    if (surplus <= 0 && owner.manager !== ancientChanges) {
      kept.push(owner);
      continue;
    }
    // Joining with what is there saves an entry; the first of an apiVersion only changes its name.
    if (known !== undefined) surplus--;
    const set = known === undefined ? owner.set : union(known.set, owner.set);
    ancient.set(owner.apiVersion, { ...owner, manager: ancientChanges, subresource: undefined, set });
  }
  return [...kept, ...ancient.values()];
}

/** Takes `lost` out of an owner's set; an owner that has nothing left is dropped. */
export function takeFrom(owners: Owners, identity: string, lost: FieldSet): void {
  const owner = owners.get(identity);
  if (owner === undefined || isEmpty(lost)) return;
  const set = difference(owner.set, lost);
  if (isEmpty(set)) owners.delete(identity);
  else if (!equalSets(set, owner.set)) owners.set(identity, { ...owner, set });
}
