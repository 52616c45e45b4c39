import { isRecord, recordAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";

import { ownEntry } from "./drift.ts";
import { fieldsIn, isEmpty, subtractFields, unionFields, type FieldSet } from "./field-set.ts";

/** Where `kubectl apply` keeps a copy of what it applied last. */
export const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * Field managers that mean that a configuration tool applied a whole manifest. What they own of an object that becomes
 * ours has to be ours alone, or a field that leaves Git later would stay for ever (case 20). Not among them: `kubectl
 * edit`, `patch`, `label`, `scale` … and `create`, behind which is a person, whose fields coexist with ours (case 18).
 */
const tools: ReadonlySet<string> = new Set([
  "argocd-application-controller",
  "argocd-controller",
  "configsync",
  "flux",
  "fluxcd",
  "helm",
  "helm-controller",
  "kubectl-client-side-apply",
  "kubectl-last-applied",
  "kustomize-controller",
]);

/** The entry that a server makes up for all fields of an object that had no managed fields when it was first applied. */
const madeUp = "before-first-apply";

/** Nobody's: the migration removes the annotation. */
const copyField: FieldSet = { "f:metadata": { "f:annotations": { [`f:${lastApplied}`]: {} } } };

/** Whether the server made up an entry for what the object had before it was first applied. */
export function hasMadeUpEntry(live: JsonRecord): boolean {
  return recordsAt(live, "metadata", "managedFields").some((entry) => entry["manager"] === madeUp);
}

/**
 * The managed fields of an object in which the entries of configuration tools are merged into our own; undefined when
 * there is nothing to merge. Of the made-up entry only what was applied is taken, since it covers everything that the
 * object has: what `desired` (by default the last client-side apply) sets.
 */
export function migrateManagers(
  live: JsonRecord,
  options: { readonly desired: JsonRecord; readonly manager: string },
): readonly unknown[] | undefined {
  const copy = parse(textAt(live, "metadata", "annotations", lastApplied));
  const taken: FieldSet[] = [];
  const rest: JsonRecord[] = [];
  let first: JsonRecord | undefined;
  const own = ownEntry(live, options.manager);
  for (const entry of recordsAt(live, "metadata", "managedFields")) {
    if (entry === own) continue;
    const fields = recordAt(entry, "fieldsV1") ?? {};
    const part = takenFrom(entry, { fields, applied: copy ?? options.desired, hasCopy: copy !== undefined });
    if (isEmpty(part)) {
      rest.push(entry);
      continue;
    }
    first ??= entry;
    taken.push(part);
    const left = subtractFields(subtractFields(fields, part), copyField);
    if (!isEmpty(left)) rest.push({ ...entry, fieldsV1: left });
  }
  const base = own ?? first;
  if (base === undefined || taken.length === 0) return undefined;
  const fieldsV1 = unionFields(recordAt(own, "fieldsV1") ?? {}, ...taken);
  return [{ ...base, manager: options.manager, operation: "Apply", fieldsV1 }, ...rest];
}

function takenFrom(
  entry: JsonRecord,
  { fields, applied, hasCopy }: { readonly fields: FieldSet; readonly applied: JsonRecord; readonly hasCopy: boolean },
): FieldSet {
  const { manager, operation, subresource } = entry;
  if (typeof manager !== "string" || (typeof subresource === "string" && subresource !== "")) return {};
  if (manager === madeUp) return withoutStatus(fieldsIn(fields, applied));
  // Without a copy of what it applied, an update by old kubectl may as well be an edit.
  const isTool = tools.has(manager) || (manager === "kubectl" && (operation === "Apply" || hasCopy));
  return isTool ? withoutStatus(fields) : {};
}

/** A status is its controller's, whoever wrote it. */
function withoutStatus(fields: FieldSet): FieldSet {
  const { "f:status": _status, ...others } = fields;
  return subtractFields(others, copyField);
}

function parse(text: string | undefined): JsonRecord | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
