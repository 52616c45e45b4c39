// Rows were written by this store, from records of the same shape.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function parseRecord<T>(row: Record<string, unknown>): T {
  return JSON.parse(String(row["record"])) as T;
}
