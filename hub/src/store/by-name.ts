/** Records by their names, which are unique. */
export function byName<T extends { readonly name: string }>(records: Iterable<T>): Map<string, T> {
  return new Map(Array.from(records, (record) => [record.name, record]));
}
