import { isRecord, type JsonRecord } from "@drover/shared/json";

/**
 * The `fieldsV1` of an entry in `managedFields` is a set of field paths written as a tree: `f:name` a field, `k:{…}` a
 * list item by its keys, `v:…` an item of a set; `{}` is a member, and `.` makes a member of what also has children.
 */
export type FieldSet = JsonRecord;

/** The fields that any of the sets has. */
export function unionFields(...sets: readonly FieldSet[]): FieldSet {
  return sets.filter((set) => !isEmpty(set)).reduce<FieldSet>((a, b) => unite(a, b), {});
}

/** The fields of `a` that `b` does not have. */
export function subtractFields(a: FieldSet, b: FieldSet): FieldSet {
  return filterMembers(a, b, (inB) => !inB);
}

/** The fields that both sets have. */
export function intersectFields(a: FieldSet, b: FieldSet): FieldSet {
  return filterMembers(a, b, (inB) => inB);
}

/** The fields of a set that are fields of an object; lists are compared item by item as far as the set knows keys. */
export function fieldsIn(set: FieldSet, object: unknown): FieldSet {
  const kept: [string, unknown][] = [];
  for (const [step, below] of Object.entries(set)) {
    if (step === ".") {
      kept.push([step, below]);
      continue;
    }
    const value = follow(step, object);
    if (value === undefined || !isRecord(below)) continue;
    if (isEmpty(below)) kept.push([step, below]);
    else {
      const inner = fieldsIn(below, value);
      if (!isEmpty(inner)) kept.push([step, inner]);
    }
  }
  return Object.fromEntries(kept);
}

export function isEmpty(set: FieldSet): boolean {
  return Object.keys(set).length === 0;
}

/** The keys of a list item's step: `k:{"name":"web"}` → `{name: "web"}`; undefined for any other step. */
export function itemKeys(step: string): JsonRecord | undefined {
  if (!step.startsWith("k:")) return undefined;
  const keys = parse(step.slice(2));
  return isRecord(keys) ? keys : undefined;
}

/** Both trees have members: an empty tree inside stands for the member itself. */
function unite(a: FieldSet, b: FieldSet): FieldSet {
  const steps = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries(
    [...steps].map((step) => {
      const [inA, inB] = [a[step], b[step]];
      if (!isRecord(inA)) return [step, inB];
      if (!isRecord(inB)) return [step, inA];
      if (isEmpty(inA) && isEmpty(inB)) return [step, inA];
      return [step, unite(asTree(inA), asTree(inB))];
    }),
  );
}

function asTree(set: FieldSet): FieldSet {
  return isEmpty(set) ? { ".": {} } : set;
}

function filterMembers(a: FieldSet, b: FieldSet, keep: (inB: boolean) => boolean): FieldSet {
  const kept: [string, unknown][] = [];
  for (const [step, below] of Object.entries(a)) {
    if (!isRecord(below)) continue;
    const other = Object.hasOwn(b, step) ? b[step] : undefined;
    if (step === ".") {
      if (keep(other !== undefined)) kept.push([step, below]);
      continue;
    }
    const inner = filterMembers(asTree(below), isRecord(other) ? asTree(other) : {}, keep);
    if (!isEmpty(inner)) kept.push([step, isOnlyMember(inner) ? {} : inner]);
  }
  return Object.fromEntries(kept);
}

function isOnlyMember(set: FieldSet): boolean {
  return Object.keys(set).length === 1 && Object.hasOwn(set, ".");
}

/** What a step leads to in an object; undefined when there is nothing. */
function follow(step: string, value: unknown): unknown {
  if (step.startsWith("f:")) {
    const name = step.slice(2);
    return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const keys = itemKeys(step);
  if (keys !== undefined) return value.find((item) => isRecord(item) && hasKeys(item, keys));
  if (!step.startsWith("v:")) return undefined;
  const wanted = parse(step.slice(2));
  return value.find((item) => item === wanted);
}

/** A key that the manifest leaves to the server's default is not in the item. */
function hasKeys(item: JsonRecord, keys: JsonRecord): boolean {
  return Object.entries(keys).every(([name, value]) => item[name] === undefined || item[name] === value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
