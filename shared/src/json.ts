/** Readers for JSON whose shape somebody else chose: what is absent or of another type reads as undefined, never throws. */
export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (!isRecord(current) || !Object.hasOwn(current, key)) return undefined;
    current = current[key];
  }
  return current;
}

export function recordAt(value: unknown, ...path: readonly string[]): JsonRecord | undefined {
  const found = at(value, ...path);
  return isRecord(found) ? found : undefined;
}

/** Empty when there is no list. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The elements of a list that are records; empty when there is no list. */
export function recordsAt(value: unknown, ...path: readonly string[]): readonly JsonRecord[] {
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
