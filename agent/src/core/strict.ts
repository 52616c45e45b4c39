import { isRecord, recordAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import { formatFieldPath, type FieldPath } from "@drover/shared/kube/field-path";

import { ownEntry, type DriftedFields } from "./drift.ts";
import { isEmpty, itemKeys, subtractFields, unionFields, type FieldSet } from "./field-set.ts";
import { isYielded, type Yield } from "./yield.ts";

/** What others have added to an object, and the managed fields in which all of it is ours: an apply then removes it. */
export interface Extras extends DriftedFields {
  readonly managedFields: readonly unknown[];
}

/** What the control plane itself writes into objects belongs there. */
const controlPlane: ReadonlySet<string> = new Set([
  "cloud-controller-manager",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kubelet",
]);

/**
 * Fields that Git leaves out so that somebody else decides: what a cluster fills in when an object is made (which counts
 * as written by whoever made it), authorities that are injected, and how many replicas there are.
 */
const leftOpen: ReadonlySet<string> = new Set([
  "caBundle",
  "clusterIP",
  "clusterIPs",
  "healthCheckNodePort",
  "ipFamilies",
  "ipFamilyPolicy",
  "nodePort",
  "replicas",
  "volumeName",
]);

const maxPaths = 20;

/**
 * What is to be removed from an object that is to be exactly as in Git (case 18, strict): the fields that others own and
 * we do not, but for status, finalizers and owners, what the control plane writes, and what is left to others. Told from metadata alone. undefined when there is nothing, or when our own entry is gone.
 */
export function extrasOf(
  object: JsonRecord,
  { manager, yields }: { readonly manager: string; readonly yields: readonly Yield[] },
): Extras | undefined {
  const own = ownEntry(object, manager);
  if (own === undefined) return undefined;
  const ours = recordAt(own, "fieldsV1") ?? {};
  const taken: FieldSet[] = [];
  const rest: JsonRecord[] = [];
  const paths: string[] = [];
  let by = "";
  for (const entry of recordsAt(object, "metadata", "managedFields")) {
    if (entry === own) continue;
    const added = addedBy(entry, { ours, yields, paths });
    const left = subtractFields(recordAt(entry, "fieldsV1") ?? {}, added);
    if (!isEmpty(added)) taken.push(added);
    if (!isEmpty(added)) by ||= textAt(entry, "manager") ?? "";
    if (!isEmpty(left)) rest.push({ ...entry, fieldsV1: left });
  }
  if (taken.length === 0) return undefined;
  const managedFields = [{ ...own, fieldsV1: unionFields(ours, ...taken) }, ...rest];
  return { managedFields, paths: [...new Set(paths)].slice(0, maxPaths), by };
}

interface Walk {
  /** What we own at this place; undefined = nothing. */
  readonly ours: JsonRecord | undefined;
  readonly isLeft: (path: FieldPath) => boolean;
  readonly paths: string[];
}

function addedBy(
  entry: JsonRecord,
  { ours, yields, paths }: { readonly ours: FieldSet; readonly yields: readonly Yield[]; readonly paths: string[] },
): FieldSet {
  const manager = textAt(entry, "manager") ?? "";
  if (controlPlane.has(manager) || (textAt(entry, "subresource") ?? "") !== "") return {};
  const { "f:status": _status, "f:metadata": metadata, ...rest } = recordAt(entry, "fieldsV1") ?? {};
  // Their maps are everybody's; only what is in them is added.
  const shown = ["f:labels", "f:annotations"].map((name) => {
    const { ".": _map, ...below } = recordAt(metadata, name) ?? {};
    return [name, below] as const;
  });
  const theirs = { ...rest, "f:metadata": Object.fromEntries(shown.filter(([, below]) => !isEmpty(below))) };
  const isLeft = (path: FieldPath): boolean => isYielded(path, [manager], yields);
  return pick(theirs, [], { ours, isLeft, paths });
}

/** The members of a set that are to go, and their paths: of a list item that goes as a whole, its own. */
function pick(set: FieldSet, path: FieldPath, walk: Walk): FieldSet {
  const { ours, isLeft, paths } = walk;
  const isWhole = path.at(-1)?.kind === "item" && Object.hasOwn(set, ".") && ours === undefined && !isLeft(path);
  if (isWhole) paths.push(formatFieldPath(path));
  const told = isWhole ? [] : paths;
  const kept: [string, unknown][] = [];
  for (const [step, below] of Object.entries(set)) {
    const next = [...path, ...segmentOf(step)];
    if (!isRecord(below) || leftOpen.has(step.slice(2)) || isLeft(next)) continue;
    if (!isEmpty(below)) {
      const inner = pick(below, next, { ...walk, ours: recordAt(ours, step), paths: told });
      if (!isEmpty(inner)) kept.push([step, inner]);
    } else if (!isOurs(step, ours)) {
      kept.push([step, below]);
      if (step !== ".") told.push(formatFieldPath(next));
    }
  }
  return Object.fromEntries(kept);
}

/** That there is a map at all is no addition to one of ours. */
function isOurs(step: string, ours: JsonRecord | undefined): boolean {
  return ours !== undefined && (step === "." || Object.hasOwn(ours, step));
}

/** An item of a set has no keys; what is said of it is said of the set. */
function segmentOf(step: string): FieldPath {
  if (step.startsWith("f:")) return [{ kind: "field", name: step.slice(2) }];
  const keys = itemKeys(step);
  return keys === undefined ? [] : [{ kind: "item", keys }];
}
