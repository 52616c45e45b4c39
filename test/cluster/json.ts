/** Reading and writing of JSON whose shape a client chose: absent and mistyped values read as undefined, never throw. */
export type JsonRecord = Record<string, unknown>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (!isRecord(current)) return undefined;
    current = current[key];
  }
  return current;
}

export function recordAt(value: unknown, ...path: readonly string[]): JsonRecord | undefined {
  const found = at(value, ...path);
  return isRecord(found) ? found : undefined;
}

export function listAt(value: unknown, ...path: readonly string[]): unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? (found as unknown[]) : [];
}

export function recordsAt(value: unknown, ...path: readonly string[]): JsonRecord[] {
  return listAt(value, ...path).filter(isRecord);
}

export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === "string" ? found : undefined;
}

export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === "number" ? found : undefined;
}

/** A string map such as labels; entries that are no strings are left out. */
export function textsAt(value: unknown, ...path: readonly string[]): Record<string, string> {
  const entries = Object.entries(recordAt(value, ...path) ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

/** Sets every key of `values` that `target` lacks. Changes `target`, which the caller must own. */
export function fill(target: JsonRecord, values: Readonly<JsonRecord>): void {
  for (const [key, value] of Object.entries(values)) {
    if (target[key] === undefined || target[key] === null) target[key] = cloneJson(value);
  }
}

/** The record at a key of an owned record, made when absent. */
export function ensureRecord(target: JsonRecord, key: string): JsonRecord {
  const found = target[key];
  if (isRecord(found)) return found;
  const made: JsonRecord = {};
  target[key] = made;
  return made;
}

/** A deep copy of JSON; several times faster than structuredClone, which matters on every write. */
export function cloneJson<T>(value: T): T;
export function cloneJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => cloneJson(item));
  if (!isRecord(value)) return value;
  const copy: JsonRecord = {};
  for (const key of Object.keys(value)) copy[key] = cloneJson(value[key]);
  return copy;
}

/** Equality of JSON; the order of keys does not matter, and a key whose value is undefined counts as absent. */
export function equalJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left)) {
    return Array.isArray(right) && left.length === right.length && left.every((item, i) => equalJson(item, right[i]));
  }
  if (!isRecord(left) || !isRecord(right)) return false;
  for (const key of Object.keys(left)) if (!equalJson(left[key], right[key])) return false;
  for (const key of Object.keys(right)) if (right[key] !== undefined && !Object.hasOwn(left, key)) return false;
  return true;
}

/** A copy without the named keys. */
export function without<T extends object>(record: T, ...keys: readonly string[]): T {
  const copy: T = { ...record };
  for (const key of keys) Reflect.deleteProperty(copy, key);
  return copy;
}

/** Makes an owned record the same as another one, key by key. */
export function keepOnly(target: object, wanted: object): void {
  for (const key of Object.keys(target)) if (!(key in wanted)) Reflect.deleteProperty(target, key);
  Object.assign(target, wanted);
}
